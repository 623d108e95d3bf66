/** Random days of agents' work, and a naive count of them that goes through the whole list each time. */
import fc from 'fast-check'
import { observe } from '../../src/ledger/fold.ts'
import { EMPTY_LEDGER, type Ledger } from '../../src/ledger/ledger.ts'
import type { Fill } from '../../src/ledger/own-actions.ts'
import type { Action } from '../../src/protocol/action.ts'
import type { DecisionCore } from '../../src/protocol/decision.ts'
import { constitutionOf } from '../support/constitution.ts'

/** Two hours before midnight UTC, in the week in which clocks go back in New York. */
export const START = Date.parse('2026-10-31T22:00:00Z')

const WINDOWS = {
  'agent.messages1s': { type: 'count', count: 'messages', by: ['agent.id'], window: '1s' },
  'agent.asked1s': { type: 'count', count: 'messages', by: ['agent.id'], window: '1s', denied: true },
  'account.messages10s': { type: 'count', count: 'messages', by: ['account.id'], window: '10s' },
  'order.twins1s': {
    type: 'count',
    count: 'orders',
    by: ['account.id', 'instrument.id', 'order.side', 'order.quantity', 'order.price'],
    window: '1s',
  },
  'agent.cancels1min': { type: 'count', count: 'cancels', by: ['agent.id', 'instrument.id'], window: '1min' },
  'strategy.fills10s': { type: 'count', count: 'fills', by: ['strategy.id'], window: '10s' },
  'position.filled1min': {
    type: 'quantity',
    sum: 'fill.quantity',
    by: ['account.id', 'instrument.id'],
    window: '1min',
  },
  'agent.orders1h': { type: 'count', count: 'orders', by: ['agent.id'], window: '1h' },
  'position.filled5min': {
    type: 'quantity',
    sum: 'fill.quantity',
    by: ['account.id', 'instrument.id'],
    window: '5min',
  },
  'destination.sent24h': {
    type: 'money',
    sum: 'transfer.value',
    by: ['account.id', 'transfer.destination'],
    window: '24h',
  },
  'agent.orders1d': { type: 'count', count: 'orders', by: ['agent.id'], window: 'day' },
  'agent.fills1d': {
    type: 'count',
    count: 'fills',
    by: ['agent.id'],
    window: 'day',
    zone: 'America/New_York',
  },
  'agent.orders1t': { type: 'count', count: 'orders', by: ['agent.id'], window: 'day', calendar: 'hours' },
  'position.filled1t': {
    type: 'quantity',
    sum: 'fill.quantity',
    by: ['account.id', 'instrument.id'],
    window: 'day',
    calendar: 'hours',
  },
}

/** When an account trades: one from the evening before, the other in two sessions a day. */
const HOURS = `account.id,session,timezone,days,from,to
main,regular,America/Chicago,Sun-Thu,17:00,16:00
other,early,America/New_York,Mon-Fri,01:30,09:30
other,regular,America/New_York,Mon-Fri,09:30,16:00`

const text = { type: 'text', source: 'action', always: true }
const FACTS = {
  'agent.id': text,
  'account.id': text,
  'strategy.id': { type: 'text', source: 'ledger' },
  'instrument.id': text,
  'order.side': { type: ['buy', 'sell'], source: 'action', always: true },
  'order.quantity': { type: 'quantity', source: 'action', always: true },
  'transfer.destination': text,
  ...WINDOWS,
}
export const CONSTITUTION = constitutionOf({
  'facts.yaml': JSON.stringify({
    actions: { order: ['order', 'replace'], transfer: ['transfer'], destination: ['transfer'] },
    facts: FACTS,
  }),
  'tables/hours.csv': HOURS,
  'rules/r.yaml': JSON.stringify({
    rules: [{ id: 'rate', title: 'x', applies: { actions: ['change'] }, forbid: 'agent.messages1s >= 1' }],
  }),
})
export const NAMES = Object.keys(WINDOWS)

/** Instruments that are described, and no price of anything but dollars: what a transfer of coins is worth nobody knows. */
export const WORLD: Ledger = ['X', 'Y'].reduce(
  (ledger, instrument) =>
    observe(
      ledger,
      {
        kind: 'instrument',
        instrument,
        assetClass: 'equity',
        currency: 'USD',
        lot: 0.1,
        tick: 0.01,
        multiplier: 1,
        status: 'open',
        at: START,
      },
      START,
    ),
  EMPTY_LEDGER,
)

/** A decision, as far as windows look at it. */
export type Judged = Pick<DecisionCore, 'request' | 'action' | 'verdict'>
export interface Step {
  /** Milliseconds since the step before. */
  readonly after: number
  readonly what:
    | { readonly judged: Judged; readonly fill?: never }
    | { readonly fill: Omit<Fill, 'at'>; readonly judged?: never }
}
export interface Work {
  readonly steps: readonly Step[]
  /** The step before which the constitution comes into force. */
  readonly activated: number
}

