/** The shipped constitution in force in a quiet market, for tests of the engine. */
import { join } from 'node:path'
import { expect } from 'vitest'
import type { DecisionCore } from '../../src/protocol/decision.ts'
import { compile, type Program } from '../../src/constitution/compile.ts'
import { IdMap } from '../../src/base/id-map.ts'
import { Queue } from '../../src/base/queue.ts'
import { handle } from '../../src/engine/handle.ts'
import { permitId } from '../../src/engine/permits.ts'
import type { Effect, Input } from '../../src/engine/step.ts'
import { apply, EMPTY_STATE, type State } from '../../src/engine/state.ts'
import type { ActionRequest, Order } from '../../src/protocol/action.ts'
import type { Event } from '../../src/protocol/event.ts'
import type { Observation } from '../../src/protocol/observation.ts'
import { loadConstitution } from '../../src/sidecar/constitutions.ts'
import { constitutionOf } from './constitution.ts'
import { filesOfCanonicalText } from '../../src/constitution/check.ts'

/** A Tuesday afternoon in New York. */
export const NOW = Date.parse('2026-12-01T15:00:00Z')

const SHIPPED = loadConstitution(join(import.meta.dirname, '../../constitution')).constitution
if (SHIPPED === undefined) throw new Error('the shipped constitution does not load')
export const SHIPPED_TEXT = SHIPPED.text
export const PROGRAM = compile(SHIPPED)

/** A rule by the name of what the engine refuses, which only warns. */
export const WARNING = {
  id: 'off-lot',
  title: 'A broken lot',
  applies: { actions: ['order', 'replace'] },
  warn: 'not multiple(order.quantity, instrument.lot)',
}

/** The shipped constitution with rules in place of, or beside, its own; the manifest may differ. */
export function programWith(
  rules: readonly object[],
  manifest: object = {},
  keep: readonly string[] = [],
): Program {
  const files = new Map(filesOfCanonicalText(SHIPPED_TEXT))
  const shipped = (JSON.parse(files.get('rules/all.yaml') ?? '') as { rules: { id: string }[] }).rules
  const before = JSON.parse(files.get('constitution.yaml') ?? '') as object
  files.set('constitution.yaml', JSON.stringify({ ...before, ...manifest }))
  files.set(
    'rules/all.yaml',
    JSON.stringify({ rules: [...shipped.filter(({ id }) => keep.includes(id)), ...rules] }),
  )
  return compile(constitutionOf(Object.fromEntries(files)))
}

/** The shipped facts with `facts` beside them, and `rules` in place of the shipped ones but for those in `keep`. */
export function programOfFacts(
  facts: object,
  rules: readonly object[],
  keep: readonly string[] = [],
): Program {
  const files = new Map(filesOfCanonicalText(SHIPPED_TEXT))
  const shipped = JSON.parse(files.get('facts.yaml') ?? '') as { facts: object }
  const own = { 'order.side': { type: ['buy', 'sell'], source: 'action', always: true } }
  const named = { 'strategy.id': { type: 'text', source: 'ledger' } }
  files.set(
    'facts.yaml',
    JSON.stringify({ ...shipped, facts: { ...own, ...named, ...shipped.facts, ...facts } }),
  )
  const all = JSON.parse(files.get('rules/all.yaml') ?? '') as { rules: { id: string }[] }
  const kept = all.rules.filter(({ id }) => keep.includes(id))
  return compile(
    constitutionOf({
      ...Object.fromEntries(files),
      'rules/all.yaml': JSON.stringify({ rules: [...kept, ...rules] }),
    }),
  )
}

const instrument = 'AAPL'
export const QUIET: readonly Observation[] = [
  {
    kind: 'instrument',
    instrument,
    assetClass: 'equity',
    currency: 'USD',
    lot: 1,
    tick: 0.01,
    multiplier: 1,
    adv: 50_000_000,
    sharesOutstanding: 15_000_000_000,
    status: 'open',
    at: NOW - 1000,
  },
  { kind: 'price', instrument, source: 'nyse', price: 200, at: NOW - 300 },
  { kind: 'price', instrument, source: 'bats', price: 200, at: NOW - 700 },
  {
    kind: 'bar',
    instrument,
    from: NOW - 300_000,
    to: NOW,
    open: 200,
    high: 200.3,
    low: 199.5,
    close: 200,
    volume: 400_000,
  },
  { kind: 'account', account: 'main', currency: 'USD', equity: 10_000_000, cash: 9_000_000, at: NOW - 500 },
  { kind: 'portfolio', account: 'main', positions: [{ instrument, quantity: 1000 }], at: NOW - 500 },
]

/** The quiet market with more trades than any order here could ask for. */
export const LIQUID = QUIET.map((observation): Observation =>
  observation.kind === 'bar' ? { ...observation, volume: 40_000_000 } : observation,
)

