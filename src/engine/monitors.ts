/**
 * The monitors of the emergency policy: each looks at what was just reported, decided, or not heard, and says whether it is past its limit. They
 * act on what is known: a figure that is missing raises nothing, and resets nothing.
 */
import { compare, divide, multiply, rational, subtract, toNumberUp, type Rational } from '../base/rational.ts'
import { moveSeen } from '../ledger/history.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { equityOf } from '../ledger/marks.ts'
import { isHere } from '../ledger/owners.ts'
import { positionBreak } from '../ledger/positions.ts'
import { referenceOf } from '../ledger/reference.ts'
import { subjectOf } from '../ledger/subject.ts'
import { fieldsOf } from '../ledger/window-fields.ts'
import { seenTally } from '../ledger/windows.ts'
import type { HaltScope } from '../protocol/action.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import { WATCHES, type Monitor, type Watch } from '../protocol/emergency.ts'
import { windowOf, type Emergency } from './breaches.ts'
import type { Touched } from './watch.ts'

/** A monitor that is past its limit. */
export interface Alarm {
  readonly monitor: Monitor
  readonly scope: HaltScope
  readonly about: string
  /** In the unit of the limit, rounded up; `null` where no share can be told. */
  readonly observed: number | null
}

/** What monitors look at. */
export interface Scene {
  readonly ledger: Ledger
  readonly emergency: Emergency
  readonly now: number
}

/** What monitors see in what reports were about. */
export function alarmsOver(scene: Scene, touched: readonly Touched[]): Alarm[] {
  const monitors = monitorsOf(scene.emergency)
  if (monitors === undefined || touched.length === 0) return []
  const accounts = new Set<string>()
  const instruments = new Set<string>()
  for (const { account, instrument, priced } of touched) {
    if (account !== undefined) accounts.add(account)
    if (instrument === undefined || priced !== true) continue
    instruments.add(instrument)
    for (const holder of scene.ledger.holders.get(instrument)?.keys() ?? []) accounts.add(holder)
  }
  return [
    ...monitors.account.flatMap((monitor) => alarms(scene, monitor, accounts, accountFigure)),
    ...monitors.instrument.flatMap((monitor) => alarms(scene, monitor, instruments, instrumentFigure)),
  ]
}

/** What monitors see in agents that have not been heard. Nobody can be heard before `listeningSince`. */
export function alarmsOfSilence(scene: Scene, listeningSince: number): Alarm[] {
  const monitors = monitorsOf(scene.emergency)?.agent ?? []
  if (monitors.length === 0) return []
  const silence = ({ ledger, now }: Scene, _: Monitor, agent: string): Figure | undefined => {
    const state = ledger.agents.get(agent)
    // Where there are several partitions, an agent is watched in its own.
    if (state === undefined || state.retiredAt !== undefined || !isHere(ledger, agent)) return undefined
    const last = Math.max(state.heartbeatAt ?? 0, state.servesSince, listeningSince)
    return exactly(Math.max(now - last, 0))
  }
  return monitors.flatMap((monitor) => alarms(scene, monitor, scene.ledger.agents.keys(), silence))
}

/** What monitors see in a denial that was just counted. */
export function alarmsOfDenial({ ledger, emergency, now }: Scene, { request }: DecisionCore): Alarm[] {
  const monitors = monitorsOf(emergency)?.actor ?? []
  if (monitors.length === 0) return []
  const fields = fieldsOf(ledger, subjectOf(ledger, request.agent, request.action))
  return monitors.flatMap((monitor) => {
    const origin = windowOf(monitor)
    const [field] = origin.by as [keyof typeof fields]
    const about = fields[field]
    if (about === undefined || !isSelectedActor(monitor, fields)) return []
    const times = seenTally(emergency.breaches, monitor.id, `${about}\u0000`, now)
    if (times < monitor.limit) return []
    return [{ monitor, scope: scopeOf(monitor, about), about, observed: times }]
  })
}

/** What is watched: how much there is of it, and of how much a share is taken. */
interface Figure {
  readonly part: Rational
  readonly whole: Rational
}

const ONE: Rational = { numerator: 1n, denominator: 1n }
const exactly = (value: number): Figure => ({ part: rational(value), whole: ONE })

