/** What feeders report: how the world stands, and what the venue did with orders. */
import type { ErrorCode } from '../base/errors.ts'
import { refuse } from '../ledger/accept.ts'
import { acceptExecution } from '../ledger/accept-execution.ts'
import { keyOf } from '../ledger/ledger.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { Event } from '../protocol/event.ts'
import type { Anomaly } from '../protocol/execution.ts'
import type { Observation } from '../protocol/observation.ts'
import { putInForce, stopsByMonitors, stopsByReport } from './halts.ts'
import { alarmsOver } from './monitors.ts'
import type { State } from './state.ts'
import { fold, recorded, refused, type Input, type RefusedObservation, type Step } from './step.ts'
import { placingOf } from './placing.ts'
import { raisedOver, touchedBy } from './watch.ts'

/** Agents and prices that an owner may have; each is kept for good. */
const NAMES_MAX = 100_000

export function handleObservations(state: State, input: Input & { kind: 'observations' }, now: number): Step {
  const refusals: RefusedObservation[] = []
  const events: Event[] = []
  const levels = new Set<string>()
  let next = state
  let [accepted, watched] = [0, 0]
  let [isPriced, isReported] = [false, false]
  const watch = (): void => {
    const [after, raised] = raise(next, events.slice(watched), now)
    next = after
    events.push(...raised)
    watched = events.length
    levels.clear()
    isPriced = false
    isReported = false
  }
  for (const [index, observation] of input.observations.entries()) {
    const problem =
      placingOf(next.ledger, observation) ??
      refuse(next.ledger, observation, now) ??
      overflow(next, observation)
    if (problem !== undefined) refusals.push({ index, ...problem })
    else {
      const level = levelOf(observation)
      // What a list says twice is looked at both times, as if it had come in two lists; and so is what an account and prices come to, each by what was said before.
      const isOfAccount = observation.kind === 'account' || observation.kind === 'portfolio'
      const isPrice = observation.kind === 'price'
      const isTurn = (isPriced && isOfAccount) || (isReported && isPrice)
      if (level !== undefined && (levels.has(level) || isTurn)) watch()
      if (level !== undefined) levels.add(level)
      isPriced ||= isPrice
      isReported ||= isOfAccount
      const event: Event = { schema: SCHEMA_VERSION, type: 'observed', observation, feeder: input.feeder }
      events.push(event)
      next = fold(next, [event], now)
      accepted += 1
    }
  }
  watch()
  return [next, events, [{ kind: 'observed', accepted, refused: refusals }]]
}

/** What an observation is the last word on until the next of the same; `undefined` where all of them are kept, or nothing watches it. */
function levelOf(observation: Observation): string | undefined {
  switch (observation.kind) {
    case 'account':
    case 'portfolio':
      return keyOf(observation.kind, observation.account)
    case 'instrument':
      return keyOf('instrument', observation.instrument)
    case 'price':
      return keyOf('price', observation.instrument, observation.source)
    default:
      return undefined
  }
}

/** Sources that one instrument's price may come from. */
const SOURCES_MAX = 16

/** Why an observation would pass a bound of what is kept; `undefined` when it fits. */
function overflow(
  { ledger }: State,
  observation: Observation,
): { code: ErrorCode; detail: string } | undefined {
  const [map, key] = keptIn(ledger, observation)
  if (map.size >= NAMES_MAX && !map.has(key)) {
    return { code: 'LIMIT_REACHED', detail: `at most ${NAMES_MAX} are kept of each kind of observation` }
  }
  if (observation.kind !== 'price') return undefined
  const sources = ledger.prices.get(observation.instrument)
  if (sources === undefined || sources.size < SOURCES_MAX || sources.has(observation.source)) return undefined
  return {
    code: 'LIMIT_REACHED',
    detail: `the price of ${observation.instrument} comes from ${SOURCES_MAX} sources already`,
  }
}

interface Keyed {
  readonly size: number
  readonly has: (key: string) => boolean
}

/** The part of the ledger that an observation goes into, and its key there. */
function keptIn(ledger: State['ledger'], observation: Observation): readonly [Keyed, string] {
  switch (observation.kind) {
    case 'instrument':
      return [ledger.instruments, observation.instrument]
    case 'price':
      return [ledger.prices, observation.instrument]
    case 'bar':
      return [ledger.bars, observation.instrument]
    case 'fx':
      return [ledger.rates, `${observation.base}/${observation.quote}`]
    case 'account':
      return [ledger.accounts, observation.account]
    case 'portfolio':
      return [ledger.portfolios, observation.account]
    case 'locate':
      return [ledger.locates, keyOf(observation.account, observation.instrument)]
  }
}

export function handleExecutions(state: State, input: Input & { kind: 'executions' }, now: number): Step {
  const { executions, feeder } = input
  const anomalies: { index: number; anomaly: Anomaly }[] = []
  const refused: RefusedObservation[] = []
  const events: Event[] = []
  const again: Event[] = []
  let repeated = 0
  let next = state
  const record = (event: Event): void => {
    events.push(event)
    next = fold(next, [event], now)
  }
  for (const [index, execution] of executions.entries()) {
    const accepted = acceptExecution(next.ledger, execution, now)
    if (accepted.kind === 'repeated') {
      repeated += 1
      // It is looked at again: a torn write may have kept the report and not what was raised over it.
      again.push({ schema: SCHEMA_VERSION, type: 'executed', execution, lots: 0, anomaly: null, feeder })
    } else if (accepted.kind === 'refused') {
      const { code, detail } = accepted
      refused.push({ index, code, detail })
      record({ schema: SCHEMA_VERSION, type: 'anomalous', execution, code, feeder })
    } else {
      const { lots, anomaly } = accepted
      if (anomaly !== null) anomalies.push({ index, anomaly })
      record({ schema: SCHEMA_VERSION, type: 'executed', execution, lots, anomaly, feeder })
    }
  }
  const accepted = executions.length - repeated - refused.length
  const [watched, raised] = raise(next, [...events, ...again], now)
  return [watched, [...events, ...raised], [{ kind: 'executed', accepted, repeated, anomalies, refused }]]
}

/** The state after rules and monitors have looked at what was reported, and the halts that they raised. */
function raise(state: State, events: readonly Event[], now: number): readonly [State, readonly Event[]] {
  const { ledger, emergency } = state
  const touched = events.flatMap((event) => touchedBy(ledger, event) ?? [])
  const stops = [
    ...stopsByReport(raisedOver(state, touched, now)),
    ...stopsByMonitors(emergency.policy?.hash ?? '', alarmsOver({ ledger, emergency, now }, touched)),
  ]
  return putInForce(state, stops, now)
}

export function handleAdopt(
  state: State,
  { account, operator, reason }: Input & { kind: 'adopt' },
  now: number,
): Step {
  const broker = state.ledger.portfolios.get(account)?.broker
  if (broker === undefined)
    return refused(state, 'PORTFOLIO_UNKNOWN', `no portfolio of \`${account}\` has been reported`)
  return recorded(state, { schema: SCHEMA_VERSION, type: 'adopted', account, by: operator, reason }, now, {
    account,
    positions: broker.differences.size,
  })
}
