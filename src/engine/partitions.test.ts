/** Several cores, each of one partition, and the worst door there could be: it sends everything to all. Nothing is decided twice, and no limit is spent in two. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Core, relayed } from '../../test/support/cores.ts'
import { ask, idAt, NOW, programWith, QUIET, refused, request, run } from '../../test/support/engine.ts'
import { findOrder } from '../ledger/orders.ts'
import { partitionOf } from '../protocol/partition.ts'
import { handle } from './handle.ts'
import { OwnerAudit } from './owner-audit.ts'
import { PartitionAudit } from './partition-audit.ts'
import { permitId } from './permits.ts'
import { decisionId } from './memory.ts'
import { EMPTY_STATE } from './state.ts'
import type { Input } from './step.ts'
import { handleDelivered } from './tenure.ts'

const OF = 3
/** The shipped constitution lists agents by name. */
const RULES = programWith([], {}, ['halted', 'order-value-cap', 'agent-silent'])
const OWNERS = ['default', 'desk-a', 'desk-b', 'desk-c', 'desk-d']
const ownerIn = (number: number): string =>
  OWNERS.find((owner) => owner !== 'default' && partitionOf(owner, OF) === number) ?? ''

const register = (agent: string, owner: string, ...strategies: string[]): Input => ({
  kind: 'register',
  registration: { agent, role: 'trader', strategies, owner },
  by: 'operator-1',
})
const own = (account: string, owner: string): Input => ({
  kind: 'own',
  registration: { account, owner },
  by: 'operator-1',
})
const report = (account: string): Input => ({
  kind: 'observations',
  observations: [
    { kind: 'account', account, currency: 'USD', equity: 10_000_000, cash: 9_000_000, at: NOW - 500 },
    { kind: 'portfolio', account, positions: [], at: NOW - 500 },
  ],
  feeder: 'feed',
})
const order = (agent: string, account: string, serial: number, strategy?: string): Input =>
  ask(
    request(
      { account, limitPrice: 200 - serial / 100, ...(strategy === undefined ? {} : { strategy }) },
      { id: idAt(NOW, `${serial}`), agent },
    ),
  )

/** Three cores with an owner in each but the first, whose agents and accounts all of them know. */
function desks(): {
  readonly cores: readonly [Core, Core, Core]
  readonly one: string
  readonly two: string
} {
  const cores = [new Core(0, OF), new Core(1, OF), new Core(2, OF)] as const
  const [first, ...others] = cores
  first.take({ kind: 'activate', program: RULES, by: 'author' })
  const [one, two] = [ownerIn(1), ownerIn(2)]
  for (const [place, owner] of ['default', one, two].entries()) {
    first.take(register(`agent-${place}`, owner, `strategy-${place}`))
    first.take(own(`account-${place}`, owner))
  }
  for (const core of others) core.follow(first, [RULES])
  for (const core of cores) {
    core.take({ kind: 'observations', observations: QUIET, feeder: 'feed' })
    core.take(report(`account-${core.number}`))
    core.take({ kind: 'beat', agent: `agent-${core.number}` })
  }
  return { cores, one, two }
}

