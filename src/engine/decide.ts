/** The way of one action, from request to recorded verdict. */
import { VERSION } from '../base/version.ts'
import type { Program } from '../constitution/compile.ts'
import { LiveEvidence } from '../constitution/evidence.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { strategyOf } from '../ledger/subject.ts'
import { instrumentOf } from '../ledger/trading-state.ts'
import type { ActionRequest } from '../protocol/action.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import { permitEnd } from '../protocol/permit.ts'
import type { Decided } from '../protocol/evidence.ts'
import type { DecisionCore, Headroom, Reason, Verdict } from '../protocol/decision.ts'
import type { Tuning } from '../protocol/optimizer.ts'
import { decisionId, digestOf } from './memory.ts'
import {
  headroomOf,
  judgeWhole,
  reasonsBeside,
  trialOf,
  refusal,
  withQuantity,
  type Court,
  type Judged,
} from './judgement.ts'
import { raisedBy } from './raising.ts'
import { tune, wantsTuning } from './tune.ts'
import { isExit, isReducing, valueOf, worthOf } from './worth.ts'

/** Who decides what the rules escalate. `none`: nobody can, so it is rejected. `open`: somebody can, so the verdict is `pending`. Or it is over, and why. */
export type Quorum = 'none' | 'open' | Closed

/** Nothing more is put to the vote. */
export interface Closed {
  readonly code: 'QUORUM_UNAVAILABLE' | 'QUORUM_REJECTED' | 'APPROVAL_LAPSED'
  readonly why: string | null
  /** Whether it denies also what no rule escalates any more. */
  readonly isFinal: boolean
}

const NOBODY: Closed = { code: 'QUORUM_UNAVAILABLE', why: null, isFinal: false }

/** Where an action stands on its way. */
interface Standing {
  /** The action as proposed, judged. */
  readonly proposed: Judged
  /** What the verdict is about: the same, or the narrowed action. */
  readonly judged: Judged
  readonly verdict: Verdict
  readonly reasons: readonly Reason[]
  readonly headroom: Headroom | null
  readonly tuning?: Tuning
}

/** Decides one request that has not been decided before, under `id`. Pure; the one clock reading is `court.now`. */
export function decide(
  court: Court,
  request: ActionRequest,
  quorum: Quorum,
  id = decisionId(request.agent, request.id),
): Decided {
  const judged = judgeWhole(court, request.agent, request.action)
  const narrowed = narrowWhereAccepted(court, request, judged, quorum)
  const voted = vote(narrowed, quorum)
  const tuned = tuneWhereAccepted(court, request, id, voted)
  return record(court, request, id, tuned)
}

/** Where the judgement denies: what would pass, and, for an agent that accepts it, that smaller action judged whole. */
function narrowWhereAccepted(court: Court, request: ActionRequest, judged: Judged, quorum: Quorum): Standing {
  const { verdict, reasons } = judged
  const standing = { proposed: judged, judged, verdict, reasons, headroom: null }
  if (isFinal(quorum) || verdict === 'allow' || (verdict === 'pending' && quorum === 'open')) return standing
  const headroom = headroomOf(court, judged)
  if (headroom?.quantity == null || request.accept?.includes('narrow') !== true)
    return { ...standing, headroom }
  const smaller = judgeWhole(court, request.agent, withQuantity(request.action, headroom.quantity))
  // INVARIANT: what the search found passes whole; if it does not, the search was wrong and the action is denied.
  if (smaller.verdict !== 'allow') return { ...standing, headroom: null }
  return { ...standing, judged: smaller, verdict: 'narrow', headroom }
}

/** What is escalated is put to a quorum; without one, or after it, it is rejected. */
function vote(standing: Standing, quorum: Quorum): Standing {
  if (quorum === 'open' || (standing.verdict !== 'pending' && !isFinal(quorum))) return standing
  const { code, why } = quorum === 'none' ? NOBODY : quorum
  return { ...standing, verdict: 'deny', reasons: [...standing.reasons, refusal(code, why)] }
}

/** Where the verdict lets an order with a horizon pass: what is best sent of it now, judged whole. Where that fails, what the rules alone decided stands. */
function tuneWhereAccepted(
  court: Court,
  request: ActionRequest,
  decision: string,
  standing: Standing,
): Standing {
  const { desk, program } = court
  const { proposed, judged, verdict, reasons, headroom } = standing
  if (desk?.optimizer.policy === undefined || !wantsTuning(request)) return standing
  if (verdict !== 'allow' && verdict !== 'narrow') return standing
  const base = { judged, decision, headroom, worth: () => valueOf(program, proposed.facts) }
  const chosen = tune(court, desk, request, base)
  if (chosen === undefined) return standing
  const { tuning, judged: smaller } = chosen
  return smaller === undefined
    ? { proposed, judged, verdict, reasons, headroom, tuning }
    : { proposed, judged: smaller, verdict: 'narrow', reasons, headroom, tuning }
}

function isFinal(quorum: Quorum): boolean {
  return typeof quorum === 'object' && quorum.isFinal
}

function record(
  { ledger, program, now }: Court,
  request: ActionRequest,
  id: string,
  { proposed, judged, verdict, reasons, headroom, tuning }: Standing,
): Decided {
  const grants = verdict === 'deny' ? [] : judged.grants
  const decision: DecisionCore = {
    schema: SCHEMA_VERSION,
    decision: id,
    request,
    digest: digestOf(request),
    at: now,
    verdict,
    action: judged.action,
    // What a narrowed order gives are the reasons against what was asked, which no grant let through.
    reasons: [...(proposed === judged ? reasonsBeside(reasons, grants, []) : reasons)],
    ...(grants.length === 0 ? {} : { grants: [...grants] }),
    ...(verdict === 'deny' || judged.approvals.length === 0 ? {} : { approvals: [...judged.approvals] }),
    headroom,
    reducing: isReducing(program, judged.facts),
    worth: worthOf(program, judged.facts, judged.judgement.verdict),
    ...(isOrderExit(program, judged) ? { exitWorth: valueOf(program, judged.facts) } : {}),
    ...(judged.subject.order?.basket === undefined ? {} : { basketWorth: valueOf(program, judged.facts) }),
    // Narrowing takes nothing back of what the proposal set off.
    raised: raised(ledger, proposed),
    expires: verdict === 'allow' || verdict === 'narrow' ? permitEnd(now) : null,
    ...(tuning === undefined ? {} : { tuning }),
    constitution: program.constitution.hash,
    engine: VERSION,
  }
  const trial = trialOf(program, judged)
  return {
    decision,
    evidence: new LiveEvidence(trial, proposed === judged ? null : trialOf(program, proposed)),
  }
}

/** Whether it is an order that reduces, so that a place is kept for what it costs where that is gone. */
function isOrderExit(program: Program, { facts, judgement, subject }: Judged): boolean {
  return subject.order !== undefined && isExit(program, facts, judgement.verdict)
}

/** Trading states that breached rules put in force. */
function raised(ledger: Ledger, { judgement, subject }: Judged): DecisionCore['raised'] {
  return raisedBy(judgement.findings, (kind) => {
    switch (kind) {
      case 'account':
        return subject.account
      case 'agent':
        return subject.agent
      case 'strategy':
        return strategyOf(ledger, subject)
      case 'instrument':
        return ledger.instruments.get(instrumentOf(subject) ?? '')?.instrument
    }
  })
}
