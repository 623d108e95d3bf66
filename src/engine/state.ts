/** The state of an owner and its fold: `apply` is the only way it changes, live and in replay. */
import { EphorError } from '../base/errors.ts'
import type { Program } from '../constitution/compile.ts'
import { handOn } from '../ledger/book.ts'
import { withoutWorths } from '../ledger/currency.ts'
import { askedToResume, beat, haltAgain, observe, own, register, resume, retire } from '../ledger/fold.ts'
import { execute, findOrder, isLive, lapse } from '../ledger/orders.ts'
import { countUses, grantAsked, grantsAfter, supersede } from '../ledger/grants.ts'
import { EMPTY_LEDGER, type Ledger } from '../ledger/ledger.ts'
import { adoptPortfolio } from '../ledger/positions.ts'
import { countDecision, countExecution, keepWindowsOf } from '../ledger/own-actions.ts'
import { supersedeSignoffs, usedBy, withSignoff, type Signoffs } from '../ledger/signoffs.ts'
import { freeCash, sendCash } from '../ledger/transfers.ts'
import { countRated, countTrade, onDayOf } from '../ledger/track-record.ts'
import { strategyOf, subjectOf } from '../ledger/subject.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import type { TimedEvent } from '../protocol/event.ts'
import type { Lane } from '../protocol/taken.ts'
import { countBreach, NO_EMERGENCY, policed, type Emergency } from './breaches.ts'
import { watched } from './watching.ts'
import { NO_OPTIMIZER, type Optimizer } from './optimizer.ts'
import { given, NO_PERMITS, without, type Permits } from './permits.ts'
import { decided } from './reserve.ts'
import { owedAfter, owedBy, type Owed } from './in-force.ts'
import { isForAll } from './placing.ts'
import { NO_QUORUM, quorumAfter, type Quorum } from './quorum.ts'
import { remember, NO_MEMORY, type Memory } from './memory.ts'

export interface State {
  /** Events folded so far: the sequence of the last record. */
  readonly sequence: number
  /** When the last event happened: time never goes back before it. */
  readonly lastAt: number
  readonly ledger: Ledger
  readonly memory: Memory
  readonly permits: Permits
  readonly quorum: Quorum
  /** The constitution in force; none before the first activation. */
  readonly program: Program | undefined
  /** The sequence of the record by which it came into force, and not another before it. */
  readonly inForceSince: number
  readonly emergency: Emergency
  readonly optimizer: Optimizer
  readonly tenure: Tenure
  /** What the last decision raised and is not in force yet. */
  readonly owed: Owed | undefined
}

/** Who is home, and how far it has taken what other sidecars put into the inbox. */
export interface Tenure {
  /** 0 where no sidecar was ever promoted: it is by itself. */
  readonly epoch: number
  /** The sidecar that is home, or was last; empty where none was. */
  readonly home: string
  /** The sequence at which it was promoted; 0 where none was. */
  readonly since: number
  /** The last entry taken of each lane. */
  readonly taken: Readonly<Record<Lane, string>>
  /** The last record of the first partition that was followed: none yet, and in the first itself, where the sequence is 0. */
  readonly followed: { readonly sequence: number; readonly hash: string }
  /** In the first of several partitions: the last record that the others follow; 0 before, and elsewhere. */
  readonly fixed: number
}

const NO_TENURE: Tenure = {
  epoch: 0,
  home: '',
  since: 0,
  taken: { inbox: '0-0', critical: '0-0', halts: '0-0' },
  followed: { sequence: 0, hash: '' },
  fixed: 0,
}

export const EMPTY_STATE: State = {
  sequence: 0,
  lastAt: 0,
  ledger: EMPTY_LEDGER,
  memory: NO_MEMORY,
  permits: NO_PERMITS,
  quorum: NO_QUORUM,
  program: undefined,
  inForceSince: 0,
  emergency: NO_EMERGENCY,
  optimizer: NO_OPTIMIZER,
  tenure: NO_TENURE,
  owed: undefined,
}