/** The same prices, volume and equity as in `LIQUID`, as of `at`. */
export const stillLiquid = (at: number): Input => ({
  kind: 'observations',
  observations: LIQUID.flatMap((observation): Observation[] => {
    if (observation.kind === 'bar') return [{ ...observation, from: at - 300_000, to: at }]
    return observation.kind === 'price' || observation.kind === 'account' ? [{ ...observation, at }] : []
  }),
  feeder: 'feed',
})

export const BUY: Order = {
  type: 'order',
  account: 'main',
  instrument,
  side: 'buy',
  quantity: 100,
  orderType: 'limit',
  limitPrice: 200,
}

/** A ULID of the time `at`, told from others of that time by `tail`. */
export function idAt(at: number, tail = '0'): string {
  const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
  let head = ''
  for (let rest = at; head.length < 10; rest = Math.floor(rest / 32))
    head = `${alphabet[rest % 32] ?? ''}${head}`
  return head + tail.padStart(16, '0')
}

export function request(change: Partial<Order> = {}, more: Partial<ActionRequest> = {}): ActionRequest {
  return { id: idAt(NOW), agent: 'alpha', action: { ...BUY, ...change }, ...more }
}

export const ask = (of: ActionRequest): Input => ({ kind: 'action', request: of })

export const observe = (...observations: readonly Observation[]): Input => ({
  kind: 'observations',
  observations,
  feeder: 'feed',
})

/** The codes of an answer. */
export const codesOf = (state: State, input: Input, now: number): unknown =>
  answered(state, input, now)?.reasons.map(({ code }) => code)

/** Asks for a hundred at about 200, `change`d: at another price each time, or it would be a twin of the last. */
export function asking(at: number, change: Partial<Order> = {}): Input {
  asked += 1
  const order = { quantity: 100, limitPrice: 200 + asked / 100, ...change }
  return ask(request(order, { id: idAt(at, `${asked}`) }))
}
let asked = 0

/** The state in which `program` is in force and `observations` are known. */
export function ready(program: Program = PROGRAM, observations: readonly Observation[] = QUIET): State {
  return run(
    EMPTY_STATE,
    [
      { kind: 'activate', program, by: 'author' },
      { kind: 'observations', observations, feeder: 'feed' },
    ],
    NOW,
  ).state
}

/** Handles `inputs` one after another at one moment. */
export function run(
  from: State,
  inputs: readonly Input[],
  now: number,
): { state: State; events: Event[]; effects: Effect[] } {
  let state = from
  const events: Event[] = []
  const effects: Effect[] = []
  for (const input of inputs) {
    const [next, happened, answered] = handle(state, input, now)
    state = next
    events.push(...happened)
    effects.push(...answered)
  }
  return { state, events, effects }
}

/** Folds events as a replay does. */
export function replay(
  events: readonly Event[],
  now: number,
  programs: readonly Program[] = [PROGRAM],
): State {
  const programOf = (hash: string): Program | undefined =>
    programs.find(({ constitution }) => constitution.hash === hash)
  return events.reduce((state, event) => apply(state, { at: now, event }, programOf), EMPTY_STATE)
}

/** All of a state as text: two states with one dump are the same state. Programs are named by their hash. */
export function dump(state: State): string {
  return JSON.stringify(
    { ...state, program: state.program?.constitution.hash ?? null },
    (_, value: unknown) => sortedMap(value),
  )
}

/** Immutable maps keep no order that means anything; queues and maps of ids show nothing of themselves. */
function sortedMap(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value
  if (value instanceof Queue || value instanceof IdMap) return [...value]
  const sorted: Record<string, unknown> = {}
  for (const key of Object.keys(value).toSorted()) sorted[key] = (value as Record<string, unknown>)[key]
  return sorted
}

/** The decision that `input` leads to; `undefined` when it leads to none. */
export const answered = (state: State, input: Input, now = NOW) => {
  const [effect] = handle(state, input, now)[2]
  return effect?.kind === 'answer' ? effect.decision : undefined
}
/** The decision on `of` in the quiet market. */
export const decidedOn = (of: ReturnType<typeof request>): DecisionCore => {
  const decision = answered(ready(), ask(of))
  if (decision === undefined) throw new Error('expected a decision')
  return decision
}
/** The state after alpha was allowed what it asked for and sent it, and the decision. */
export function sent(state: State, input: Input, now: number): [State, string] {
  const { decision = '', verdict } = answered(state, input, now) ?? {}
  expect(verdict).toBe('allow')
  return [
    run(state, [input, { kind: 'redeem', permit: permitId(decision), agent: 'alpha' }], now).state,
    decision,
  ]
}
/** The code with which `input` is refused, having changed nothing. */
export const refused = (state: State, input: Input, now = NOW) => {
  const [next, events, [effect]] = handle(state, input, now)
  expect(next).toBe(state)
  expect(events).toEqual([])
  return effect?.kind === 'refuse' ? effect.code : effect?.kind
}
/** An operator halts everything. */
export const HALT: Input = {
  kind: 'halt',
  by: 'operator-1',
  request: { scope: { kind: 'everything' }, state: 'halted', reason: 'test' },
}