const agent = fc.constantFrom('a', 'b')
const account = fc.constantFrom('main', 'other')
const instrument = fc.constantFrom('X', 'Y')
const side = fc.constantFrom<'buy' | 'sell'>('buy', 'sell')
const quantity = fc.constantFrom(0.1, 0.3, 1, 7)
const SIZES = [0.1, 0.3, 1, 7]

const order: fc.Arbitrary<Action> = fc
  .record({ account, instrument, side, quantity, price: fc.constantFrom(10, 10.01, undefined) })
  .map(({ price, ...rest }) => ({
    type: 'order',
    ...rest,
    orderType: price === undefined ? ('market' as const) : ('limit' as const),
    ...(price === undefined ? {} : { limitPrice: price }),
  }))
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 6, arbitrary: order },
  {
    weight: 2,
    arbitrary: fc
      .record({ account, instrument })
      .map((rest): Action => ({ type: 'cancel', ...rest, order: 'd-0' })),
  },
  {
    weight: 2,
    arbitrary: fc
      .record({
        account,
        asset: fc.oneof(
          { weight: 9, arbitrary: fc.constant('USD') },
          { weight: 1, arbitrary: fc.constant('COIN') },
        ),
        amount: quantity,
        destination: fc.constantFrom('here', 'there'),
      })
      .map((rest): Action => ({ type: 'transfer', ...rest })),
  },
  {
    weight: 1,
    arbitrary: fc.constant<Action>({ type: 'change', subject: 'limit', target: 't', from: null, to: 1 }),
  },
)

const judged: fc.Arbitrary<Judged> = fc
  .record({
    agent,
    asked: action,
    verdict: fc.constantFrom<Judged['verdict']>('allow', 'allow', 'deny', 'narrow'),
    smaller: fc.nat(SIZES.length - 1),
  })
  .map(({ agent: who, asked, verdict, smaller }) => {
    const request = { id: '', agent: who, action: asked }
    const to = SIZES[smaller] ?? 1
    if (verdict !== 'narrow') return { request, verdict, action: asked }
    if (asked.type !== 'order' || to >= asked.quantity) return { request, verdict: 'allow', action: asked }
    return { request, verdict, action: { ...asked, quantity: to } }
  })

const fill: fc.Arbitrary<Omit<Fill, 'at'>> = fc.record({
  agent,
  account,
  instrument,
  side,
  quantity,
  strategy: fc.constantFrom('s', 'agent:a', 'agent:b'),
})

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const after = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(0, 0, 1, 250, 499, 500) },
  { weight: 4, arbitrary: fc.constantFrom(999, 1000, 1001, 9_999, 10_000, 10_001) },
  {
    weight: 3,
    arbitrary: fc.constantFrom(MINUTE - 1, MINUTE, MINUTE + 1, 5 * MINUTE - 1, 5 * MINUTE, 15 * MINUTE),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(HOUR - 1, HOUR, 2 * HOUR, 5 * HOUR, 24 * HOUR - 1, 24 * HOUR, 30 * HOUR),
  },
  { weight: 1, arbitrary: fc.nat(12 * HOUR) },
)

const step: fc.Arbitrary<Step> = fc.record({
  after,
  what: fc.oneof(
    { weight: 3, arbitrary: judged.map((one): Step['what'] => ({ judged: one })) },
    { weight: 1, arbitrary: fill.map((one): Step['what'] => ({ fill: one })) },
  ),
})

export const work: fc.Arbitrary<Work> = fc
  .array(step, { minLength: 1, maxLength: 30 })
  .chain((steps) => fc.record({ steps: fc.constant(steps), activated: fc.nat(steps.length - 1) }))

/** One thing that happened, with all that tells it from others, written out. */
interface Noted {
  readonly at: number
  readonly streams: readonly string[]
  readonly denied: boolean
  readonly names: readonly Readonly<Record<string, unknown>>[]
  /** In tenths; `undefined` when nobody knows. */
  readonly tenths: number | undefined
}

const STREAMS: Readonly<Partial<Record<Action['type'], string>>> = {
  order: 'orders',
  cancel: 'cancels',
  transfer: 'transfer.value',
}