/** Finds a compiled constitution by its hash. */
export type ProgramOf = (hash: string) => Program | undefined

/** The state after one event. */
export function apply(state: State, timed: TimedEvent, programOf: ProgramOf): State {
  const next = folded(state, timed, programOf)
  const { number, of } = next.ledger.partition
  if (of > 1 && number === 0 && isForAll(timed.event)) next.tenure = { ...next.tenure, fixed: next.sequence }
  handOn(state.ledger, next.ledger, instrumentOf(state.ledger, timed.event))
  return next
}

/** The strategy that a transfer counts towards: no order of the ledger tells it later. */
function bucketOf(ledger: Ledger, { request, action }: DecisionCore): string | undefined {
  return action.type === 'transfer' ? strategyOf(ledger, subjectOf(ledger, request.agent, action)) : undefined
}

/** The one instrument whose price, positions or open orders an event can change; `undefined` where it may be more. */
function instrumentOf(ledger: Ledger, event: TimedEvent['event']): string | undefined {
  switch (event.type) {
    case 'observed':
      return event.observation.kind === 'price' ? event.observation.instrument : undefined
    case 'decided': {
      const { action } = event.decision.request
      return 'instrument' in action ? action.instrument : undefined
    }
    case 'executed':
      return findOrder(ledger, event.execution.order)?.instrument
    case 'lapsed':
      return findOrder(ledger, event.decision)?.instrument
    default:
      return undefined
  }
}

/** A state that is being made. */
type Draft = { -readonly [Part in keyof State]: State[Part] }

function folded(before: State, { at: read, event }: TimedEvent, programOf: ProgramOf): Draft {
  // The record tells what the clock said, also where it had gone back: what happened then came after the last record all the same.
  const at = Math.max(before.lastAt, read)
  const ledger = onDayOf(before.ledger, at)
  const state = ledger === before.ledger ? before : { ...before, ledger }
  const quorum = quorumAfter(state.quorum, event, at, state.ledger)
  const { memory, permits, program, emergency, optimizer, tenure } = state
  // Written out, as in `draftOf`.
  const next: Draft = {
    sequence: state.sequence + 1,
    lastAt: at,
    ledger: state.ledger,
    memory,
    permits,
    quorum,
    program,
    inForceSince: state.inForceSince,
    emergency,
    optimizer,
    tenure,
    owed: state.owed,
  }
  return changed(state, next, { at, event }, programOf)
}

