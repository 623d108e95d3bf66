/** Every interleaving of votes, time, vetoes, withdrawal, duplicates, crash and re-delivery with up to four voters. */
import { describe, expect, test } from 'vitest'
import type { OpenRound, RoundEvent } from '../../src/consensus/round-state.ts'
import { step } from '../../src/consensus/round.ts'
import type { Policy } from '../../src/protocol/policy.ts'
import { AT, opened, policyWith, rosterOf, voteIn, voting } from '../support/consensus.ts'
import { Broken, explore, type Step } from './explore.ts'

interface Case {
  readonly title: string
  readonly weights: readonly number[]
  readonly vetoes?: readonly number[]
  readonly policy?: Partial<Policy>
}

const EXTENDED: Partial<Policy> = { extension: { lastMs: 500, byMs: 1000, times: 2 } }

const CASES: readonly Case[] = [
  { title: 'one voter', weights: [1], policy: EXTENDED },
  { title: 'two equals: half is not enough', weights: [1, 1], policy: { quorum: [1, 2], ...EXTENDED } },
  { title: 'a veto beside a majority', weights: [3, 2], vetoes: [1], policy: EXTENDED },
  { title: 'three equals, two thirds', weights: [1, 1, 1], policy: EXTENDED },
  { title: 'three with a veto', weights: [4, 3, 3], vetoes: [2], policy: { quorum: [3, 5], ...EXTENDED } },
  {
    title: 'support above quorum',
    weights: [4, 3, 3],
    policy: { quorum: [1, 4], support: [2, 3], extension: { lastMs: 500, byMs: 1000, times: 1 } },
  },
  { title: 'a minimum number of voters', weights: [8, 1, 1], policy: { minimumVoters: 2, ...EXTENDED } },
  { title: 'one that weighs nothing', weights: [1, 1, 0], policy: { minimumVoters: 2, quorum: [1, 2] } },
  {
    title: 'two with a veto, one of whom must agree',
    weights: [4, 3, 3],
    vetoes: [1, 2],
    policy: { consent: 'one', quorum: [1, 3], ...EXTENDED },
  },
  {
    title: 'two with a veto, who must both agree',
    weights: [4, 3, 3],
    vetoes: [1, 2],
    policy: { quorum: [1, 3], ...EXTENDED },
  },
  { title: 'four, with a veto', weights: [4, 3, 2, 1], vetoes: [3], policy: { quorum: [3, 5] } },
  { title: 'four equals, ties', weights: [1, 1, 1, 1], policy: { quorum: [1, 2], minimumVoters: 2 } },
  { title: 'four, extended', weights: [5, 3, 3, 1], policy: { quorum: [1, 3], ...EXTENDED } },
]

/** Early, in the last moments, at the deadline, and twice beyond it where it may be extended. */
const timesOf = ({ deadline, opening }: OpenRound): number[] =>
  opening.policy.extension === null
    ? [AT + 1, deadline]
    : [AT + 1, deadline - 500, deadline, deadline + 999, deadline + 1000, deadline + 2000]

const openCase = ({ weights, vetoes = [], policy = {} }: Case): OpenRound => {
  const whole = policyWith({ vetoes: ['risk'], ...policy })
  return opened(whole, rosterOf(whole, weights, vetoes))
}

const happeningsOf =
  (round: OpenRound) =>
  (at: number): RoundEvent[] => [
    ...round.opening.frozen.roster.voters.flatMap(({ agent }) =>
      (['yes', 'no', 'abstain'] as const).map((choice) => voting(voteIn(round, agent, choice), at)),
    ),
    { type: 'tick', at },
    { type: 'withdraw', by: 'proposer', at },
    { type: 'cancel', by: 'operator', isOperator: true, at },
  ]

test.each(CASES)('$title: every interleaving has one outcome, and the right one', (given) => {
  const round = openCase(given)
  const { states, steps } = explore(step, round, timesOf(round), happeningsOf(round))
  process.stdout.write(`interleavings: ${given.title}: ${states} states, ${steps} steps\n`)
  expect(states).toBeGreaterThan(10)
})

