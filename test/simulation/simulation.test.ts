/** The real core, in worlds where anything may happen, does what a naive model says and never lets more out than its limits. */
import { describe, expect, test } from 'vitest'
import { REAL } from './core.ts'
import { FAULTS } from './faults.ts'
import { findFault, simulate } from './simulate.ts'

/** What the stories must have come to, so that what is held was tried. */
const REACHED = `
  order allow, order narrow, order deny, replace allow, replace deny, cancel allow, cancel deny, transfer allow, transfer deny,
  redeemed, PERMIT_SPENT, PERMIT_UNKNOWN, HALTED_SINCE, reducing, halted, restart, crash, CLOCK_BACKWARDS,
  accepted, filled, replaced, cancelled, expired, rejected, repeated, AFTER_END, FILLED_OVER, EXECUTION_BACKWARDS,
  EXECUTION_CONFLICT, EXECUTION_OFF_LOT, EXECUTION_ORDER_UNKNOWN, other order, OBSERVATION_IN_FUTURE, in a basket, BASKET_TOTAL, BASKET_CONFLICT,
  signed off, transferred, TRANSFER_APPROVERS, SIGNOFF_BY_AGENT, SIGNOFF_UNTIL, SIGNOFF_ENDED, CONSTITUTION_CHANGED,
  MARKET_CLOSED, SENT_TODAY, FILLED_TODAY,
  market.session, agent.sentToday, account.filledToday, transfer.approvers`
  .split(',')
  .map((what) => what.trim())

test('whatever happens, the sums are right and the limits hold', () => {
  const { seen } = simulate('the core', REAL)
  process.stdout.write(`${[...seen].map(([what, times]) => `${times} ${what}`).join(', ')}\n`)
  for (const what of REACHED) expect(seen.get(what), what).toBeGreaterThan(0)
})

describe('a fault that is planted is caught', () => {
  test.each(FAULTS)('$name', ({ name, core, invariants }) => {
    expect(findFault(name, core, 'all').broken).toBeDefined()
    // The venue's word alone shows it too, where it could do harm there; which invariant breaks first is chance.
    if (invariants.length > 0) expect(findFault(name, core, 'venue').broken).toBeDefined()
  })
})
