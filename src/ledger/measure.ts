/** Measures the facts of one action from the ledger, and says which facts of a constitution can be measured at all. */
import { didYouMean, type Issue } from '../base/issue.ts'
import { neededFacts } from '../constitution/compile.ts'
import type { Action } from '../protocol/action.ts'
import type { Constitution, Fact, Origin, Read, Reading, Rule } from '../constitution/model.ts'
import { parseDimension, sameDimension, typeName, type FactType } from '../constitution/units.ts'
import { CATALOGUE, isLiveWindow, readWindow, untold, type Measuring } from './catalogue.ts'
import { DAY_OPEN } from './equity-day.ts'
import { FIELDS } from './happening.ts'
import { isOwn } from './windows.ts'
import { WINDOW_MAX } from './history.ts'
import { EMPTY_LEDGER, type Ledger } from './ledger.ts'
import { referenceOf, type Reference } from './reference.ts'
import { subjectOf, type Subject } from './subject.ts'

/** The reader of one action's facts at one reading of the clock. What was stated outright goes before what is measured. */
export function measure(ledger: Ledger, subject: Subject, constitution: Constitution, now: number): Read {
  const measuring = new LiveMeasuring(ledger, subject, constitution, now)
  return (name) => {
    const stated = ledger.stated.get(name)
    if (stated !== undefined) return stated
    const origin = constitution.facts.get(name)?.origin
    return origin?.kind === 'window' ? readWindow(measuring, name, origin) : CATALOGUE[name]?.read(measuring)
  }
}

/** A class, since an object literal with a getter is of a new shape each time that it is evaluated. */
class LiveMeasuring implements Measuring {
  readonly ledger: Ledger
  readonly subject: Subject
  readonly currency: string
  readonly tables: Constitution['tables']
  readonly now: number
  readonly maxAgeOf: Measuring['maxAgeOf']
  #reference: Reference | undefined

  constructor(ledger: Ledger, subject: Subject, { currency, facts, tables }: Constitution, now: number) {
    this.ledger = ledger
    this.subject = subject
    this.currency = currency
    this.tables = tables
    this.now = now
    this.maxAgeOf = (name) => facts.get(name)?.maxAge
  }

  /** Found once for all facts that are read from it. */
  get reference(): Reference {
    this.#reference ??= referenceOf(this.#prices(), this.now, this.maxAgeOf('market.reference'))
    return this.#reference
  }

  #prices(): ReturnType<Ledger['prices']['get']> {
    const { action } = this.subject
    return 'instrument' in action ? this.ledger.prices.get(action.instrument) : undefined
  }
}

/** What an action itself says of a fact; `undefined` for facts that it does not say, or says only together with the ledger. */
export function actionFacts(agent: string, action: Action): (name: string) => Reading['value'] | undefined {
  const subject = subjectOf(EMPTY_LEDGER, agent, action)
  const measuring: Measuring = {
    ledger: EMPTY_LEDGER,
    subject,
    currency: '',
    tables: new Map(),
    now: 0,
    maxAgeOf: () => undefined,
    reference: referenceOf(undefined, 0, undefined),
  }
  return (name) => {
    const entry = Object.hasOwn(CATALOGUE, name) ? CATALOGUE[name] : undefined
    return entry?.source === 'action' ? entry.read(measuring)?.value : undefined
  }
}

/** What is wrong with how a constitution takes its facts: names nothing measures, other types or sources than they have. */
export function checkSupply(constitution: Constitution): Issue[] {
  const issues: Issue[] = []
  for (const fact of constitution.facts.values()) {
    const message = supplyProblem(fact)
    if (message !== undefined) issues.push({ severity: 'error', ...fact.place, message })
  }
  return issues
}

/** Facts that are read without an age. */
const UNDATED = new Set([
  'strategy.id',
  'trading.state',
  'action.reducing',
  'market.sources',
  'position.open',
  'position.opposing',
  'order.filled',
  'order.ownOpposing',
  'order.ownBestPrice',
  'account.committed',
  'parent.quantity',
  'parent.committed',
  'basket.value',
  'basket.committed',
  'transfer.approvers',
  'change.signed',
  'change.approvedVersion',
  'change.approvers',
  'change.hasScope',
  'change.lasts',
])

