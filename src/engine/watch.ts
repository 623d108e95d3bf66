/**
 * Rules that raise a trading state are judged not only when somebody acts, but whenever what they read is reported: an account's equity, a
 * price, a fill. There is no action then, so nothing is exempt, and what only an action could tell is unknown and raises nothing.
 */
import { neededFacts, type Program } from '../constitution/compile.ts'
import { exactTruth } from '../constitution/exact-evaluate.ts'
import { copyFacts, store, TRUE, type Facts } from '../constitution/facts.ts'
import type { Rule } from '../constitution/model.ts'
import { keyOf, type Ledger } from '../ledger/ledger.ts'
import { measure } from '../ledger/measure.ts'
import { findOrder } from '../ledger/orders.ts'
import type { Subject } from '../ledger/subject.ts'
import type { HaltScope } from '../protocol/action.ts'
import type { Event } from '../protocol/event.ts'
import type { Raised } from './in-force.ts'
import type { State } from './state.ts'

/** What a report was about. */
export interface Touched {
  readonly account?: string
  readonly instrument?: string
  readonly agent?: string
  readonly strategy?: string
  /** Whether its price was reported. */
  readonly priced?: true
}

/** What an event that was just folded is about; `undefined` when no rule could have come to be breached by it. */
export function touchedBy(ledger: Ledger, event: Event): Touched | undefined {
  if (event.type === 'observed') {
    const { observation } = event
    if ('account' in observation) return { account: observation.account }
    if (!('instrument' in observation)) return undefined
    const { instrument, kind } = observation
    return kind === 'price' ? { instrument, priced: true } : { instrument }
  }
  if (event.type !== 'executed') return undefined
  const order = findOrder(ledger, event.execution.order)
  if (order === undefined) return undefined
  const { account, instrument, agent, strategy } = order
  return { account, instrument, agent, strategy }
}

/** The trading states that rules raise over what was `touched`, as the state stands now. */
export function raisedOver({ ledger, program }: State, touched: readonly Touched[], now: number): Raised[] {
  if (program === undefined || touched.length === 0) return []
  const raised = new Map<string, Raised>()
  for (const { rule, facts } of watchersOf(program)) {
    for (const about of distinct(rule, touched)) {
      const scope = scopeOf(rule, about)
      if (scope === undefined || !isBreached(program, rule, read(program, facts, ledger, about, now)))
        continue
      const name = 'name' in scope ? scope.name : ''
      raised.set(`${rule.id}\n${name}`, { rule: rule.id, state: stateOf(rule), scope })
    }
  }
  return [...raised.values()]
}

interface Watcher {
  readonly rule: Rule
  /** Names of the facts it rests on, inputs first. */
  readonly facts: readonly string[]
}

const watchers = new WeakMap<Program, readonly Watcher[]>()

function watchersOf(program: Program): readonly Watcher[] {
  const known = watchers.get(program)
  if (known !== undefined) return known
  const { constitution } = program
  const found = constitution.rules
    .filter(({ raise, mode }) => raise !== undefined && mode === 'enforce')
    .map((rule) => ({ rule, facts: neededFacts([rule], constitution) }))
  watchers.set(program, found)
  return found
}

/** The scope that the rule would stop; `undefined` where the report is about none of its kind. */
function scopeOf({ raise }: Rule, touched: Touched): HaltScope | undefined {
  if (raise === undefined) return undefined
  if (raise.scope === 'everything') return { kind: 'everything' }
  const name = touched[raise.scope]
  return name === undefined ? undefined : { kind: raise.scope, name }
}

function stateOf({ raise }: Rule): Raised['state'] {
  return raise?.state ?? 'halted'
}

/** A rule over an account need not look at a thousand reports of it one by one, and at none of what is about no account. */
function distinct({ raise }: Rule, touched: readonly Touched[]): readonly Touched[] {
  if (raise === undefined || raise.scope === 'everything') return touched
  const { scope } = raise
  const found = new Map<string, Touched>()
  for (const each of touched) {
    const { account = '', instrument = '', agent = '', strategy = '' } = each
    // By all that a rule may read of it: two accounts of one agent are two.
    if (each[scope] !== undefined) found.set(keyOf(account, instrument, agent, strategy), each)
  }
  return [...found.values()]
}

function read(
  program: Program,
  names: readonly string[],
  ledger: Ledger,
  { account, instrument, agent, strategy }: Touched,
  now: number,
): Facts {
  const subject: Subject = {
    agent: agent ?? '',
    // A shape to hang the names on: nothing is asked for.
    action: { type: 'cancel', account: account ?? '', instrument: instrument ?? '', order: '' },
    account,
    instrument: instrument === undefined ? undefined : ledger.instruments.get(instrument),
    order: undefined,
    strategy,
  }
  const facts = copyFacts(program.blank, now)
  const reading = measure(ledger, subject, program.constitution, now)
  const tables = program.actions.order.tables
  for (const name of names) {
    const fact = program.factOf(name)
    const slot = program.slotOf(name)
    const { kind } = fact.origin
    // What the agent or its action would say stays unknown where there is neither.
    if (kind === 'measured' && isSaid(name, agent, account, instrument)) continue
    if (kind === 'measured' || kind === 'window') store(facts, slot, fact, reading(name))
    else store(facts, slot, fact, tables.find((table) => table.slot === slot)?.read(facts))
  }
  return facts
}

/** Whether the fact is a name that the report does not bear. */
function isSaid(name: string, agent?: string, account?: string, instrument?: string): boolean {
  return (
    (name === 'agent.id' && agent === undefined) ||
    (name === 'strategy.id' && agent === undefined) ||
    (name === 'account.id' && account === undefined) ||
    (name === 'instrument.id' && instrument === undefined)
  )
}

/** Whether a rule surely applies and is surely breached. */
function isBreached(program: Program, { where, condition }: Rule, facts: Facts): boolean {
  const applies = where.every(({ fact, values }) => {
    const value = facts.texts[program.slotOf(fact)]
    return value !== undefined && values.includes(value)
  })
  return applies && exactTruth(condition, facts, program) === TRUE
}
