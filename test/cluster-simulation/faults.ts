/** What can be wrong with a sidecar on purpose, so that the simulation is seen to catch it. */
import type { Cluster } from '../../src/cluster/cluster.ts'
import { handleDelivered } from '../../src/engine/tenure.ts'
import type { State } from '../../src/engine/state.ts'
import type { BeforeRelease } from '../../src/journal/writer.ts'

/** The parts of a sidecar that a fault can be planted in. */
export interface Core {
  readonly cluster: (cluster: Cluster) => Cluster
  readonly beforeRelease: (real: BeforeRelease) => BeforeRelease
  readonly handleDelivered: typeof handleDelivered
}

export const REAL: Core = {
  cluster: (cluster) => cluster,
  beforeRelease: (real) => real,
  handleDelivered,
}

export interface Planted {
  readonly name: string
  readonly core: Core
}

const NOTHING_TAKEN: State['tenure']['taken'] = { inbox: '0-0', critical: '0-0', halts: '0-0' }

export const FAULTS: readonly Planted[] = [
  {
    name: 'fencing is off: a stale holder appends under whatever epoch there is',
    core: {
      ...REAL,
      cluster: (cluster) => ({
        ...cluster,
        log: {
          ...cluster.log,
          append: async (epoch, entries) => {
            const appended = await cluster.log.append(epoch, entries)
            return appended.kind === 'stale' ? cluster.log.append(appended.epoch, entries) : appended
          },
        },
      }),
    },
  },
  {
    name: 'an input that is delivered again is not known',
    core: {
      ...REAL,
      handleDelivered: (state, delivered, now) =>
        handleDelivered({ ...state, tenure: { ...state.tenure, taken: NOTHING_TAKEN } }, delivered, now),
    },
  },
  {
    name: 'what is on the disk is released before the log has it',
    core: {
      ...REAL,
      beforeRelease: (real) => async (first, lines) => {
        const kept = lines()
        real(first, () => kept).catch(() => undefined)
      },
    },
  },
  {
    name: 'nobody waits for the home whose records a restarted Redis may lack',
    core: {
      ...REAL,
      cluster: (cluster) => ({
        ...cluster,
        lease: {
          ...cluster.lease,
          acquire: async (floor, accepted) => {
            const acquired = await cluster.lease.acquire(floor, accepted)
            return acquired.kind === 'orphaned' ? cluster.lease.acquire(floor, acquired.holder) : acquired
          },
        },
      }),
    },
  },
]
