/** A journal is held against a log that may lose its end between two looks: what is gone is not what went on otherwise. */
import { expect, test } from 'vitest'
import { MemoryStore } from '../cluster/memory.ts'
import { hashOfLine, type Cluster } from '../cluster/cluster.ts'
import { EMPTY_STATE } from '../engine/state.ts'
import { encodeLine, GENESIS, type ChainEnd } from '../journal/record.ts'
import { align } from './alignment.ts'

/** So many records after `end`. */
function chain(count: number, end: ChainEnd = GENESIS, word = 'x'): { lines: string[]; end: ChainEnd } {
  const lines: string[] = []
  const bytes = Buffer.alloc(1_000)
  let last = end
  for (let place = 0; place < count; place += 1) {
    const { offset } = encodeLine(bytes, 0, last, { at: place, eventText: JSON.stringify({ type: word }) })
    const line = bytes.toString('utf8', 0, offset - 1)
    lines.push(line)
    last = { sequence: last.sequence + 1, hash: hashOfLine(line) }
  }
  return { lines, end: last }
}

/** A home called `one` that recorded five, all of which the log has. */
async function rig() {
  let now = 0
  const store = new MemoryStore({ now: () => now, sleep: () => Promise.resolve() })
  const cluster = store.connect('one')
  const { lines, end } = chain(5)
  const acquired = await cluster.lease.acquire(0)
  const epoch = acquired.kind === 'acquired' ? acquired.epoch : 0
  await cluster.log.append(
    epoch,
    lines.map((line, place) => ({ sequence: place + 1, line })),
  )
  const journal = {
    end,
    hashAt: async (sequence: number) => hashOfLine(lines[sequence - 1] ?? ''),
    state: { tenure: { ...EMPTY_STATE.tenure, home: 'one', since: 1 } },
  }
  /** The same log, which loses `lost` records after its end was asked for. */
  const losing = (lost: number): Cluster => {
    let isLost = false
    const ask = async (): ReturnType<Cluster['log']['end']> => {
      const ended = await cluster.log.end()
      if (!isLost) store.restart(lost)
      isLost = true
      return ended
    }
    return { ...cluster, log: { ...cluster.log, end: ask } }
  }
  const pass = (ms: number): void => {
    now += ms
  }
  return { store, cluster, journal, lines, losing, pass }
}

test('a journal that is the log is aligned, and one that goes beyond it ahead', async () => {
  const { store, cluster, journal } = await rig()
  expect(await align(cluster, journal)).toEqual({ kind: 'aligned' })
  store.restart(2)
  expect(await align(cluster, journal)).toMatchObject({ kind: 'ahead', end: { sequence: 3 } })
})

test.each([1, 2, 4])(
  '%i records that the log loses while it is looked at are not set aside',
  async (lost) => {
    const { journal, losing } = await rig()
    expect(await align(losing(lost), journal)).toMatchObject({ kind: 'ahead', end: { sequence: 5 - lost } })
  },
)

test('what went on otherwise is, from where it did', async () => {
  const { store, cluster, journal, lines, pass } = await rig()
  store.restart(2)
  pass(10_000)
  const other = store.connect('other')
  const acquired = await other.lease.acquire(0, 'one')
  const epoch = acquired.kind === 'acquired' ? acquired.epoch : 0
  const third = { sequence: 3, hash: hashOfLine(lines[2] ?? '') }
  const entries = chain(3, third, 'y').lines.map((line, place) => ({ sequence: 4 + place, line }))
  expect(await other.log.append(epoch, entries)).toEqual({ kind: 'appended' })
  expect(await align(cluster, journal)).toEqual({ kind: 'strayed', keepTo: 3 })
})
