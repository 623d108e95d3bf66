/** What may be believed: an answer that fits its schema and answers what was asked. Everything else is an error. */
import { canonicalJson } from '../base/canonical-json.ts'
import { EphorError, ERRORS } from '../base/errors.ts'
import { parseStrictJsonBytes } from '../base/strict-json.ts'
import { verifyPermit, type VerifyOptions } from '../permit/verify.ts'
import type { Action, ActionRequest } from '../protocol/action.ts'
import { decisionIdOf } from '../protocol/decision-id.ts'
import type { ActionAnswer } from '../protocol/decision.ts'
import { describeIssues } from '../protocol/issues.ts'
import { ProblemDocument } from '../protocol/problem.ts'
import type { z } from 'zod'
import { ClientError } from './error.ts'
import type { Reply } from './transport.ts'

/** The body of a 200, or of a 202 that says what it waits for, that fits `schema`. Throws `ClientError` on anything else. */
export function readAnswer<T extends z.ZodType>(schema: T, reply: Reply): z.infer<T> {
  const body = jsonOf(reply)
  if (reply.status !== 200 && reply.status !== 202) throw refusalOf(reply.status, body)
  const parsed = schema.safeParse(body)
  if (!parsed.success) throw invalid(describeIssues(parsed.error), reply.status)
  if (reply.status === 202 && !says(parsed.data, 'proposal') && !says(parsed.data, 'waitsFor'))
    throw invalid('status 202, and what it waits for is not said', reply.status)
  return parsed.data
}

function says(data: unknown, key: string): boolean {
  return typeof data === 'object' && data !== null && Object.hasOwn(data, key)
}

/** Why a call was refused whose body was to be something else than JSON. */
export function readRefusal(reply: Reply): ClientError {
  return reply.status === 200
    ? invalid('the body is no stream of events')
    : refusalOf(reply.status, jsonOf(reply))
}

function jsonOf({ status, headers, body }: Reply): unknown {
  const type = headers['content-type'] ?? 'nothing'
  if (!/^application\/(?:[a-z-]+\+)?json(?:; *charset=utf-8)?$/i.test(type))
    throw invalid(`status ${status} with a body of ${type}`, status)
  // None was asked for, and none is undone.
  if (headers['content-encoding'] !== undefined) throw invalid('the body is encoded', status)
  const parsed = parseStrictJsonBytes(body)
  if (!parsed.ok) throw invalid(`${parsed.path || '/'}: ${parsed.message}`, status)
  return parsed.value
}

/** A refusal by the sidecar, in its own words; where it is none of its own, it is doubt like any other. */
function refusalOf(status: number, body: unknown): ClientError {
  const parsed = ProblemDocument.safeParse(body)
  if (!parsed.success || parsed.data.status !== status || ERRORS[parsed.data.code].status !== status)
    return invalid(`status ${status} without a problem document of Ephor’s`, status)
  const { code, detail } = parsed.data
  return new ClientError(code, detail, { status, problem: body as Record<string, unknown> })
}

/** Throws unless the verdict is on this request: its id, its decision, and, where it allows, its action. */
export function matchVerdict(request: ActionRequest, answer: ActionAnswer): void {
  const { agent, id, action, accept = [] } = request
  if (answer.id.toLowerCase() !== id.toLowerCase())
    throw invalid(`asked about \`${id}\`, and \`${answer.id}\` was answered`)
  const decision = decisionIdOf(agent, id)
  if (answer.decision !== decision)
    throw invalid(`the decision is \`${answer.decision}\`; ${agent}’s is \`${decision}\``)
  if (answer.verdict === 'allow' && canonicalJson(answer.action) !== canonicalJson(action))
    throw invalid('another action was allowed than was asked for')
  if (answer.verdict === 'narrow' && !(accept.includes('narrow') && isNarrower(answer.action, action)))
    throw invalid(
      'the action was narrowed to what is not a smaller one of the same, or was not to be narrowed',
    )
  if (answer.permit !== null && answer.verdict !== 'allow' && answer.verdict !== 'narrow')
    throw invalid(`a permit came with the verdict ${answer.verdict}`)
}

/** The same in all but the quantity, which is smaller. */
function isNarrower(answered: Action, asked: Action): boolean {
  if (!('quantity' in answered) || !('quantity' in asked) || answered.quantity >= asked.quantity) return false
  return canonicalJson({ ...answered, quantity: asked.quantity }) === canonicalJson(asked)
}

/** Throws unless an allowed action comes with a permit for it that stands. */
export function checkPermit(
  { agent }: ActionRequest,
  answer: ActionAnswer,
  options: Omit<VerifyOptions, 'action' | 'agent'>,
): void {
  if (answer.verdict !== 'allow' && answer.verdict !== 'narrow') return
  if (answer.permit === null)
    throw new ClientError('PERMIT_MISSING', `\`${answer.decision}\` came without one`, { status: 200 })
  const claims = asClientError(answer.permit, { ...options, agent, action: answer.action })
  const { decision, constitution, sequence } = answer
  if (claims.decision !== decision || claims.constitution !== constitution || claims.sequence !== sequence)
    throw invalid('the permit is of another decision than the answer')
}

function asClientError(permit: string, options: VerifyOptions): ReturnType<typeof verifyPermit> {
  try {
    return verifyPermit(permit, options)
  } catch (error) {
    if (!(error instanceof EphorError)) throw error
    throw new ClientError(error.code, error.detail, { status: 200, cause: error })
  }
}

/** Throws unless `answered` is what was asked about. */
export function matchId(what: string, asked: string, answered: string): void {
  if (asked !== answered)
    throw invalid(`asked about the ${what} \`${asked}\`, and \`${answered}\` was answered`)
}

function invalid(detail: string, status: number | null = 200): ClientError {
  return new ClientError('ANSWER_INVALID', detail, { status })
}
