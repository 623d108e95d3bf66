/** What verification derives again of a journal is what the core did, whatever happened. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { RedemptionAudit } from '../../src/engine/redemption-audit.ts'
import { rederive } from '../../src/engine/rederive.ts'
import { decisionOf } from '../../src/protocol/evidence.ts'
import { programOfHash } from './constitution.ts'
import { REAL, type Kept } from './core.ts'
import { play } from './play.ts'
import { SEED } from './simulate.ts'
import { story } from './steps.ts'

const LONG = process.env.EPHOR_LONG === '1'

/** What verification finds in a journal. */
function problemsIn(records: readonly Kept[]): string[] {
  const audit = new RedemptionAudit(programOfHash)
  return records.flatMap(({ at, event }, place) => {
    const problem = audit.take(event, at)
    const derived =
      event.type === 'decided'
        ? rederive(decisionOf(event), programOfHash(event.decision.constitution))
        : undefined
    return [problem, derived].flatMap((one) => (one === undefined ? [] : [`${place}: ${one}`]))
  })
}

test('the journal of each story verifies, and not with a verdict that is given twice', () => {
  process.stdout.write(`simulation: verified: EPHOR_SEED=${SEED}\n`)
  let planted = 0
  fc.assert(
    fc.property(story(120), (one) => {
      const { records } = play(REAL, one)
      expect(problemsIn(records)).toEqual([])
      const decided = records.findLast(({ event }) => event.type === 'decided')
      if (decided === undefined || planted > 0) return
      planted += 1
      expect(problemsIn([...records, decided])).not.toEqual([])
    }),
    { seed: SEED, numRuns: LONG ? 5_000 : 100 },
  )
  expect(planted).toBe(1)
})
