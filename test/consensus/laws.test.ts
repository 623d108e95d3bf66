/** Laws of rounds, with random voters up to fifty. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { OpenRound, Round, RoundEvent } from '../../src/consensus/round-state.ts'
import { step } from '../../src/consensus/round.ts'
import { rejectionOf, ruleOf, type Rule } from '../../src/consensus/tally.ts'
import type { Tally } from '../../src/protocol/certificate.ts'
import type { Policy } from '../../src/protocol/policy.ts'
import type { Choice } from '../../src/protocol/proposal.ts'
import { AT, nameOf, opened, policyWith, rosterOf, voteIn, voting } from '../support/consensus.ts'
import { beginning, keyOf, tell } from './model.ts'

const share = fc
  .tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }))
  .map(([a, b]): [number, number] => [Math.min(a, b), Math.max(a, b)])

interface Given {
  readonly weights: readonly number[]
  readonly vetoes: readonly number[]
  readonly policy: Policy
}

const anyRound: fc.Arbitrary<Given> = fc
  .record({
    weights: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 50 }),
    vetoes: fc.array(fc.nat(49), { maxLength: 2 }),
    quorum: share,
    consent: fc.constantFrom('all' as const, 'one' as const),
    support: share.filter(([above, below]) => above < below),
    minimumVoters: fc.integer({ min: 1, max: 4 }),
    extension: fc.option(
      fc.record({ lastMs: fc.constant(500), byMs: fc.constant(700), times: fc.integer({ min: 1, max: 3 }) }),
    ),
  })
  .filter(({ weights, minimumVoters }) => weights.filter((weight) => weight > 0).length >= minimumVoters)
  .map(({ weights, vetoes, ...changed }) => ({
    weights,
    vetoes: vetoes.filter((index) => index < weights.length),
    policy: policyWith({ vetoes: ['risk'], ...changed }),
  }))

const open = ({ policy, weights, vetoes }: Given): OpenRound =>
  opened(policy, rosterOf(policy, weights, vetoes))

const run = (start: Round, events: readonly RoundEvent[]): Round =>
  events.reduce((round, event) => step(round, event)[0], start)

const choice = fc.constantFrom<Choice>('yes', 'yes', 'no', 'abstain')
const RUNS = { numRuns: process.env.EPHOR_LONG === '1' ? 20_000 : 400 }

test('a random history has the outcome that a plain telling gives it, and only one', () => {
  const seen = new Set<string>()
  fc.assert(
    fc.property(
      anyRound,
      fc.array(
        fc.record({ who: fc.nat(49), choice, kind: fc.integer({ min: 0, max: 99 }), wait: fc.nat(90) }),
        { maxLength: 120 },
      ),
      (given, plan) => {
        const start = open(given)
        let round: Round = start
        let model = beginning(start)
        let at = AT
        const history: RoundEvent[] = []
        for (const { who, choice: chosen, kind, wait } of plan) {
          at += wait
          const agent = nameOf(who % given.weights.length)
          const event: RoundEvent =
            kind === 0
              ? { type: 'withdraw', by: 'proposer', at }
              : kind === 1
                ? { type: 'cancel', by: 'operator', isOperator: true, at }
                : kind < 10
                  ? { type: 'tick', at }
                  : voting(voteIn(start, agent, chosen), at)
          const before = round
          round = step(round, event)[0]
          model = tell(model, event)
          history.push(event)
          if (before.state !== 'open') expect(round.state).toBe(before.state)
          expect(round.state).toBe(model.outcome ?? 'open')
          expect(round.deadline).toBe(model.deadline)
        }
        expect(keyOf(run(start, history))).toBe(keyOf(round))
        const end = run(round, [{ type: 'tick', at: round.deadline + 100_000 }])
        expect(end.state).not.toBe('open')
        seen.add(end.state)
      },
    ),
    RUNS,
  )
  expect([...seen].toSorted()).toEqual(['approved', 'cancelled', 'rejected', 'withdrawn'])
})

describe('of votes before the deadline, one each', () => {
  const votes = fc.array(fc.option(choice, { freq: 4 }), { minLength: 50, maxLength: 50 })
  const outcomeOf = (start: OpenRound, chosen: readonly (readonly [number, Choice])[]): Round =>
    run(start, [
      ...chosen.map(([index, one]) => voting(voteIn(start, nameOf(index), one), AT + 1)),
      { type: 'tick', at: AT + 100_000 },
    ])
  const castBy = (given: Given, chosen: readonly (Choice | null)[]): (readonly [number, Choice])[] =>
    given.weights.flatMap((_, index) => {
      const one = chosen[index]
      return one === null || one === undefined ? [] : [[index, one] as const]
    })

  /** All votes counted at the end, without looking at a single one before. */
  const countAll = (
    { policy, weights }: Given,
    start: OpenRound,
    chosen: readonly (readonly [number, Choice])[],
  ) => {
    const tally = { yes: 0, no: 0, abstain: 0, yesVoters: 0, vetoed: false, consents: 0 }
    for (const [index, one] of chosen) {
      const voter = start.opening.frozen.byName.get(nameOf(index))
      tally[one] += voter?.carries ?? 0
      if (one === 'yes' && (weights[index] ?? 0) > 0) tally.yesVoters += 1
      if (one === 'no' && voter?.veto === true) tally.vetoed = true
      if (one === 'yes' && voter?.veto === true) tally.consents += 1
    }
    return rejectionOf(
      ruleOf(policy, start.opening.frozen.roster.total, start.opening.frozen.roster.voters),
      tally,
    ) === null
      ? 'approved'
      : 'rejected'
  }

  test('order does not matter, and closing early is the full count', () => {
    let approved = 0
    fc.assert(
      fc.property(anyRound, votes, fc.infiniteStream(fc.nat()), (given, chosen, chance) => {
        const start = open(given)
        const cast = castBy(given, chosen)
        const shuffled = cast
          .map((one) => ({ one, by: chance.next().value ?? 0 }))
          .toSorted((a, b) => a.by - b.by)
          .map(({ one }) => one)
        const full = countAll(given, start, cast)
        expect(outcomeOf(start, cast).state).toBe(full)
        expect(outcomeOf(start, shuffled).state).toBe(full)
        if (full === 'approved') approved += 1
      }),
      RUNS,
    )
    expect(approved).toBeGreaterThan(20)
  })

  test('a no more never approves, nor does an abstention; a yes more never rejects', () => {
    let changed = 0
    fc.assert(
      fc.property(anyRound, votes, fc.nat(49), (given, chosen, who) => {
        const start = open(given)
        const index = who % given.weights.length
        const others = castBy(given, chosen).filter(([other]) => other !== index)
        const without = outcomeOf(start, others).state
        const withOne = (one: Choice) => outcomeOf(start, [...others, [index, one]]).state
        if (without === 'rejected') {
          expect(withOne('no')).toBe('rejected')
          expect(withOne('abstain')).toBe('rejected')
        } else expect(withOne('yes')).toBe('approved')
        if (withOne('yes') !== withOne('no')) changed += 1
      }),
      RUNS,
    )
    expect(changed).toBeGreaterThan(20)
  })

  test('weights scale: all times a number changes no outcome', () => {
    const anyTally = fc.record({
      yes: fc.nat(300),
      no: fc.nat(300),
      abstain: fc.nat(300),
      yesVoters: fc.nat(5),
      vetoed: fc.boolean(),
      consents: fc.nat(2),
    })
    fc.assert(
      fc.property(anyRound, anyTally, fc.integer({ min: 1, max: 1000 }), ({ policy }, tally, times) => {
        const total = tally.yes + tally.no + tally.abstain + 10
        const scaled: Tally = {
          ...tally,
          yes: tally.yes * times,
          no: tally.no * times,
          abstain: tally.abstain * times,
        }
        const voters = [{ veto: true }, { veto: false }, { veto: true }]
        const rule: Rule = ruleOf(policy, total, voters)
        expect(rejectionOf(ruleOf(policy, total * times, voters), scaled)).toBe(rejectionOf(rule, tally))
      }),
      { numRuns: 5000 },
    )
  })
})

test('one vote of a thousandth of a thousandth decides: thresholds are exact', () => {
  const policy = policyWith({ quorum: [1, 2], support: [1, 2] })
  const rule = ruleOf(policy, 999_999, [])
  const tally = { abstain: 0, yesVoters: 3, vetoed: false, consents: 0 }
  expect(rejectionOf(rule, { ...tally, yes: 499_999, no: 0 })).toBe('quorum')
  expect(rejectionOf(rule, { ...tally, yes: 500_000, no: 0 })).toBeNull()
  expect(rejectionOf(ruleOf(policy, 1_000_000, []), { ...tally, yes: 500_000, no: 500_000 })).toBe('support')
  expect(
    rejectionOf(ruleOf(policyWith({ quorum: [2, 3] }), 999_999, []), { ...tally, yes: 666_666, no: 333_333 }),
  ).toBeNull()
})
