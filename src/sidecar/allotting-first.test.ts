/** Where there are several partitions: nothing is let through by a partition that may lack what the first has put in force for all. */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { allotting, askAside, decisionOf } from '../../test/support/allotments.ts'
import { NOW, ready, run } from '../../test/support/engine.ts'
import { SCRATCH } from '../../test/support/scratch.ts'
import { generateKeyPair } from '../base/ed25519.ts'
import { EphorError } from '../base/errors.ts'
import { MemoryStore } from '../cluster/memory.ts'
import { permitId } from '../engine/permits.ts'
import type { State } from '../engine/state.ts'
import { AllotmentBook } from './allotment-book.ts'
import { allottingOf } from './allotting.ts'
import { FirstWatch } from './first-watch.ts'
import { HomeRefusal } from './home-refusal.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(SCRATCH, 'ephor-first-'))
})
afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

const unreached = async (): Promise<never> => {
  throw new EphorError('CLUSTER_UNREACHABLE', 'x')
}

/** Whether what is set aside is redeemed by a core that is cut off, has followed the first up to `followed`, and watches it so, where the first is known up to `fixed`; also where it `isReached` by a look. */
async function redeems(
  fixed: number,
  followed: number,
  watch: FirstWatch,
  isReached = false,
): Promise<boolean> {
  const keys = generateKeyPair()
  const book = AllotmentBook.open({
    path: join(directory, `${fixed}-${followed}-${watch.isDoubtful}`),
    keyId: 'k',
    privateKey: keys.privateKey,
    publicKeyOf: () => keys.publicKey,
  })
  const store = new MemoryStore({
    place: { number: 1, of: 2 },
    now: () => 0,
    sleep: () => Promise.resolve(),
    fault: () => ({ kind: isReached ? 'none' : 'lost', delayMs: 0 }),
  })
  const cluster = store.connect('here')
  const through = { to: 'here', book: await book.id() }
  const { state } = run(ready(), [allotting(), askAside(10, { through })], NOW)
  const stateWith = (tenure: Partial<State['tenure']>): State => ({
    ...state,
    tenure: { ...state.tenure, ...tenure },
  })
  const first = { state: stateWith({ fixed }), durableState: stateWith({ fixed }), stops: [] }
  const own = stateWith({ followed: { sequence: followed, hash: '' } })
  const made = allottingOf(
    { allotments: book, membership: { cluster }, cores: () => [first] },
    {
      lookout: {
        isInTouch: false,
        inTouch: unreached,
        assertFree: () => undefined,
        silentMs: 0,
      },
      recorder: () => ({ state: own, durable: own, now: () => NOW + 1 }),
      member: { isAbreast: () => true, watch },
    },
  )
  try {
    await made?.handle({ kind: 'redeem', permit: permitId(decisionOf()), agent: 'alpha' }, unreached)
    return true
  } catch (error) {
    expect(error).toMatchObject({ code: isReached ? 'CLUSTER_UNREACHABLE' : 'HOME_UNKNOWN' })
    return false
  } finally {
    await book.close()
  }
}

test('it has followed all that the first is known to have, and found nothing of it missing', async () => {
  const watch = new FirstWatch(true, () => 0)
  expect(await redeems(7, 7, watch)).toBe(true)
  expect(await redeems(8, 7, watch)).toBe(false)
  watch.freeze('its log is shorter')
  expect(await redeems(6, 6, watch)).toBe(false)
  watch.sure(0)
  expect(await redeems(5, 5, watch)).toBe(true)
  // As home it looks first.
  watch.begin()
  expect(await redeems(4, 4, watch)).toBe(false)
  const first = new FirstWatch(false, () => 0)
  first.begin()
  expect(first.isDoubtful).toBe(false)
})

test('a Redis that a look reaches is not out of reach, whatever was not answered before', async () => {
  const watch = new FirstWatch(true, () => 0)
  expect(await redeems(7, 7, watch, true)).toBe(false)
  expect(await redeems(8, 8, watch)).toBe(true)
})

test('what a frozen home does not take, nothing is known to have come of', () => {
  const watch = new FirstWatch(true, () => 10_000)
  watch.freeze('x')
  expect(() => watch.assertFree({ kind: 'redeem', permit: 'p-1', agent: 'alpha' })).toThrow(HomeRefusal)
})
