import { describe, expect, test } from 'vitest'
import {
  AT,
  nameOf,
  opened,
  policyWith,
  proposalWith,
  rosterOf,
  voteIn,
  voting,
} from '../../test/support/consensus.ts'
import { seeded } from '../base/random.ts'
import { pop, push, type Heap } from './heap.ts'
import type { OpenRound } from './round-state.ts'
import {
  addRound,
  CLOSED_MAX,
  nextDeadline,
  NO_ROUNDS,
  OPEN_MAX,
  roundOf,
  stepRound,
  tickRounds,
  votedOn,
  type Rounds,
} from './rounds.ts'

const policy = policyWith({ quorum: [1, 3], extension: { lastMs: 500, byMs: 1000, times: 1 } })
const frozen = rosterOf(policy, [1, 1, 1, 1])
const roundAt = (id: string, at = AT): OpenRound => ({
  ...opened(policy, frozen, proposalWith({ proposal: id })),
  deadline: at + 2000,
})
const added = (rounds: Rounds, round: OpenRound): Rounds => {
  const after = addRound(rounds, round)
  if ('code' in after) throw new Error(after.code)
  return after
}
const say = (round: OpenRound, index: number, choice: 'yes' | 'no', at: number) =>
  voting(voteIn(round, nameOf(index), choice), at)

test('rounds close in the order of their deadlines, each once', () => {
  const rounds = ['late', 'early', 'middle'].reduce(
    (all, id, index) => added(all, roundAt(id, AT + [500, 0, 100][index]!)),
    NO_ROUNDS,
  )
  expect(nextDeadline(rounds)).toBe(AT + 2000)
  const [after, closed] = tickRounds(rounds, AT + 2100)
  expect(closed.map(({ round }) => round)).toEqual(['early', 'middle'])
  expect(closed[0]?.effects).toEqual([{ type: 'closed', outcome: 'rejected' }])
  expect(tickRounds(after, AT + 2100)[1]).toEqual([])
  expect(roundOf(after, 'early')?.state).toBe('rejected')
  expect(roundOf(after, 'late')?.state).toBe('open')
})

test('an extended round closes at its new deadline and not at the old one', () => {
  const round = roundAt('r')
  let rounds = added(NO_ROUNDS, round)
  rounds = stepRound(rounds, 'r', say(round, 0, 'yes', AT + 1))[0]
  rounds = stepRound(rounds, 'r', say(round, 1, 'yes', round.deadline - 1))[0]
  expect(tickRounds(rounds, round.deadline)[1]).toEqual([])
  expect(tickRounds(rounds, round.deadline + 1000)[1]).toMatchObject([{ round: 'r' }])
})

test('unknown and known ids', () => {
  const round = roundAt('r')
  const rounds = added(NO_ROUNDS, round)
  expect(stepRound(rounds, 'other', say(round, 0, 'yes', AT + 1))).toMatchObject([
    rounds,
    [{ code: 'ROUND_UNKNOWN' }],
  ])
  expect(addRound(rounds, round)).toMatchObject({ code: 'ROUND_EXISTS' })
  const [after] = tickRounds(rounds, AT + 9000)
  expect(addRound(after, round)).toMatchObject({ code: 'ROUND_EXISTS' })
})

test('what an agent has voted on, while it is open', () => {
  const round = roundAt('r')
  const [voted] = stepRound(added(NO_ROUNDS, round), 'r', say(round, 0, 'yes', AT + 1))
  expect([...votedOn(voted, nameOf(0))]).toEqual(['execution'])
  expect([...votedOn(voted, nameOf(1))]).toEqual([])
  expect([...votedOn(tickRounds(voted, AT + 9000)[0], nameOf(0))]).toEqual([])
})

describe('bounds', () => {
  test('open rounds', () => {
    let rounds = NO_ROUNDS
    const one = roundAt('r')
    for (let index = 0; index < OPEN_MAX; index += 1) rounds = added(rounds, withId(one, `r${index}`))
    expect(addRound(rounds, withId(one, 'more'))).toMatchObject({ code: 'ROUNDS_FULL' })
  })

  test('decided rounds that are kept, and the queue of deadlines', () => {
    let rounds = NO_ROUNDS
    const one = roundAt('r')
    for (let index = 0; index < CLOSED_MAX + 10; index += 1) {
      rounds = added(rounds, withId(one, `r${index}`))
      rounds = stepRound(rounds, `r${index}`, { type: 'withdraw', by: 'proposer', at: AT + 1 })[0]
    }
    expect(rounds.closed.size).toBe(CLOSED_MAX)
    expect(roundOf(rounds, 'r0')).toBeUndefined()
    expect(roundOf(rounds, 'r10')?.state).toBe('withdrawn')
    expect(rounds.dueSize).toBeLessThan(100)
  })

  function withId(round: OpenRound, id: string): OpenRound {
    return { ...round, opening: { ...round.opening, proposal: { ...round.opening.proposal, proposal: id } } }
  }
})

test('a heap gives back what was put in, the earliest first', () => {
  const random = seeded(5)
  const times = Array.from({ length: 500 }, () => Math.floor(random() * 100))
  let heap: Heap<number> = null
  for (const at of times) heap = push(heap, at, at)
  const out: number[] = []
  while (heap !== null) {
    out.push(heap.value)
    heap = pop(heap)
  }
  expect(out).toEqual(times.toSorted((a, b) => a - b))
})