describe('a partition', () => {
  test('decides on its own owners’ and sends the others away by name', () => {
    const { cores } = desks()
    for (const core of cores) {
      for (const place of [0, 1, 2]) {
        const input = order(`agent-${place}`, `account-${place}`, 1)
        if (place === core.number) expect(core.take(input)).toMatchObject({ decision: { verdict: 'allow' } })
        else expect(refused(core.state, input)).toBe('PARTITION_WRONG')
        const decision = decisionId(`agent-${place}`, idAt(NOW, '1'))
        const redeem: Input = { kind: 'redeem', permit: permitId(decision), agent: `agent-${place}` }
        if (place !== core.number) expect(refused(core.state, redeem)).toBe('PARTITION_WRONG')
      }
    }
  })

  test('takes nothing of an agent without a registration, not even a cancel: its ids would be decided again', () => {
    const action = { type: 'cancel', account: 'account-0', instrument: 'AAPL', order: 'd-1' } as const
    for (const { state } of desks().cores) {
      expect(refused(state, order('nobody', 'account-0', 1))).toBe('AGENT_UNKNOWN')
      expect(refused(state, ask({ id: idAt(NOW), agent: 'nobody', action }))).toBe('AGENT_UNKNOWN')
    }
  })

  test('lets nobody near an account that is nobody’s: its limits would begin anew with its owner', () => {
    for (const core of desks().cores) {
      const agent = `agent-${core.number}`
      expect(core.take(order(agent, 'free', 1))).toMatchObject({
        decision: { verdict: 'deny', reasons: [{ code: 'ACCOUNT_UNKNOWN' }, { code: 'OWNER_DIFFERS' }] },
      })
      expect(core.take(report('free'))).toMatchObject({
        accepted: 0,
        refused: [{ code: 'PARTITION_WRONG' }, { code: 'PARTITION_WRONG' }],
      })
      expect(refused(core.state, { kind: 'adopt', account: 'free', operator: 'one', reason: 'x' })).toBe(
        'PARTITION_WRONG',
      )
    }
  })

  test('calls what it opens by its own name, and refuses what another opened', () => {
    const { cores } = desks()
    const halt = (number: number): string => {
      const effect = cores[number]?.take({
        kind: 'halt',
        request: { scope: { kind: 'account', name: `account-${number}` }, state: 'halted', reason: 'x' },
        by: 'one',
      })
      return effect?.kind === 'done' ? String(effect.body.halt) : ''
    }
    const ids = [halt(0), halt(1), halt(2)]
    expect(ids).toEqual([
      expect.stringMatching(/^h-p00-\d+$/),
      expect.stringMatching(/^h-p01-\d+$/),
      expect.stringMatching(/^h-p02-\d+$/),
    ])
    for (const { number, state } of cores)
      for (const [place, id] of ids.entries()) {
        const resume: Input = { kind: 'resume', halt: id, operator: 'one', reason: 'over' }
        if (place !== number) expect(refused(state, resume)).toBe('PARTITION_WRONG')
        for (const kind of ['approve', 'revoke'] as const)
          expect(refused(state, { kind, grant: `g-p0${place}-7`, operator: 'one', reason: 'x' })).toBe(
            place === number ? 'GRANT_UNKNOWN' : 'PARTITION_WRONG',
          )
      }
  })

  test('takes a halt of the lane under the one name that it has in all of them', () => {
    const input: Input = {
      kind: 'halt',
      request: { scope: { kind: 'everything' }, state: 'halted', reason: 'x' },
      by: 'one',
    }
    const ids = desks().cores.map(({ state }) => {
      const [next] = handleDelivered(state, { lane: 'halts', entry: '1790000000000-0', input }, NOW)
      expect(next.tenure.taken.halts).toBe('1790000000000-0')
      return [...next.ledger.halts.keys()]
    })
    expect(ids).toEqual(Array.from({ length: OF }, () => ['h-1790000000000-0']))
  })

  test('grants only what is used in one of them', () => {
    const { cores } = desks()
    const grant = (scope: object): Input => ({
      kind: 'grant',
      request: { rule: 'order-value', scope, upTo: 1, until: NOW + 1000, uses: 1, reason: 'x' },
      by: 'one',
    })
    for (const { number, state } of cores) {
      expect(refused(state, grant({ instrument: 'AAPL' }))).toBe('PARTITION_WRONG')
      for (const place of [0, 1, 2])
        for (const kind of ['agent', 'account', 'strategy'])
          expect(refused(state, grant({ [kind]: `${kind}-${place}` })) === 'PARTITION_WRONG').toBe(
            place !== number,
          )
    }
  })

  test('is what its first record says, for good', () => {
    const { state } = new Core(1, OF)
    for (const partition of [{ number: 2, of: OF }, { number: 1, of: 4 }, undefined])
      expect(() =>
        handle(state, { kind: 'promote', epoch: 2, by: 'two', ...(partition && { partition }) }, NOW),
      ).toThrow(/one partition from its first record on/)
    const [again, [event]] = handle(
      state,
      { kind: 'promote', epoch: 2, by: 'two', partition: { number: 1, of: OF } },
      NOW,
    )
    expect(again.ledger.partition).toEqual({ number: 1, of: OF })
    expect(event).not.toHaveProperty('partition')
  })
})

describe('owners', () => {
  test('are fixed in the first and followed in its order, each once', () => {
    const { cores, one, two } = desks()
    const [first, second] = cores
    for (const input of [register('new', one), own('new', one)]) {
      expect(refused(second.state, input)).toBe('PARTITION_WRONG')
      expect(first.take(input)?.kind).toBe('done')
    }
    for (const input of [register('new', two), own('new', two), register('agent-0', one)])
      expect(refused(first.state, input)).toBe('OWNER_FIXED')
    const [newest, before] = relayed(first, [RULES]).toReversed()
    if (newest === undefined || before === undefined) throw new Error('two were recorded')
    expect(refused(second.state, newest)).toBe('PARTITION_BEHIND')
    expect(second.take(before)).toMatchObject({ body: { followed: before.record } })
    const { state } = second
    expect(second.take(before)).toMatchObject({ body: { followed: before.record } })
    expect(second.state).toBe(state)
    expect(second.take(newest)?.kind).toBe('done')
    expect(second.state.ledger.owners.get('new')).toBe(one)
    expect(refused(first.state, newest)).toBe('PARTITION_WRONG')
  })

  test('keep a strategy that their agents gave up', () => {
    const { cores, one, two } = desks()
    const [first] = cores
    expect(first.take(register('agent-1', one))?.kind).toBe('done')
    expect(refused(first.state, register('agent-2', two, 'strategy-1'))).toBe('OWNER_FIXED')
  })
})