/** `next` with what the event changes beside the quorum; `state` is what it happened in. */
function changed(state: State, next: Draft, { at, event }: TimedEvent, programOf: ProgramOf): Draft {
  const { memory, permits, program, emergency, optimizer, tenure } = state
  switch (event.type) {
    case 'decided': {
      const wasAsked = state.quorum.waiting.has(event.decision.decision)
      const constitution = state.program?.constitution
      const windows = countDecision(state.ledger, event.decision, constitution, at, wasAsked)
      const reserved = decided(state.ledger, event.decision, windows, constitution)
      const { grants } = event.decision
      next.ledger =
        grants === undefined ? reserved : { ...reserved, grants: countUses(reserved.grants, grants) }
      next.memory = remember(memory, event.decision, next.sequence)
      const { decision, action } = event.decision
      const words = usedBy(reserved.signoffs, decision, action)
      next.permits = given(permits, event.decision, words, bucketOf(state.ledger, event.decision))
      next.optimizer = watched(optimizer, state.ledger, event.decision)
      next.emergency = countBreach(emergency, state.ledger, program, event.decision, at)
      next.owed = owedBy(state, event.decision)
      return next
    }
    case 'proposed': {
      const windows = countDecision(state.ledger, event.decision, state.program?.constitution, at)
      const ledger = { ...state.ledger, windows }
      const owed = owedBy(state, event.decision)
      return { ...next, owed, ledger, memory: remember(state.memory, event.decision, next.sequence) }
    }
    case 'asked': {
      const ledger = event.rounds.reduce((after, { proposal, roster }) => {
        const { subject } = proposal
        if (subject.kind === 'resume') return askedToResume(after, subject.halt)
        return { ...after, grants: grantAsked(after.grants, proposal, roster) }
      }, state.ledger)
      return { ...next, ledger }
    }
    case 'requested':
    case 'voted':
    case 'stopped':
    case 'certified':
    case 'delegated':
    case 'revoked':
    case 'quorate':
    case 'routed':
      return next
    case 'executed': {
      const { execution, lots } = event
      const windows = countExecution(state.ledger, execution.order, lots, at)
      const trackRecords = countTrade(state.ledger, execution, lots, at)
      const ledger = { ...execute(state.ledger, execution, lots, at), windows, trackRecords }
      // The venue has it, however it came there.
      return {
        ...next,
        ledger,
        permits: standing(spent(state, execution.order), state.ledger, ledger, execution.order),
      }
    }
    case 'redeemed':
      return {
        ...next,
        ledger: sendCash(state.ledger, event.decision, at),
        permits: spent(state, event.decision),
      }
    case 'lapsed': {
      const ledger = freeCash(lapse(state.ledger, event.decision), event.decision)
      next.ledger = ledger
      next.permits = standing(without(permits, [event.decision]), state.ledger, ledger, event.decision)
      return next
    }
    case 'anomalous':
      return next
    case 'adopted':
      return { ...next, ledger: adoptPortfolio(state.ledger, event.account, at) }
    case 'observed':
      return { ...next, ledger: observe(state.ledger, event.observation, at, program?.constitution) }
    case 'registered':
    case 'owned':
    case 'retired':
      return { ...next, ledger: ledgerOfOwners(state.ledger, event, at) }
    case 'rated':
      return { ...next, ledger: { ...state.ledger, trackRecords: countRated(state.ledger, event.days) } }
    case 'followed': {
      // It holds here as it does there; of votes that are counted there the quorum knows.
      const { record: sequence, hash, event: said } = event
      const after = said === undefined ? next : changed(state, next, { at, event: said }, programOf)
      return { ...after, tenure: { ...tenure, followed: { sequence, hash } } }
    }
    case 'beat':
      return { ...next, ledger: beat(state.ledger, event.agent, at) }
    case 'halted': {
      const { halt: id, scope, state: trading, by, reason, monitor, replaces } = event
      const seen = monitor === undefined ? {} : { monitor }
      const raised = { id, scope, state: trading, by, reason, ...seen, at, resumes: [] }
      return {
        ...next,
        owed: owedAfter(next.owed, raised),
        ledger: haltAgain(state.ledger, raised, replaces),
      }
    }
    case 'resumed': {
      const { halt: id, operator, reason, rebase = false, certificate } = event
      const asked = { operator, reason, at, rebase }
      return { ...next, ledger: resume(state.ledger, id, asked, certificate !== undefined) }
    }
    case 'grantProposed':
    case 'grantApproved':
    case 'grantRevoked':
      return {
        ...next,
        ledger: {
          ...state.ledger,
          grants: grantsAfter(state.ledger.grants, event, at, state.program?.constitution.hash),
        },
      }
    case 'signedOff':
    case 'signoffRevoked': {
      const inForce = state.program?.constitution.hash
      const signoffs = signoffsAfter(state.ledger.signoffs, event, at, inForce)
      return { ...next, ledger: { ...state.ledger, signoffs } }
    }
    case 'policed': {
      const { hash, content } = event
      return { ...next, emergency: policed(state.emergency, { hash, content }, at) }
    }
    case 'steered': {
      const { hash, content } = event
      const stops = optimizer.stops.filter((stop) => !isMeant(event, stop.decision, state.ledger.partition))
      return { ...next, optimizer: { ...NO_OPTIMIZER, policy: { hash, content }, stops } }
    }
    case 'tuningStopped': {
      const { optimizer, cause, detail, decision } = event
      const stop = { optimizer, cause, detail, decision, at }
      return { ...next, optimizer: { ...state.optimizer, stops: [...state.optimizer.stops, stop] } }
    }
    case 'promoted': {
      const { epoch, by: home, partition } = event
      if (partition !== undefined) next.ledger = { ...state.ledger, partition }
      return { ...next, tenure: { ...state.tenure, epoch, home, since: next.sequence } }
    }
    case 'taken': {
      return { ...next, tenure: { ...tenure, taken: { ...tenure.taken, [event.lane]: event.entry } } }
    }
    case 'activated': {
      const program = programOf(event.constitution) ?? missingProgram(event.constitution)
      const ledger = ledgerUnder(state, program, at)
      const isOther = program.constitution.hash !== state.program?.constitution.hash
      return { ...next, program, inForceSince: isOther ? next.sequence : state.inForceSince, ledger }
    }
  }
}

