/** What was decided lately, so that one id has one verdict however often it is asked. */
import { Map } from 'immutable'
import { IdMap } from '../base/id-map.ts'
import { Queue } from '../base/queue.ts'
import { digestOf as hashOf, sha256 } from '../base/hash.ts'
import type { ErrorCode } from '../base/errors.ts'
import { sliceOf } from './slice.ts'
import { timeOfId, type ActionRequest } from '../protocol/action.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { ActionAnswer, DecisionCore } from '../protocol/decision.ts'

/** Ids older than this are refused, so what is older can be forgotten. */
export const MEMORY_MS = 7 * 86_400_000
/** How far an agent's clock may run ahead. */
export const SKEW_MS_MAX = 60_000
/** Decisions remembered at most, beside cancels; past it nothing new is decided until the oldest are forgotten. */
export const REMEMBERED_MAX = 1_000_000
/** Cancels remembered at most: past it the oldest is forgotten, and asked again it is decided anew, which does no harm: an order that is gone is gone. */
export const CANCELS_MAX = 100_000

interface Remembered {
  readonly digest: string
  /** Of the decision's record, where the answer can be read again. */
  readonly sequence: number
  /** The agent to whom it gave a permit; `undefined` when nothing was allowed. */
  readonly allowed: string | undefined
}

export interface Memory {
  /** By decision id, which agent and id make. */
  readonly byDecision: IdMap<Remembered>
  /** Those that are no cancels, from the oldest, and how many of them each agent has. */
  readonly order: Queue<{ readonly decision: string; readonly at: number; readonly agent: string }>
  readonly byAgent: Map<string, number>
  /** From the oldest. They have a bound of their own, for they are never refused. */
  readonly cancels: Queue<{ readonly decision: string; readonly at: number }>
}

export const NO_MEMORY: Memory = {
  byDecision: IdMap.empty(),
  order: Queue.empty(),
  byAgent: Map(),
  cancels: Queue.empty(),
}

/** The id of the decision on an agent's request: whoever knows the request can name it. */
export function decisionId(agent: string, id: string): string {
  return `d-${sha256(`${agent}\n${id.toLowerCase()}`).slice(0, 24)}`
}

/** What must be the same for two requests with one id to be the same request. */
export function digestOf({ agent, action, accept, approval }: ActionRequest): string {
  return hashOf({ agent, action, accept: accept ?? [], approval: approval ?? null })
}

export type Recall =
  | { readonly kind: 'new' }
  | { readonly kind: 'answered'; readonly sequence: number }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly detail: string }

/** Looks a request up: answered before, new, or not to be decided. `max` bounds what is remembered; `decision` is the id that a verdict on it has. */
export function recall(
  memory: Memory,
  request: ActionRequest,
  now: number,
  max = REMEMBERED_MAX,
  decision = decisionId(request.agent, request.id),
): Recall {
  const known = memory.byDecision.get(decision)
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
  return (
    (request.action.type === 'cancel' ? undefined : noRoom(memory, request.agent, now, max)) ?? {
      kind: 'new',
    }
  )
}

/**
 * Why a decision for `agent` could not be remembered. An agent may have as many as are still free for all: half of all when it comes first, half of what
 * that leaves when it comes next. So one agent cannot take the room of the others, and one that is alone is not held to a small share (the
 * dynamic threshold of Choudhury and Hahne, 1998, for buffers that many share).
 */
function noRoom(
  { order, byAgent }: Memory,
  agent: string,
  now: number,
  max: number,
): (Recall & { kind: 'refused' }) | undefined {
  const oldest = order.first()
  // What is older goes with the next one that is remembered.
  if (oldest === undefined || oldest.at < forgetBefore(now)) return undefined
  const free = max - order.size
  const own = byAgent.get(agent) ?? 0
  if (own < free) return undefined
  const room = `room comes at ${new Date(oldest.at + MEMORY_MS + SKEW_MS_MAX).toISOString()} at the earliest; cancels are decided all the same`
  return free <= 0
    ? {
        kind: 'refused',
        code: 'LIMIT_REACHED',
        detail: `${order.size} decisions of the last seven days are remembered and no more fit; ${room}`,
      }
    : {
        kind: 'refused',
        code: 'AGENT_LIMIT_REACHED',
        detail: `${own} decisions of the last seven days are \`${agent}\`’s, and it may have no more than are free for all, ${free}; ${room}`,
      }
}

function forgetBefore(now: number): number {
  return now - MEMORY_MS - SKEW_MS_MAX
}

/** Adds a decision and forgets what no id can ask for any more, and the oldest cancels past `max`. */
export function remember(
  memory: Memory,
  decision: DecisionCore,
  sequence: number,
  max = CANCELS_MAX,
): Memory {
  const { decision: id, digest, at, request } = decision
  const allowed = decision.expires === null ? undefined : request.agent
  const pending = memory.byDecision.get(id)
  // What was pending is decided: the record that answers is another, and all else stays.
  if (pending !== undefined) {
    return { ...memory, byDecision: memory.byDecision.set(id, { ...pending, sequence, allowed }) }
  }
  const { byDecision, order, byAgent, cancels } = forget(memory, forgetBefore(at))
  const known = byDecision.set(id, { digest, sequence, allowed })
  if (request.action.type !== 'cancel') {
    return {
      byDecision: known,
      order: order.push({ decision: id, at, agent: request.agent }),
      byAgent: byAgent.set(request.agent, (byAgent.get(request.agent) ?? 0) + 1),
      cancels,
    }
  }
  const oldest = cancels.size < max ? undefined : cancels.first()?.decision
  const kept = cancels.push({ decision: id, at })
  return {
    byDecision: oldest === undefined ? known : known.delete(oldest),
    order,
    byAgent,
    cancels: oldest === undefined ? kept : kept.shift(),
  }
}

/** What was decided before `before` is asked for by no id that would be taken. */
function forget({ byDecision, order, byAgent, cancels }: Memory, before: number): Memory {
  for (let first = order.first(); first !== undefined && first.at < before; first = order.first()) {
    byDecision = byDecision.delete(first.decision)
    order = order.shift()
    const left = (byAgent.get(first.agent) ?? 0) - 1
    byAgent = left > 0 ? byAgent.set(first.agent, left) : byAgent.delete(first.agent)
  }
  for (let first = cancels.first(); first !== undefined && first.at < before; first = cancels.first()) {
    byDecision = byDecision.delete(first.decision)
    cancels = cancels.shift()
  }
  return { byDecision, order, byAgent, cancels }
}

/** The answer that a recorded decision gives, with the permit where there is one. */
export function answerOf(decision: DecisionCore, sequence: number, permit: string | null): ActionAnswer {
  const { verdict, reasons, grants, proposals, approvals, headroom, action, constitution, at } = decision
  const slice = sliceOf(decision)
  return {
    schema: SCHEMA_VERSION,
    decision: decision.decision,
    id: decision.request.id,
    verdict,
    reasons,
    ...(grants === undefined ? {} : { grants }),
    ...(proposals === undefined ? {} : { proposals }),
    ...(approvals === undefined ? {} : { approvals }),
    headroom,
    action,
    ...(slice === undefined ? {} : { slice }),
    permit,
    constitution,
    sequence,
    at,
  }
}
