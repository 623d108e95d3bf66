/** Halts that all partitions have: one name in each, lifted in the first, and no lift reaches one that was raised since. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Core, relayed } from '../../test/support/cores.ts'
import { ask, idAt, NOW, programWith, QUIET, refused, request } from '../../test/support/engine.ts'
import {
  agreed,
  founded,
  HALT,
  LATER,
  other,
  PLACE,
  PROGRAMS,
  resume,
  roundIn,
  vote,
} from '../../test/support/founded.ts'
import { isLater } from '../base/entry-id.ts'
import type { HaltScope } from '../protocol/action.ts'
import type { AgentRegistration } from '../protocol/agent.ts'
import { partitionOf } from '../protocol/partition.ts'
import { placeOf } from '../protocol/taken.ts'
import { ApprovalAudit } from './approval-audit.ts'
import { isForOthers } from './halts.ts'
import { PartitionAudit } from './partition-audit.ts'
import type { Input } from './step.ts'

describe('halts of all', () => {
  test('are not lifted before they are in force, wherever what the first says of them comes first', () => {
    const core = new Core(1, 2)
    const [last, ...before] = relayed(agreed(), PROGRAMS).toReversed()
    for (const input of before.toReversed()) {
      const effect = core.take(input)
      if (input.event?.type !== 'asked' || input.event.rounds[0]?.proposal.subject.kind !== 'resume') continue
      expect(effect).toMatchObject({ code: 'PARTITION_BEHIND', detail: expect.stringContaining(PLACE) })
      core.deliver(PLACE, HALT)
      expect(core.take(input)).toMatchObject({ kind: 'done' })
    }
    expect(core.state.ledger.halts.has(`h-${PLACE}`)).toBe(true)
    if (last !== undefined) core.take(last)
    expect(core.state.ledger.halts.size).toBe(0)
  })

  test('a lift reaches no halt that was raised again since', () => {
    const first = agreed()
    const core = other()
    core.deliver(LATER, HALT)
    expect(core.events.at(-2)?.event).toMatchObject({ halt: `h-${LATER}`, replaces: `h-${PLACE}` })
    core.follow(first, PROGRAMS)
    expect([...core.state.ledger.halts.keys()]).toEqual([`h-${LATER}`])
    // In the first it is another halt, under the same name.
    first.deliver(LATER, HALT)
    expect([...first.state.ledger.halts.keys()]).toEqual([`h-${LATER}`])
    first.take(resume(`h-${LATER}`))
    vote(first)
    core.follow(first, PROGRAMS)
    expect(core.state.ledger.halts.size).toBe(0)
  })

  test('who asked about it before it was raised again must ask again', () => {
    const first = founded()
    first.deliver(PLACE, HALT)
    first.take(resume(`h-${PLACE}`))
    const round = roundIn(first)
    first.deliver(LATER, HALT)
    vote(first, 'yes', round)
    expect(first.events.at(-1)?.event.type).toBe('certified')
    expect(first.state.ledger.halts.has(`h-${LATER}`)).toBe(true)
    expect(refused(first.state, resume(`h-${PLACE}`))).toBe('HALT_UNKNOWN')
    const core = other()
    core.deliver(LATER, HALT)
    core.follow(first, PROGRAMS)
    expect([...core.state.ledger.halts.keys()]).toEqual([`h-${LATER}`])
  })
})

/** Two partitions that both took the halt of an instrument, of which an operator has asked to lift it. */
function halfLifted(): readonly [World, Core, Core, string] {
  const world = new World()
  const [first, second] = [world.core(0), world.core(1)]
  world.put({ kind: 'instrument', name: 'AAPL' })
  for (const core of world.cores) world.deliver(core, 1)
  const [halt = ''] = world.ofAll(first)
  first.take(resume(halt, 'operator-1'))
  for (const core of world.cores) world.relay(core, Infinity)
  return [world, first, second, halt]
}

test('who saw what travels with a halt, so that the mark of an account can be lowered where it lies', () => {
  const monitor = {
    policy: 'a'.repeat(64),
    watches: 'drawdown',
    about: 'account-1',
    observed: 0.2,
    limit: 0.1,
  } as const
  const rebase = (halt: string, operator: string): Input => {
    const asked: Input & { kind: 'resume' } = { kind: 'resume', halt, operator, reason: 'over', rebase: true }
    return asked
  }
  for (const seen of [{}, { monitor }]) {
    const world = new World()
    const second = world.core(1)
    const highWater = (): number | undefined => second.state.ledger.accounts.get('account-1')?.highWater
    const report = {
      kind: 'account',
      account: 'account-1',
      currency: 'USD',
      equity: 8_000_000,
      cash: 1,
      at: NOW,
    } as const
    second.take({ kind: 'observations', observations: [report], feeder: 'feed' })
    expect(highWater()).toBe(10_000_000)
    world.put({ kind: 'everything' })
    const [lain] = world.lane
    if (lain === undefined) throw new Error('it lies there')
    world.lane[0] = { ...lain, input: { ...lain.input, ...seen } }
    for (const core of world.cores) world.deliver(core, 1)
    const [halt = ''] = world.ofAll(world.first)
    if (!('monitor' in seen)) {
      expect(refused(world.first.state, rebase(halt, 'operator-1'))).toBe('REBASE_UNRELATED')
      continue
    }
    for (const operator of ['operator-1', 'operator-2']) world.first.take(rebase(halt, operator))
    world.relay(second, Infinity)
    expect(second.state.ledger.halts.size).toBe(0)
    expect(highWater()).toBe(8_000_000)
  }
})

