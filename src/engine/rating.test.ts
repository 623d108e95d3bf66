/** What agents made of their days is known where executions are reported, told to all partitions, and weighed the same in each. */
import { describe, expect, test } from 'vitest'
import { Core, relayed } from '../../test/support/cores.ts'
import { ask, idAt, NOW, programWith, QUIET, refused, request } from '../../test/support/engine.ts'
import { DAY_MS } from '../ledger/track-record.ts'
import { partitionOf } from '../protocol/partition.ts'
import type { RatedDay } from '../protocol/rated.ts'
import { PartitionAudit } from './partition-audit.ts'
import { ratingDue } from './rating.ts'
import type { Input } from './step.ts'
import { agentsOf } from './voters.ts'

const OF = 3
const RULES = programWith([], {}, ['halted'])
const DESK = ['desk-a', 'desk-b', 'desk-c', 'desk-d'].find((owner) => partitionOf(owner, OF) === 1) ?? ''
const TODAY = Math.floor(NOW / DAY_MS)
const MORNING = (TODAY + 1) * DAY_MS + 1

/** Three partitions; `alpha`, which trades with capital, and its account lie in the second. */
function desks(): readonly [Core, Core, Core] {
  const cores = [new Core(0, OF), new Core(1, OF), new Core(2, OF)] as const
  const [first, ...others] = cores
  first.take({ kind: 'activate', program: RULES, by: 'author' })
  const registration = {
    agent: 'alpha',
    role: 'trader' as const,
    strategies: [],
    owner: DESK,
    capital: { amount: 100_000, currency: 'USD' },
  }
  first.take({ kind: 'register', registration, by: 'operator-1' })
  first.take({ kind: 'own', registration: { account: 'main', owner: DESK }, by: 'operator-1' })
  for (const core of others) core.follow(first, [RULES])
  for (const core of cores) {
    const observations = core.number === 1 ? QUIET : QUIET.filter((one) => !('account' in one))
    core.take({ kind: 'observations', observations, feeder: 'feed' })
    for (const at of [NOW, NOW + 5_000]) core.take({ kind: 'beat', agent: 'alpha' }, at)
  }
  return cores
}

/** It buys a hundred at 200, which are worth 205 at the end of the day. */
function trade(core: Core): void {
  const effect = core.take(ask(request({}, { id: idAt(NOW + 5_000) })), NOW + 5_000)
  if (effect?.kind !== 'answer') throw new Error('expected a verdict')
  const { decision: order, verdict } = effect.decision
  expect(verdict).toBe('allow')
  const at = NOW + 6_000
  const execution = { execution: 'e-1', order, event: 'filled', filled: 100, price: 200, at } as const
  core.take({ kind: 'executions', executions: [execution], feeder: 'feed' }, at)
  const observations = ['nyse', 'bats'].map((source) => ({
    kind: 'price' as const,
    instrument: 'AAPL',
    source,
    price: 205,
    at,
  }))
  core.take({ kind: 'observations', observations, feeder: 'feed' }, at)
}

/** A day begins: the first event of it closes the one before. */
const begin = (cores: readonly Core[], now = MORNING): void => {
  for (const core of cores) core.take({ kind: 'beat', agent: 'alpha' }, now)
}
const performance = ({ state }: Core) =>
  agentsOf(state.ledger, MORNING).find(({ agent }) => agent === 'alpha')?.performance
const days = ({ state }: Core) => [...(state.ledger.trackRecords.get('alpha')?.days ?? [])]

