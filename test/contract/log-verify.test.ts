/** `ephor log verify` on a sidecar's own journal: what is derived again, and what is only believed. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { verifyHome } from '../../src/cli/verify-home.ts'
import { order, quietMarket } from '../support/market.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

let rig: Rig

beforeEach(async () => {
  rig = await new Rig().start()
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rig.end()
})

/** What verification prints, and whether all is well. */
async function verified(json: boolean): Promise<{ ok: boolean; printed: string }> {
  let printed = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    printed += String(chunk)
    return true
  })
  return { ok: await verifyHome(rig.home, { chainOnly: false, json }), printed }
}

test('refusals by the engine are counted by what their records show', async () => {
  await rig.judge(order())
  await rig.observe(...quietMarket(OPEN))
  await rig.judge(order({ instrument: 'MSFT' }))
  await rig.judge(order())
  await rig.stop()
  const text = await verified(false)
  expect(text.ok).toBe(true)
  expect(text.printed).toContain('3 of 3 verdicts derived again')
  expect(text.printed).toContain(
    'refused by the engine itself: 1 ACCOUNT_UNKNOWN believed, 2 INSTRUMENT_UNKNOWN derived again\n',
  )
  expect(JSON.parse((await verified(true)).printed)).toMatchObject({
    ok: true,
    derived: {
      decisions: 3,
      refusals: {
        ACCOUNT_UNKNOWN: { derived: 0, believed: 1 },
        INSTRUMENT_UNKNOWN: { derived: 2, believed: 0 },
      },
    },
  })
})

test('where the engine refused nothing, nothing is said of it', async () => {
  await rig.observe(...quietMarket(OPEN))
  await rig.judge(order())
  await rig.stop()
  expect((await verified(false)).printed).not.toContain('refused by the engine')
})
