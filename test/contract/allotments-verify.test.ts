/** `ephor log verify` on what was set aside: an honest journal verifies, and one whose writer let another sidecar use it, or a clock free it, does not, though its chain is whole. */
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { verifyHome } from '../../src/cli/verify-home.ts'
import { MemoryStore } from '../../src/cluster/memory.ts'
import { openJournal } from '../../src/journal/journal.ts'
import { readRecords } from '../../src/journal/read.ts'
import type { Event } from '../../src/protocol/event.ts'
import { ALLOTTING } from '../support/allotting-policies.ts'
import { quietMarket, sellAtMarket } from '../support/market.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

let rig: Rig
let decision: string

beforeEach(async () => {
  const store = new MemoryStore({ now: () => performance.now(), sleep: (ms) => pause(ms) })
  rig = await new Rig({ cluster: store.connect('host-a'), policies: ALLOTTING }).start()
  await rig.observe(...quietMarket(OPEN - 1))
  ;({ decision } = await rig.judge(sellAtMarket(400), { allot: true }))
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rig.end()
})

async function verified(): Promise<{ ok: boolean; printed: string }> {
  let printed = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    printed += String(chunk)
    return true
  })
  return { ok: await verifyHome(rig.home, { chainOnly: false }), printed }
}

/** Writes one more record with the sidecar's own key. */
async function forge(event: Event): Promise<void> {
  const { keys, keyId } = rig.running.home
  await rig.stop()
  const { journal } = await openJournal({ directory: rig.journal, keys, keyId, now: () => OPEN })
  await journal.append([{ at: OPEN, eventText: JSON.stringify(event) }]).durable
  await journal.close()
}

async function allottedTo(): Promise<{ to: string; book: string }> {
  for await (const record of readRecords(rig.journal)) {
    const event = record.event as unknown as Event
    if (event.type === 'decided' && event.decision.allotted !== undefined) return event.decision.allotted
  }
  throw new Error('nothing was set aside')
}

test('what its own sidecar used', async () => {
  expect((await rig.post(`/v1/permits/${decision.replace(/^d-/, 'p-')}/redeem`, 'alpha', {})).status).toBe(
    200,
  )
  expect((await allottedTo()).to).toBe('host-a')
  await rig.stop()
  const { ok, printed } = await verified()
  expect(printed).toContain('1 of 1 verdicts derived again')
  expect(ok).toBe(true)
})

test.each<[string, (allotted: { to: string; book: string }) => object, RegExp]>([
  [
    'what another used',
    ({ book }) => ({ type: 'redeemed', allotted: { to: 'host-b', book } }),
    /was redeemed at `host-b`, and was set aside for `host-a`/,
  ],
  ['what lapsed by the clock', () => ({ type: 'lapsed' }), /lapsed by the clock of the home/],
  [
    'what another said to be free',
    ({ to }) => ({ type: 'returned', how: 'unused', allotted: { to, book: 'another' } }),
    /came free by the word of `host-a`/,
  ],
])('%s', async (_, change, problem) => {
  await forge({ schema: 1, decision, ...change(await allottedTo()) } as Event)
  const { ok, printed } = await verified()
  expect(printed).toContain('chain whole')
  expect(printed).toMatch(problem)
  expect(ok).toBe(false)
})