export function note(at: number, { judged: decision, fill: filled }: Step['what']): Noted {
  if (filled !== undefined) {
    const names = {
      'agent.id': filled.agent,
      'account.id': filled.account,
      'strategy.id': filled.strategy,
      'instrument.id': filled.instrument,
    }
    const streams = ['fills', 'fill.quantity']
    return { at, streams, denied: false, names: [names], tenths: Math.round(filled.quantity * 10) }
  }
  const { request, verdict } = decision
  const named = namesOf(request.agent, decision.action)
  // No order stands here, so a cancel is of nothing and no message of the account.
  const names = decision.action.type === 'cancel' ? { ...named, 'account.id': undefined } : named
  const asAsked = namesOf(request.agent, request.action)
  const same = asAsked['order.quantity'] === names['order.quantity']
  const streams = ['messages', STREAMS[decision.action.type] ?? '']
  const { action: did } = decision
  const tenths = did.type === 'transfer' && did.asset === 'USD' ? Math.round(did.amount * 10) : undefined
  return { at, streams, denied: verdict === 'deny', names: same ? [names] : [names, asAsked], tenths }
}

export function namesOf(who: string, of: Action): Readonly<Record<string, unknown>> {
  return {
    'agent.id': who,
    'strategy.id': `agent:${who}`,
    'account.id': 'account' in of ? of.account : undefined,
    'instrument.id': 'instrument' in of ? of.instrument : undefined,
    ...(of.type === 'order'
      ? { 'order.side': of.side, 'order.quantity': of.quantity, 'order.price': of.limitPrice ?? 'market' }
      : {}),
    ...(of.type === 'transfer' ? { 'transfer.destination': of.destination } : {}),
  }
}

const dates = new Map<string, Intl.DateTimeFormat>()
function dateOf(zone: string, at: number): string {
  const format = dates.get(zone) ?? new Intl.DateTimeFormat('en-CA', { timeZone: zone, dateStyle: 'short' })
  dates.set(zone, format)
  return format.format(at)
}

const QUARTER = 15 * MINUTE
const tradeDates = new Map<string, string>()

/** The date that the last session to open by `at` closes on, found by walking back a quarter of an hour at a time. */
function tradeDateOf(account: string, at: number): string {
  const quarter = Math.floor(at / QUARTER)
  const key = `${account} ${quarter}`
  const known = tradeDates.get(key)
  if (known !== undefined) return known
  const lines = HOURS.split('\n').slice(1)
  let found = tradeDateOfOpening(lines, account, quarter)
  if (found === undefined) found = tradeDateOf(account, (quarter - 1) * QUARTER)
  tradeDates.set(key, found)
  return found
}

function tradeDateOfOpening(lines: readonly string[], account: string, quarter: number): string | undefined {
  for (const line of lines) {
    const [of, , zone = '', days = '', from = '', to = ''] = line.split(',')
    if (of !== account) continue
    const wall = (time: number): string =>
      new Intl.DateTimeFormat('en-GB', {
        timeZone: zone,
        weekday: 'short',
        hour: '2-digit',
        minute: '2-digit',
      }).format(time)
    const shown = wall(quarter * QUARTER)
    // Where clocks go back, what is shown twice opens once.
    const again = [1, 2, 3, 4].some((back) => wall((quarter - back) * QUARTER) === shown)
    const [day = '', time = ''] = shown.split(/,? /)
    const week = days === 'Sun-Thu' ? 'Sun Mon Tue Wed Thu' : 'Mon Tue Wed Thu Fri'
    if (again || time !== from || !week.includes(day)) continue
    return dateOf(zone, quarter * QUARTER + (to > from ? 0 : 24 * HOUR))
  }
  return undefined
}

/** What the window `name` holds for `who` doing `of` at `now`, where it reaches `more` milliseconds further back than it says. */
export function naive(
  noted: readonly Noted[],
  name: string,
  who: string,
  of: Action,
  now: number,
  more = 0,
): number | undefined {
  const origin = CONSTITUTION.facts.get(name)?.origin
  if (origin?.kind !== 'window') throw new Error(`\`${name}\` is no window`)
  const own = namesOf(who, of)
  if (origin.by.some((by) => own[by] === undefined)) return undefined
  const { window, zone = 'UTC', calendar } = origin
  const account = String(own['account.id'])
  if (calendar !== undefined && own['account.id'] === undefined) return undefined
  const dayOf = (time: number): string =>
    calendar === undefined ? dateOf(zone, time) : tradeDateOf(account, time)
  const within = noted.filter(
    ({ at, streams, denied }) =>
      streams.includes(origin.of) &&
      (origin.denied || !denied) &&
      (window === 'day' ? dayOf(at) === dayOf(now) : now - at < window + more),
  )
  if (origin.function !== 'count' && within.some(({ tenths }) => tenths === undefined)) return undefined
  const same = within.filter(({ names }) =>
    names.some((other) => origin.by.every((by) => other[by] === own[by])),
  )
  return origin.function === 'count'
    ? same.length
    : same.reduce((sum, { tenths }) => sum + (tenths ?? 0), 0) / 10
}