/** Facts besides the action's own that the engine has, or refuses the action for want of, before any rule runs. */
const ALWAYS_THERE = new Set([
  'trading.state',
  'instrument.class',
  'instrument.lot',
  'instrument.tick',
  'instrument.multiplier',
  'position.open',
  'position.opposing',
  'order.filled',
  'order.ownOpposing',
  'transfer.approvers',
  'change.signed',
  'change.approvers',
  'change.hasScope',
])

function supplyProblem(fact: Fact): string | undefined {
  const { origin, name, type } = fact
  if (origin.kind === 'window') {
    return windowProblem(origin)
  }
  if (origin.kind !== 'measured') return undefined
  const entry = Object.hasOwn(CATALOGUE, name) ? CATALOGUE[name] : undefined
  if (entry === undefined) return `nothing measures \`${name}\`${didYouMean(name, Object.keys(CATALOGUE))}`
  if (entry.source !== origin.source) return `\`${name}\` is measured from \`source: ${entry.source}\``
  if (origin.calendar !== undefined && name !== DAY_OPEN)
    return `no day opens \`${name}\`, so \`calendar\` says nothing; only \`${DAY_OPEN}\` and windows go by one`
  if (fact.maxAge !== undefined && (entry.source === 'action' || UNDATED.has(name))) {
    return `\`${name}\` has no age, so \`maxAge\` says nothing`
  }
  if (fact.always === true && entry.source !== 'action' && !ALWAYS_THERE.has(name)) {
    return `\`${name}\` can be missing, so it is not \`always\` there`
  }
  return typeProblem(name, type, entry.type)
}

function windowProblem(origin: Origin & { kind: 'window' }): string | undefined {
  const { window, of } = origin
  if (typeof window === 'number' && window > WINDOW_MAX)
    return `a window reaches back ${WINDOW_MAX / 3_600_000}h at most`
  const name = untold(origin)
  if (name === undefined) return undefined
  const fields = FIELDS[of] ?? ['instrument.id']
  return `nothing in \`${of}\` is told apart by \`${name}\`; one of ${fields.join(', ')}${didYouMean(name, fields)}`
}

function typeProblem(
  name: string,
  declared: FactType,
  measured: string | readonly string[],
): string | undefined {
  if (typeof measured !== 'string') {
    const never =
      declared.kind === 'enum' ? declared.values.find((value) => !measured.includes(value)) : undefined
    if (never !== undefined) return `\`${name}\` is never \`${never}\`${didYouMean(never, measured)}`
    return declared.kind === 'enum' || declared.kind === 'text'
      ? undefined
      : `\`${name}\` is [${measured.join(', ')}], not ${typeName(declared)}`
  }
  const dimension = parseDimension(measured)
  const fits =
    declared.kind === 'number'
      ? dimension !== undefined && sameDimension(dimension, declared.dimension)
      : measured === (declared.kind === 'enum' ? 'text' : declared.kind)
  return fits ? undefined : `\`${name}\` is ${measured}, not ${typeName(declared)}`
}

/** What lies whole in one of several partitions, since each belongs to one owner. */
const OWNED: readonly string[] = ['agent.id', 'account.id', 'strategy.id']

/**
 * The enforced rules that read facts which this version measures only until the first action, with those facts. In one of several partitions also what is counted
 * over the actions of several owners: each would count its own alone.
 */
export function unsupportedLive(
  constitution: Constitution,
  isOneOfSeveral = false,
): { rule: Rule; facts: string[] }[] {
  const isUnsupported = (name: string): boolean => {
    const origin = constitution.facts.get(name)?.origin
    if (origin?.kind !== 'window') return false
    const isAcross = isOneOfSeveral && isOwn(origin) && !origin.by.some((field) => OWNED.includes(field))
    return isAcross || !isLiveWindow(origin)
  }
  return constitution.rules.flatMap((rule) => {
    const facts = neededFacts([rule], constitution).filter(isUnsupported)
    return facts.length === 0 || rule.mode === 'shadow' ? [] : [{ rule, facts }]
  })
}

/** A warning for each rule for which activation will refuse the constitution, though it loads and its cases can be tested. */
export function checkLive(constitution: Constitution): Issue[] {
  return unsupportedLive(constitution).map(({ rule, facts }) => {
    const names = facts.map((name) => `\`${name}\``).join(', ')
    const verb = facts.length === 1 ? 'is' : 'are'
    return {
      severity: 'warning',
      ...rule.place,
      message: `\`${rule.id}\` reads ${names}, which ${verb} not measured live in this version, so activation refuses the constitution; set \`mode: shadow\` to run the rest`,
    }
  })
}