/** The ledger under the constitution of `program`, which comes into force. */
function ledgerUnder({ ledger, program: before }: State, { constitution }: Program, at: number): Ledger {
  const isOther = before !== undefined && before.constitution.currency !== constitution.currency
  return {
    ...(isOther ? withoutWorths(ledger) : ledger),
    windows: keepWindowsOf(ledger.windows, constitution, at),
    grants: supersede(ledger.grants),
    signoffs: supersedeSignoffs(ledger.signoffs),
  }
}

/** The ledger after what operators said of agents and accounts. */
function ledgerOfOwners(
  ledger: Ledger,
  event: Extract<TimedEvent['event'], { type: 'registered' | 'owned' | 'retired' }>,
  at: number,
): Ledger {
  switch (event.type) {
    case 'registered':
      return register(ledger, event.registration, at)
    case 'owned':
      return own(ledger, event.account, event.owner)
    case 'retired':
      return retire(ledger, event.agent, at)
  }
}

/** The permits without the one that is spent; a replacement that is sent says that what it replaces was. */
function spent({ permits, ledger }: State, decision: string): State['permits'] {
  const order = findOrder(ledger, decision)
  return without(permits, order === undefined ? [decision] : [decision, order.id])
}

/** The permits without those of replacements that stopped being reserved with `decision`: what is sent must have been counted. */
function standing(permits: Permits, before: Ledger, after: Ledger, decision: string): Permits {
  const order = findOrder(after, decision)
  const reserved = order !== undefined && isLive(order) ? order.pending : []
  const voided = findOrder(before, decision)?.pending.filter(
    ({ id }) => !reserved.some((other) => other.id === id),
  )
  return voided === undefined || voided.length === 0
    ? permits
    : without(
        permits,
        voided.map(({ id }) => id),
      )
}

function missingProgram(hash: string): never {
  throw new EphorError(
    'CONSTITUTION_INVALID',
    `the journal was judged by ${hash}, whose text is not kept any more, or does not read under this version`,
  )
}

/** Whether what stopped by itself over a decision goes on: where somebody said why it may, and, where there are several partitions, of this. */
export function isMeant(
  { reason, stops }: Extract<TimedEvent['event'], { type: 'steered' }>,
  decision: string,
  { of }: Pick<Ledger['partition'], 'of'>,
): boolean {
  return reason !== undefined && (of === 1 || stops?.includes(decision) === true)
}

type SignoffEvent = Extract<TimedEvent['event'], { type: 'signedOff' | 'signoffRevoked' }>

/** The sign-offs after an operator's word on one, given at `at` under the constitution with that hash. */
export function signoffsAfter(
  signoffs: Signoffs,
  event: SignoffEvent,
  at: number,
  constitution = '',
): Signoffs {
  if (event.type === 'signoffRevoked') {
    const known = signoffs.get(event.signoff)
    return known === undefined ? signoffs : signoffs.set(known.id, { ...known, revokedBy: event.by })
  }
  const { signoff: id, agent, action, until, by: operator, reason } = event
  const said = { id, agent, action, until, operator, reason, at, constitution }
  return withSignoff(signoffs, { ...said, usedBy: undefined, revokedBy: undefined, superseded: false }, at)
}