function alarms(
  scene: Scene,
  monitor: Monitor,
  names: Iterable<string>,
  figureOf: (scene: Scene, monitor: Monitor, name: string) => Figure | undefined,
): Alarm[] {
  const found: Alarm[] = []
  const limit = rational(monitor.limit)
  for (const about of names) {
    if (!isSelected(scene.ledger, monitor, about)) continue
    const figure = figureOf(scene, monitor, about)
    if (figure === undefined) continue
    // Multiplied out, so that a whole of nothing or less, such as no equity, needs no division.
    if (compare(figure.part, multiply(limit, figure.whole)) <= 0) continue
    const share = figure.whole.numerator > 0n ? divide(figure.part, figure.whole) : undefined
    const observed = share === undefined ? null : toNumberUp(share)
    found.push({ monitor, scope: scopeOf(monitor, about), about, observed })
  }
  // Collections keep no order that means anything, and what is raised must not depend on how the state was come to.
  return found.toSorted((a, b) => (a.about < b.about ? -1 : 1))
}

function accountFigure({ ledger, now }: Scene, { watches }: Monitor, account: string): Figure | undefined {
  if (watches === 'drop-copy-difference') {
    const found = positionBreak(ledger, account, now)
    return typeof found === 'number' ? exactly(found) : undefined
  }
  const state = ledger.accounts.get(account)
  if (state === undefined) return undefined
  const whole = rational(watches === 'drawdown' ? state.highWater : state.dayOpenEquity)
  return { part: subtract(whole, equityOf(ledger, account, state)), whole }
}

/** Sources older than this (milliseconds) say nothing of how prices stand now. */
const SOURCE_AGE = 2_000

function instrumentFigure(
  { ledger, now }: Scene,
  { watches, window = 0 }: Monitor,
  instrument: string,
): Figure | undefined {
  if (watches === 'price-move') {
    const moved = moveSeen(ledger.ticks.get(instrument), now, window)
    return moved && { part: moved, whole: ONE }
  }
  const { disagreement } = referenceOf(ledger.prices.get(instrument), now, SOURCE_AGE)
  return disagreement === undefined ? undefined : exactly(disagreement)
}

function scopeOf({ scope: kind }: Monitor, name: string): HaltScope {
  return kind === 'everything' ? { kind } : { kind, name }
}

function isSelected(ledger: Ledger, { watches, only, except }: Monitor, name: string): boolean {
  if (only === undefined && except === undefined) return true
  const { about } = WATCHES[watches]
  const kind = about === 'instrument' ? ledger.instruments.get(name)?.assetClass : undefined
  const listed = (selection: Monitor['only']): boolean => {
    const names =
      about === 'account'
        ? selection?.accounts
        : about === 'agent'
          ? selection?.agents
          : selection?.instruments
    return (
      names?.includes(name) === true ||
      (kind !== undefined && selection?.assetClasses?.includes(kind) === true)
    )
  }
  return (only === undefined || listed(only)) && !listed(except)
}

function isSelectedActor({ only, except }: Monitor, fields: ReturnType<typeof fieldsOf>): boolean {
  const listed = ({ agents, strategies, accounts }: NonNullable<Monitor['only']>): boolean =>
    agents?.includes(fields['agent.id'] ?? '') === true ||
    strategies?.includes(fields['strategy.id'] ?? '') === true ||
    accounts?.includes(fields['account.id'] ?? '') === true
  return (only === undefined || listed(only)) && (except === undefined || !listed(except))
}

type Grouped = Readonly<Record<(typeof WATCHES)[Watch]['about'], readonly Monitor[]>>

const grouped = new WeakMap<object, Grouped>()

/** The monitors in force, by what they are about. */
function monitorsOf({ policy }: Emergency): Grouped | undefined {
  if (policy === undefined) return undefined
  const known = grouped.get(policy)
  if (known !== undefined) return known
  const about = (wanted: (typeof WATCHES)[Watch]['about']): Monitor[] =>
    policy.content.monitors.filter(({ watches }) => WATCHES[watches].about === wanted)
  const made = {
    account: about('account'),
    instrument: about('instrument'),
    agent: about('agent'),
    actor: about('actor'),
  }
  grouped.set(policy, made)
  return made
}