describe('what one partition stops over a halt of all', () => {
  test('is lifted by no name that only this one has', () => {
    for (const number of [0, 1]) {
      const [world, , , halt] = halfLifted()
      const core = world.core(number)
      world.order(core, 300)
      const [name = '', ...more] = [...core.state.ledger.halts.values()]
        .filter(({ scope }) => scope.kind === 'instrument')
        .map(({ id }) => id)
      expect(more).toEqual([])
      expect(name).toMatch(/^h-[0-9a-f]+-huge$/)
      expect(refused(core.state, resume(name))).toBe('HALT_ON_ITS_WAY')
      if (number === 0) expect(refused(world.first.state, resume(halt, 'operator-2'))).toBe('HALT_UNKNOWN')
      // An audit of a core that did it all the same.
      const lifted = { schema: 1, type: 'resumed', halt: name, operator: 'operator-1', reason: '' } as const
      const audit = new PartitionAudit()
      const found = [...core.events.map(({ event }) => event), lifted].map((event) => audit.take(event))
      expect(found.filter((problem) => problem !== undefined)).toEqual([
        `\`${name}\` is for all partitions, and was lifted by a name that only this one has`,
      ])
    }
  })

  test('of its own stays, whatever is lifted for all and however late that is heard', () => {
    const world = new World()
    const [first, second] = [world.core(0), world.core(1)]
    world.put({ kind: 'account', name: 'account-1' })
    world.deliver(first, 1)
    const [halt = ''] = world.ofAll(first)
    for (const operator of ['operator-1', 'operator-2']) first.take(resume(halt, operator))
    // It has not heard of that halt, and stops the account itself.
    world.order(second, 100)
    world.deliver(second, 1)
    world.relay(second, Infinity)
    expect([...second.state.ledger.halts.keys()]).toEqual([expect.stringMatching(/^h-[0-9a-f]+-large$/)])
  })
})

const OF = 3
const loss = (id: string, above: number, scope: string): object => ({
  id,
  title: 'Of a test',
  applies: { actions: ['order', 'replace'] },
  forbid: `order.value > ${above} USD`,
  unless: 'action.reducing',
  raise: { state: 'halted', scope },
})
const RULES = programWith([loss('large', 10_000, 'account'), loss('huge', 50_000, 'instrument')])
const DESKS = ['desk-a', 'desk-b', 'desk-c', 'desk-d', 'desk-e']
const OWNERS = [
  'default',
  ...[1, 2].map((number) => DESKS.find((desk) => partitionOf(desk, OF) === number) ?? ''),
]
const SCOPES: readonly HaltScope[] = [
  { kind: 'everything' },
  { kind: 'instrument', name: 'AAPL' },
  ...[0, 1, 2].map((number): HaltScope => ({ kind: 'account', name: `account-${number}` })),
]

/** Cores, the lane that they take halts of, and what each has taken and followed. */
class World {
  readonly cores = Array.from({ length: OF }, (_, number) => new Core(number, OF))
  readonly lane: { readonly place: string; readonly input: Input & { kind: 'halt' } }[] = []
  /** Those whose home ended. */
  readonly gone = new Set<Core>()
  /** Lifts that reached nothing, since it was raised again. */
  void = 0
  #orders = 0

  constructor() {
    const [first, ...others] = this.cores as [Core, ...Core[]]
    first.take({ kind: 'activate', program: RULES, by: 'author' })
    for (const [place, owner] of OWNERS.entries()) {
      const agent: AgentRegistration = { agent: `agent-${place}`, role: 'trader', strategies: [], owner }
      first.take({ kind: 'register', registration: agent, by: 'operator-1' })
      first.take({ kind: 'own', registration: { account: `account-${place}`, owner }, by: 'operator-1' })
    }
    for (const core of others) core.follow(first, [RULES])
    for (const core of this.cores) {
      const account = `account-${core.number}`
      const observations = QUIET.map((one) => ('account' in one ? { ...one, account } : one))
      core.take({ kind: 'observations', observations, feeder: 'feed' })
    }
  }

