import { describe, expect, test } from 'vitest'
import { policyWith } from '../../test/support/consensus.ts'
import { outcomesOf, roundOf, type Says } from '../../test/support/outcomes.ts'
import {
  brier,
  distance,
  forecast,
  OUTCOMES_MIN,
  proposeWeights,
  vectorOf,
  withVector,
} from './weights-proposal.ts'

const POLICY = policyWith()
const COUNT = 40
/** The one with good returns is always right, the others are wrong as often as not. */
const earnerKnows = (place: number): readonly [Says, 0 | 1] => {
  const up = place % 2 === 0
  return [
    {
      earner: up ? 'yes' : 'no',
      keeper: place % 4 < 2 ? 'yes' : 'no',
      stayer: place % 3 === 0 ? 'yes' : 'no',
    },
    up ? 1 : 0,
  ]
}

describe('what votes foretold', () => {
  // α 0.5, β 0.3, γ 0.2, each the weight of one voter.
  test.each<[Says, number]>([
    [{ earner: 'yes', keeper: 'no', stayer: 'no' }, 0.5],
    [{ earner: 'yes', keeper: 'no' }, 0.5 + 0.1],
    [{ earner: 'yes', keeper: 'no', stayer: 'abstain' }, 0.5 + 0.1],
    // A no of the half ends the round, so that the others are not heard.
    [{ earner: 'no', keeper: 'yes', stayer: 'yes' }, 0.15 + 0.1],
    [{ keeper: 'yes' }, 0.25 + 0.3 + 0.1],
    [{}, 0.5],
  ])('%j is %d', (says, probability) => {
    expect(forecast(POLICY, roundOf(says))).toBeCloseTo(probability, 5)
  })

  test('and by other weights it is another', () => {
    const certificate = roundOf({ earner: 'yes', keeper: 'no' })
    expect(forecast(withVector(POLICY, [16, 2, 2]), certificate)).toBeCloseTo(0.8 + 0.05, 5)
    expect(forecast(withVector(POLICY, [2, 16, 2]), certificate)).toBeCloseTo(0.1 + 0.05, 5)
  })

  test('the loss is Brier’s', () => {
    expect([brier(0.6, 1), brier(0.6, 0), brier(1, 1)]).toEqual([0.16000000000000003, 0.36, 0])
  })
})

describe('a proposal', () => {
  test('goes towards who was right, and no further than a step', () => {
    const found = proposeWeights(POLICY, outcomesOf(COUNT, earnerKnows), 0)
    expect(found).toMatchObject({ kind: 'proposed', from: [10, 6, 4] })
    if (found.kind !== 'proposed') return
    expect(found.to[0]).toBe(12)
    expect(distance(found.from, found.to)).toBe(2)
    const { hedged, inForce, rounds, power } = found.evidence
    expect(rounds).toBe(COUNT)
    expect(hedged.regret).toBeLessThanOrEqual(hedged.bound)
    expect(hedged.best.loss / rounds).toBeLessThan(inForce)
    expect(power).toHaveLength(3)
    expect(power.reduce((sum, { after }) => sum + after, 0)).toBeCloseTo(1, 9)
  })

  test('goes less far where changes have gone far already, and nowhere where they went all the way', () => {
    const outcomes = outcomesOf(COUNT, earnerKnows)
    expect(proposeWeights(POLICY, outcomes, 5)).toMatchObject({ kind: 'proposed', to: [11, 5, 4] })
    expect(proposeWeights(POLICY, outcomes, 6).kind).toBe('unchanged')
    expect(proposeWeights(POLICY, outcomes, 60).kind).toBe('unchanged')
  })

  test('never leaves its bounds', () => {
    const at = policyWith(withVector(POLICY, [16, 3, 1]))
    const found = proposeWeights(at, outcomesOf(COUNT, earnerKnows, at), 0)
    expect(found.kind === 'proposed' ? found.to[0] : 16).toBeLessThanOrEqual(16)
  })

  test('is none on too few outcomes, or from weights beside the grid', () => {
    expect(proposeWeights(POLICY, outcomesOf(OUTCOMES_MIN - 1, earnerKnows), 0)).toEqual({
      kind: 'too few',
      outcomes: 29,
    })
    const thirds = policyWith({ weights: { ...POLICY.weights, alpha: [1, 3], beta: [1, 3], gamma: [1, 3] } })
    expect(vectorOf(thirds)).toBeUndefined()
    expect(proposeWeights(thirds, [], 0).kind).toBe('off the grid')
  })

  test('of which nobody could know anything when its rounds opened learns nothing meanwhile', () => {
    const late = outcomesOf(COUNT, earnerKnows).map((one) => ({ ...one, at: Number.MAX_SAFE_INTEGER }))
    const found = proposeWeights(POLICY, late, 0)
    const onTime = proposeWeights(POLICY, outcomesOf(COUNT, earnerKnows), 0)
    if (!('evidence' in found) || !('evidence' in onTime)) throw new Error('expected evidence')
    expect(found.evidence.hedged.loss).toBeGreaterThan(onTime.evidence.hedged.loss)
    expect(found.evidence.hedged.bound).toBeGreaterThan(onTime.evidence.hedged.bound)
  })

  test.each<[string, Parameters<typeof policyWith>[0], string]>([
    // α = 0.6 alone reaches a quorum of 3/5, and the rest does not.
    ['a dictator', { quorum: [3, 5] }, '`earner` would decide alone'],
    // β and γ together have 0.4 after it, and 0.5 before.
    ['a veto', { quorum: [9, 20], support: [1, 10] }, 'nothing would pass without `earner`'],
    ['somebody without power', { quorum: [3, 5] }, '`keeper` would have no power'],
  ])('that makes %s is refused', (_, changed, why) => {
    const policy = policyWith(changed)
    const found = proposeWeights(policy, outcomesOf(COUNT, earnerKnows, policy), 0)
    expect(found).toMatchObject({ kind: 'refused', to: [12, expect.any(Number), expect.any(Number)] })
    if (found.kind === 'refused') expect(found.why.join()).toContain(why)
  })
})