const pick = fc.integer({ min: 0, max: 4 })
/** What operators, feeders and agents do, without knowing of each other. */
const anything = fc.oneof(
  fc.record({ kind: fc.constant('register' as const), a: pick, b: pick, c: pick }),
  fc.record({ kind: fc.constant('own' as const), a: pick, b: pick, c: pick }),
  fc.record({ kind: fc.constant('report' as const), a: pick, b: pick, c: pick }),
  fc.record({ kind: fc.constant('order' as const), a: pick, b: pick, c: pick }),
  fc.record({ kind: fc.constant('relay' as const), a: pick, b: pick, c: pick }),
)
type Doing = typeof anything extends fc.Arbitrary<infer T> ? T : never

function inputOf({ kind, a, b, c }: Doing): Input | undefined {
  if (kind === 'register') return register(`agent-${a}`, OWNERS[b] ?? '', `strategy-${c}`)
  if (kind === 'own') return own(`account-${a}`, OWNERS[b] ?? '')
  if (kind === 'report') return report(`account-${a}`)
  if (kind !== 'order') return undefined
  return order(`agent-${a}`, `account-${b}`, c, c % 2 === 0 ? undefined : `strategy-${b}`)
}

/** Where each thing that must be in one place was found. */
function placesIn(cores: readonly Core[]): Map<string, Set<number>> {
  const places = new Map<string, Set<number>>()
  const note = (what: string, { number }: Core): void => {
    places.set(what, (places.get(what) ?? new Set()).add(number))
  }
  for (const core of cores)
    for (const { event } of core.events) {
      if (event.type === 'observed' && 'account' in event.observation)
        note(`reports of ${event.observation.account}`, core)
      if (event.type !== 'decided') continue
      const { decision, verdict, action } = event.decision
      note(`verdicts on ${decision}`, core)
      if (verdict !== 'allow' || action.type !== 'order') continue
      note(`limits of ${action.account}`, core)
      // Counted towards the agent’s first where none is named.
      const strategy = findOrder(core.state.ledger, decision)?.strategy
      if (strategy !== undefined) note(`limits of ${strategy}`, core)
    }
  return places
}

test('whatever is sent wherever, one id has one verdict and one limit is spent in one place', () => {
  let elsewhere = 0
  let allowed = 0
  fc.assert(
    fc.property(fc.array(anything, { minLength: 30, maxLength: 90 }), (doings) => {
      const { cores } = desks()
      const [first] = cores
      for (const doing of doings) {
        const input = inputOf(doing)
        if (input !== undefined)
          for (const core of cores) {
            if (input.kind === 'action') core.take({ kind: 'beat', agent: input.request.agent })
            core.take(input)
          }
        else {
          // Some of what the first recorded comes late, again, out of turn, or to one of them only.
          const all = relayed(first, [RULES])
          const to = cores[doing.a % OF] ?? first
          for (const one of all.slice(doing.c % 2 === 0 ? 0 : Math.max(0, all.length - doing.b))) to.take(one)
        }
      }
      for (const [what, where] of placesIn(cores)) {
        expect(where.size, what).toBe(1)
        if (what.startsWith('limits')) allowed += 1
        if (what.startsWith('verdicts') && !where.has(0)) elsewhere += 1
      }
      for (const { events } of cores) {
        const [owners, partitions] = [new OwnerAudit(), new PartitionAudit()]
        for (const { event } of events) {
          expect(owners.take((event.type === 'followed' ? event.event : undefined) ?? event)).toBeUndefined()
          expect(partitions.take(event)).toBeUndefined()
        }
      }
    }),
    { numRuns: 20, seed: 20_261_128 },
  )
  // It is no use where nothing is decided.
  expect(elsewhere).toBeGreaterThan(20)
  expect(allowed).toBeGreaterThan(20)
})

test('a core by itself is of no partition, and nothing is called otherwise', () => {
  const { state, effects } = run(
    EMPTY_STATE,
    [
      { kind: 'promote', epoch: 1, by: 'one', partition: { number: 0, of: 1 } },
      {
        kind: 'halt',
        request: { scope: { kind: 'everything' }, state: 'halted', reason: 'x' },
        by: 'one',
      },
    ],
    NOW,
  )
  expect(effects[1]).toMatchObject({ body: { halt: 'h-2' } })
  expect(state.ledger.partition).toEqual({ number: 0, of: 1 })
})