  get first(): Core {
    return this.core(0)
  }

  core(number: number): Core {
    return this.cores[number] ?? this.first
  }

  put(scope: HaltScope): void {
    const input = { kind: 'halt', request: { scope, state: 'halted', reason: 'x' }, by: 'operator' } as const
    this.lane.push({ place: `1790000000000-${this.lane.length + 1}`, input })
  }

  /** A core takes what it has not taken of the lane, up to so many. */
  deliver(core: Core, count: number): void {
    const { halts } = core.state.tenure.taken
    for (const { place, input } of this.lane.filter((one) => isLater(one.place, halts)).slice(0, count))
      core.deliver(place, input)
  }

  relay(core: Core, count: number): void {
    if (core.number === 0) return
    const { sequence } = core.state.tenure.followed
    for (const input of relayed(this.first, [RULES])
      .filter(({ record }) => record > sequence)
      .slice(0, count)) {
      const { event } = input
      if (event?.type === 'resumed' && !core.state.ledger.halts.has(event.halt)) this.void += 1
      const effect = core.take(input)
      if (effect?.kind === 'refuse') expect(effect.code).toBe('PARTITION_BEHIND')
      if (effect?.kind === 'refuse') return
    }
  }

  order(core: Core, quantity: number): void {
    this.#orders += 1
    const { number } = core
    const of = request(
      { account: `account-${number}`, quantity },
      { id: idAt(NOW, `${this.#orders}`), agent: `agent-${number}` },
    )
    core.take(ask(of))
  }

  /** Puts into the lane what a core raised that the others are to have, as its home does at once: `from` its event of this place on, or all of it where its home is a new one. */
  spread(core: Core, from?: number): void {
    const { halts } = core.state.ledger
    const raised = core.events.slice(from)
    const names =
      from === undefined
        ? [...halts.keys()]
        : raised.flatMap(({ event }) => (event.type === 'halted' ? [event.halt] : []))
    for (const halt of names.flatMap((name) => halts.get(name) ?? []))
      if (isForOthers(halt)) this.put(halt.scope)
  }

  /** What must hold at any time: nobody lets go of a halt that the first did not lift. */
  check(): void {
    const lifted = new Map<string, string>()
    const words = new Map<string, Set<string>>()
    const scopes = new Map(this.lane.map(({ place, input }) => [place, JSON.stringify(input.request.scope)]))
    for (const { event } of this.first.events) {
      if (event.type !== 'resumed') continue
      const asked = (words.get(event.halt) ?? new Set()).add(event.operator)
      words.set(event.halt, asked)
      // Two people ask.
      if (asked.size < 2) continue
      const place = placeOf(event.halt) ?? ''
      const scope = scopes.get(place) ?? ''
      if (isLater(place, lifted.get(scope) ?? '0-0')) lifted.set(scope, place)
    }
    for (const core of this.cores) {
      const { tenure, ledger } = core.state
      const held = new Set([...ledger.halts.values()].map(({ scope }) => JSON.stringify(scope)))
      for (const name of this.own(core)) expect(ledger.halts.has(name), `${core.number}: ${name}`).toBe(true)
      for (const [place, scope] of scopes) {
        const isTaken = !isLater(place, tenure.taken.halts)
        const isLifted = !isLater(place, lifted.get(scope) ?? '0-0')
        if (isTaken && !isLifted) expect([...held], `${core.number}: ${place}`).toContain(scope)
      }
    }
  }

  /** What a core halted of its own and only its own, and two people have not lifted by that name. */
  own({ events }: Core): ReadonlySet<string> {
    const names = new Set<string>()
    const asked = new Map<string, number>()
    for (const { event } of events) {
      if (event.type === 'halted' && event.replaces !== undefined) names.delete(event.replaces)
      if (event.type === 'halted' && placeOf(event.halt) === undefined && event.scope.kind === 'account')
        names.add(event.halt)
      if (event.type !== 'resumed') continue
      asked.set(event.halt, (asked.get(event.halt) ?? 0) + 1)
      if (asked.get(event.halt) === 2) names.delete(event.halt)
    }
    return names
  }

  /** Everything arrives everywhere. */
  settle(): void {
    for (let [left, more] = [10, true]; more; left -= 1) {
      const before = this.lane.length
      if (left === 0) throw new Error('what is told to the others comes to no end')
      for (const core of this.cores) this.spread(core)
      for (const core of this.cores) this.deliver(core, Infinity)
      for (const core of this.cores) this.relay(core, Infinity)
      more = this.lane.length > before
    }
  }