describe('a fault that is planted is found', () => {
  const voteTurned =
    (turn: (event: Extract<RoundEvent, { type: 'vote' }>) => RoundEvent): Step =>
    (round, event) =>
      step(round, event.type === 'vote' ? turn(event) : event)
  const openedAs =
    (turn: (round: OpenRound) => OpenRound) =>
    (round: OpenRound): OpenRound =>
      turn(round)
  const same = openedAs((round) => round)

  const faults: readonly (readonly [string, Step, (round: OpenRound) => OpenRound])[] = [
    [
      'a tie approves',
      step,
      openedAs((round) => ({
        ...round,
        opening: {
          ...round.opening,
          rule: { ...round.opening.rule, support: [499_999, 1_000_000] },
        },
      })),
    ],
    [
      'the quorum is of those who voted',
      step,
      openedAs((round) => ({
        ...round,
        opening: { ...round.opening, rule: { ...round.opening.rule, quorumWeight: 1 } },
      })),
    ],
    [
      'an abstention counts as a yes',
      voteTurned((event) =>
        event.vote.choice === 'abstain' ? { ...event, vote: { ...event.vote, choice: 'yes' } } : event,
      ),
      same,
    ],
    [
      'an early close looks past a veto to come',
      step,
      openedAs((round) => ({ ...round, waiting: { ...round.waiting, vetoes: 0 } })),
    ],
    [
      'an early close looks past weight to come',
      step,
      openedAs((round) => ({ ...round, waiting: { ...round.waiting, weight: round.waiting.weight - 1 } })),
    ],
    [
      'the minimum number of voters is forgotten',
      step,
      openedAs((round) => ({
        ...round,
        opening: { ...round.opening, rule: { ...round.opening.rule, minimumVoters: 0 } },
      })),
    ],
    [
      'a veto is lost with its voter',
      step,
      openedAs((round) => ({
        ...round,
        opening: { ...round.opening, rule: { ...round.opening.rule, consents: 0 } },
      })),
    ],
    [
      'an abstention of who has a veto is its consent',
      (round, event) => {
        const [after, effects] = step(round, event)
        const isConsent =
          event.type === 'vote' &&
          event.vote.choice === 'abstain' &&
          round.opening.frozen.byName.get(event.vote.agent)?.veto === true &&
          after.state === 'open' &&
          after.votes.size > round.votes.size
        return isConsent
          ? [{ ...after, tally: { ...after.tally, consents: after.tally.consents + 1 } }, effects]
          : [after, effects]
      },
      same,
    ],
    [
      'an equivocation is overlooked',
      (round, event) =>
        event.type === 'vote' && round.votes.has(event.vote.agent) ? [round, []] : step(round, event),
      same,
    ],
    [
      'the last vote counts',
      (round, event) => {
        if (event.type !== 'vote' || round.state !== 'open' || !round.votes.has(event.vote.agent))
          return step(round, event)
        return step({ ...round, votes: round.votes.delete(event.vote.agent) }, event)
      },
      same,
    ],
    [
      'a vote at the deadline counts',
      (round, event) =>
        round.state === 'open' && event.type === 'vote' && event.at === round.deadline
          ? step(round, { ...event, at: event.at - 1 })
          : step(round, event),
      same,
    ],
    [
      'a decided round is opened again by a withdrawal',
      (round, event) =>
        round.state === 'rejected' && event.type === 'withdraw'
          ? [{ ...round, state: 'withdrawn', by: event.by }, []]
          : step(round, event),
      same,
    ],
    [
      'a deadline is extended without end',
      (round, event) => {
        const [after, effects] = step(round, event)
        return [
          after.state === 'open' && after.extensions === 1 ? { ...after, extensions: 0 } : after,
          effects,
        ]
      },
      same,
    ],
  ]

  test.each(faults)('%s', (_, faulty, turn) => {
    const found = CASES.filter(({ weights }) => weights.length <= 3).some((given) => {
      const round = openCase(given)
      try {
        explore(faulty, turn(round), timesOf(round), happeningsOf(round))
        return false
      } catch (error) {
        if (!(error instanceof Broken)) throw error
        return true
      }
    })
    expect(found).toBe(true)
  })
})
