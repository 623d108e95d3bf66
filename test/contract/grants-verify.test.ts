/** `ephor log verify` on uses of grants: an honest journal verifies, and one whose writer forged a use does not, though its chain is whole. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { verifyHome } from '../../src/cli/verify-home.ts'
import { openJournal } from '../../src/journal/journal.ts'
import { readRecords } from '../../src/journal/read.ts'
import type { Event } from '../../src/protocol/event.ts'
import { order, portfolio, quietMarket } from '../support/market.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

let rig: Rig

beforeEach(async () => {
  rig = await new Rig().start()
  await rig.observe(...quietMarket(OPEN).slice(0, -1), portfolio(OPEN, 9950))
  const terms = {
    rule: 'position-cap',
    scope: { agent: 'alpha' },
    upTo: 2_100_000,
    until: OPEN + 1000,
    uses: 1,
  }
  const { body } = await rig.post('/v1/grants', 'operator-1', { ...terms, reason: 'a test' })
  await rig.post(`/v1/grants/${String(body.grant)}/approve`, 'operator-2', { reason: 'a test' })
  expect((await rig.judge(order())).grants).toHaveLength(1)
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

/** Writes one more record with the sidecar's own key, made from its last. */
async function forge(change: (event: Event) => Event): Promise<void> {
  const { keys, keyId } = rig.running.home
  await rig.stop()
  let last: Event | undefined
  for await (const record of readRecords(rig.journal)) last = record.event as unknown as Event
  if (last === undefined) throw new Error('the journal is empty')
  const { journal } = await openJournal({ directory: rig.journal, keys, keyId, now: () => OPEN })
  await journal.append([{ at: OPEN, eventText: JSON.stringify(change(last)) }]).durable
  await journal.close()
}

test('a use that a live grant covers', async () => {
  await rig.stop()
  const { ok, printed } = await verified()
  expect(printed).toContain('1 of 1 verdicts derived again')
  expect(ok).toBe(true)
})

test.each<[string, (event: Event) => Event, RegExp]>([
  ['once too often', (event) => event, /`g-\d+` was used for position-cap, and it was used/],
  [
    'of a grant that nobody proposed',
    (event) =>
      event.type === 'decided'
        ? {
            ...event,
            decision: {
              ...event.decision,
              grants: event.decision.grants?.map((use) => ({ ...use, grant: 'g-999' })),
            },
          }
        : event,
    /`g-999` was used for position-cap, and no such grant was proposed/,
  ],
])('a use %s', async (_, change, problem) => {
  await forge(change)
  const { ok, printed } = await verified()
  expect(printed).toContain('chain whole')
  expect(printed).toMatch(problem)
  expect(ok).toBe(false)
})