describe('a day that is over', () => {
  test('is told by the partition that knows it, and weighs the same in all', () => {
    const [first, second, third] = desks()
    trade(second)
    expect(ratingDue(second.state)).toBeUndefined()
    begin([first, second, third])
    expect(days(second)).toMatchObject([{ day: TODAY, profit: 500, capital: 100_000, upMs: 5_000 }])
    // Nobody else makes up a day of which it knows nothing.
    for (const core of [first, third]) {
      expect(days(core)).toEqual([])
      expect(ratingDue(core.state)).toBeUndefined()
    }
    const rating = ratingDue(second.state)
    if (rating === undefined) throw new Error('it is due')
    expect(rating).toMatchObject({ partition: 1, days: [{ agent: 'alpha', day: TODAY, profit: 500 }] })
    expect(first.take(rating, MORNING)).toMatchObject({ body: { rated: 1 } })
    for (const core of [second, third]) core.follow(first, [RULES], MORNING)
    expect(ratingDue(second.state)).toBeUndefined()
    expect(days(second)).toHaveLength(1)
    for (const core of [first, third]) {
      expect(days(core)).toEqual(days(second))
      expect(performance(core)).toEqual(performance(second))
    }
    expect(performance(first)?.periods).toBe(1)
  })

  test('is taken once, and one that was told out of turn brings nothing back', () => {
    const [first, second] = desks()
    begin([first, second])
    const one = ratingDue(second.state) as Input
    begin([first, second], MORNING + DAY_MS)
    const two = ratingDue(second.state)
    if (two === undefined) throw new Error('it is due')
    expect(two.days).toHaveLength(2)
    expect(first.take(two, MORNING + DAY_MS)).toMatchObject({ body: { rated: 2 } })
    const { length } = first.events
    for (const again of [one, two])
      expect(first.take(again, MORNING + DAY_MS)).toMatchObject({ body: { rated: 0 } })
    expect(first.events).toHaveLength(length)
    expect(days(first)).toHaveLength(2)
  })

  test('whose profit nobody can say stays so', () => {
    const [first, second] = desks()
    trade(second)
    const { ledger } = second.state
    second.state = { ...second.state, ledger: { ...ledger, prices: ledger.prices.clear() } }
    begin([first, second])
    const rating = ratingDue(second.state)
    expect(rating?.days[0]?.profit).toBeNull()
    first.take(rating as Input, MORNING)
    expect(days(first)[0]).toMatchObject({ day: TODAY, profit: undefined })
    expect(performance(first)?.sharpe).toBeNaN()
  })
})

test('only its own partition tells how an agent did, in the first, and only of days that are over', () => {
  const [first, second, third] = desks()
  begin([first, second, third])
  const day: RatedDay = {
    agent: 'alpha',
    day: TODAY,
    profit: 1e9,
    capital: 1,
    registeredMs: DAY_MS,
    upMs: DAY_MS,
  }
  const rate = (partition: number, more: Partial<RatedDay> = {}): Input => ({
    kind: 'rate',
    partition,
    days: [{ ...day, ...more }],
  })
  expect(refused(first.state, rate(2), MORNING)).toBe('PARTITION_WRONG')
  expect(refused(first.state, rate(1, { agent: 'nobody' }), MORNING)).toBe('AGENT_UNKNOWN')
  expect(refused(first.state, rate(1, { day: TODAY + 1 }), MORNING)).toBe('OBSERVATION_IN_FUTURE')
  for (const core of [second, third]) expect(refused(core.state, rate(1), MORNING)).toBe('PARTITION_WRONG')
  const alone = new Core(0, 1)
  expect(refused(alone.state, rate(0), MORNING)).toBe('PARTITION_WRONG')
})

test('the audit finds a day that was told twice, or by another than the first', () => {
  const [first, second] = desks()
  begin([first, second])
  first.take(ratingDue(second.state) as Input, MORNING)
  second.follow(first, [RULES], MORNING)
  const problems = (core: Core, twice: string): string[] => {
    const audit = new PartitionAudit()
    return core.events.flatMap(({ event }) => {
      const found = audit.take(event)
      if (event.type !== twice) return found ?? []
      const again = event.type === 'followed' && event.event?.type === 'rated' ? event.event : event
      return again.type === 'rated' ? (audit.take(again) ?? []) : (found ?? [])
    })
  }
  for (const core of [first, second]) expect(problems(core, '')).toEqual([])
  expect(problems(first, 'rated')).toEqual([`day ${TODAY} of \`alpha\` was told after day ${TODAY}`])
  expect(problems(second, 'followed')).toEqual(['`rated` is recorded by p00 and followed here'])
  expect(relayed(first, [RULES]).at(-1)?.event?.type).toBe('rated')
})