  ofAll(core: Core): string[] {
    return [...core.state.ledger.halts.keys()].filter((name) => placeOf(name) !== undefined).toSorted()
  }
}

const some = fc.integer({ min: 0, max: 8 })
const doing = fc.record({
  what: fc.constantFrom(
    'put',
    'deliver',
    'deliver',
    'relay',
    'resume',
    'resume',
    'order',
    'order',
    'promote',
  ),
  a: some,
  b: some,
  c: some,
})

test('halts come and go at their own time in each, and nobody trades who was not told so by the first', () => {
  const counts = { followed: 0, void: 0, replaced: 0, raisedOver: 0 }
  fc.assert(
    fc.property(fc.array(doing, { minLength: 20, maxLength: 80 }), (doings) => {
      const world = new World()
      for (const { what, a, b, c } of doings) {
        const core = world.core(a % OF)
        // Another home comes, and tells the others what the one before may not have told.
        if (what === 'promote' && world.gone.delete(core)) world.spread(core)
        if (world.gone.has(core)) continue
        const names = [...world.first.state.ledger.halts.keys()]
        if (what === 'put') world.put(SCOPES[b % SCOPES.length] ?? { kind: 'everything' })
        if (what === 'deliver') world.deliver(core, b)
        if (what === 'relay') world.relay(core, b)
        if (what === 'order') {
          const before = core.events.length
          world.order(core, b % 2 === 0 ? 100 : 300)
          if (c === 0) world.gone.add(core)
          else world.spread(core, before)
        }
        // Told to all, as by a door that knows nothing.
        if (what === 'resume')
          for (const each of world.cores.filter((one) => !world.gone.has(one)))
            each.take(
              resume(names[b % Math.max(1, names.length)] ?? 'h-1790000000000-1', `operator-${c % 3}`),
            )
        world.check()
      }
      world.settle()
      world.check()
      for (const core of world.cores) expect(world.ofAll(core)).toEqual(world.ofAll(world.first))
      for (const name of world.ofAll(world.first))
        for (const operator of ['operator-7', 'operator-8']) world.first.take(resume(name, operator))
      world.settle()
      counts.void += world.void
      for (const core of world.cores) {
        expect(world.ofAll(core)).toEqual([])
        const approvals = new ApprovalAudit()
        for (const { event } of core.events) {
          const said = event.type === 'followed' ? event.event : undefined
          expect(approvals.take({ at: NOW, event: said ?? event }, said !== undefined)).toBeUndefined()
          if (said?.type === 'resumed') counts.followed += 1
          if (event.type !== 'halted' || event.replaces === undefined) continue
          counts.replaced += 1
          const isOverAll = placeOf(event.replaces) !== undefined && placeOf(event.halt) === undefined
          if (isOverAll) counts.raisedOver += 1
        }
      }
    }),
    { numRuns: 250, seed: 20_261_129 },
  )
  // It is no use where nothing happens.
  for (const [what, count] of Object.entries(counts)) expect(count, what).toBeGreaterThan(20)
})

test.each([1, 2])(
  'of %d partitions, a mark is not lowered to a loss that the first who asked had not seen',
  (of) => {
    const owner =
      ['desk-a', 'desk-b', 'desk-c', 'desk-d'].find((each) => partitionOf(each, of) === of - 1) ?? ''
    const cores = Array.from({ length: of }, (_, number) => new Core(number, of))
    const [first, home] = [cores[0], cores[of - 1]] as [Core, Core]
    const program = programWith([], {}, ['halted'])
    const relay = (): void => {
      if (home !== first) home.follow(first, [program])
    }
    const reported = (equity: number): void => {
      const account = {
        kind: 'account',
        account: 'acc',
        currency: 'USD',
        equity,
        cash: equity,
        at: NOW,
      } as const
      home.take({ kind: 'observations', observations: [account], feeder: 'feed' })
    }
    first.take({ kind: 'activate', program, by: 'author' })
    first.take({ kind: 'own', registration: { account: 'acc', owner }, by: 'one' })
    relay()
    reported(10_000_000)
    const stop: Input = {
      kind: 'halt',
      request: { scope: { kind: 'account', name: 'acc' }, state: 'halted', reason: 'it looks bad' },
      by: 'one',
    }
    if (of === 1) first.take(stop)
    else for (const core of cores) core.deliver('1790000000000-0', stop)
    const [halt = ''] = first.state.ledger.halts.keys()
    const lift = (operator: string): Input => ({
      kind: 'resume',
      halt,
      operator,
      reason: 'seen',
      rebase: true,
    })
    reported(9_050_000)
    first.take(lift('one'))
    relay()
    reported(8_950_000)
    first.take(lift('two'))
    relay()
    expect(home.state.ledger.accounts.get('acc')?.highWater).toBe(10_000_000)
  },
)
