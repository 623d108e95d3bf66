/** What was decided lately, so that one id has one verdict however often it is asked. */
import { List, Map } from 'immutable'
import { canonicalJson } from '../base/canonical-json.ts'
import { sha256 } from '../base/hash.ts'
import type { ErrorCode } from '../base/errors.ts'
import { timeOfId, type ActionRequest } from '../protocol/action.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { ActionAnswer, DecisionCore } from '../protocol/decision.ts'

/** Ids older than this are refused, so what is older can be forgotten. */
export const MEMORY_MS = 7 * 86_400_000
/** How far an agent's clock may run ahead. */
export const SKEW_MS_MAX = 60_000
/** Decisions remembered at most; past it nothing new is decided until the oldest are forgotten. */
export const REMEMBERED_MAX = 1_000_000

interface Remembered {
  readonly digest: string
  /** Of the decision's record, where the answer can be read again. */
  readonly sequence: number
}

export interface Memory {
  /** By decision id, which agent and id make. */
  readonly byDecision: Map<string, Remembered>
  readonly order: List<{ readonly decision: string; readonly at: number }>
}

export const NO_MEMORY: Memory = { byDecision: Map(), order: List() }

/** The id of the decision on an agent's request: whoever knows the request can name it. */
export function decisionId(agent: string, id: string): string {
  return `d-${sha256(`${agent}\n${id.toLowerCase()}`).slice(0, 24)}`
}

/** What must be the same for two requests with one id to be the same request. */
export function digestOf({ agent, action, accept, approval }: ActionRequest): string {
  return sha256(canonicalJson({ agent, action, accept: accept ?? [], approval: approval ?? null }))
}

export type Recall =
  | { readonly kind: 'new' }
  | { readonly kind: 'answered'; readonly sequence: number }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly detail: string }

/** Looks a request up: answered before, new, or not to be decided. */
export function recall(memory: Memory, request: ActionRequest, now: number): Recall {
  const known = memory.byDecision.get(decisionId(request.agent, request.id))
  if (known !== undefined) {
    if (known.digest === digestOf(request)) return { kind: 'answered', sequence: known.sequence }
    return {
      kind: 'refused',
      code: 'ID_CONFLICT',
      detail: `\`${request.id}\` was used by ${request.agent} for another action; take a new id`,
    }
  }
  const time = timeOfId(request.id)
  if (time < now - MEMORY_MS)
    return {
      kind: 'refused',
      code: 'ID_TOO_OLD',
      detail: `\`${request.id}\` is of ${new Date(time).toISOString()}; take a new id`,
    }
  if (time > now + SKEW_MS_MAX)
    return {
      kind: 'refused',
      code: 'ID_IN_FUTURE',
      detail: `\`${request.id}\` is of ${new Date(time).toISOString()}`,
    }
  // A cancel is never refused for want of memory.
  if (request.action.type !== 'cancel' && liveCount(memory, now) >= REMEMBERED_MAX) {
    return {
      kind: 'refused',
      code: 'LIMIT_REACHED',
      detail: `${REMEMBERED_MAX} decisions of the last seven days are remembered and no more fit`,
    }
  }
  return { kind: 'new' }
}

/** Decisions whose ids could still be asked for; what is older goes with the next one that is remembered. */
function liveCount({ byDecision, order }: Memory, now: number): number {
  const oldest = order.first()
  return oldest === undefined || oldest.at < forgetBefore(now) ? 0 : byDecision.size
}

function forgetBefore(now: number): number {
  return now - MEMORY_MS - SKEW_MS_MAX
}

/** Adds a decision and forgets what no id can ask for any more. */
export function remember(memory: Memory, decision: DecisionCore, sequence: number): Memory {
  const before = forgetBefore(decision.at)
  let { byDecision, order } = memory
  for (let first = order.first(); first !== undefined && first.at < before; first = order.first()) {
    byDecision = byDecision.delete(first.decision)
    order = order.shift()
  }
  return {
    byDecision: byDecision.set(decision.decision, { digest: decision.digest, sequence }),
    order: order.push({ decision: decision.decision, at: decision.at }),
  }
}

/** The answer that a recorded decision gives. */
export function answerOf(decision: DecisionCore, sequence: number): ActionAnswer {
  const { verdict, reasons, headroom, action, constitution, at } = decision
  return {
    schema: SCHEMA_VERSION,
    decision: decision.decision,
    id: decision.request.id,
    verdict,
    reasons,
    headroom,
    action,
    permit: null,
    constitution,
    sequence,
    at,
  }
}
