/** `GET /v1/decisions`: what was decided, and why. */
import { z } from 'zod'
import { EphorError } from '../base/errors.ts'
import { queryDecisions, type DecisionFilter, type RecordedDecision } from '../journal/query.ts'
import { DecisionAnswer, DecisionsAnswer } from '../protocol/answers.ts'
import { Name, SCHEMA_VERSION } from '../protocol/common.ts'
import { Verdict } from '../protocol/decision.ts'
import { Explanation } from '../protocol/optimizer.ts'
import type { Sidecar } from '../sidecar/sidecar.ts'
import type { Token } from '../sidecar/tokens.ts'
import { Waiting } from './actions.ts'
import { caller } from './auth.ts'
import { route, type RouteContext } from './routes.ts'

const count = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number)

const DecisionQuery = z.strictObject({
  agent: Name.optional(),
  account: Name.optional(),
  instrument: Name.optional(),
  verdict: Verdict.optional(),
  rule: z.string().max(128).optional().describe('A rule among the reasons, by id or code'),
  grant: z.string().max(256).optional().describe('A grant that was used, by id, or `any`'),
  from: count.optional().describe('Milliseconds since 1970, included'),
  to: count.optional().describe('Milliseconds since 1970, not included'),
  cursor: count.optional().describe('`next` of the page before'),
  limit: count.pipe(z.int().min(1).max(500)).optional(),
})
const DecisionPath = z.strictObject({ id: Name })

const PAGE = 50

export function decisionRoutes({ app, sidecar, journalDirectory }: RouteContext): void {
  const list = route(['agent', 'operator', 'author', 'auditor'], {
    summary: 'Decisions, newest first',
    tags: ['compliance'],
    querystring: DecisionQuery,
    response: {
      200: DecisionsAnswer,
    },
  })
  app.get('/v1/decisions', list, async (request, reply) => {
    const { cursor, limit, ...wanted } = request.query as z.infer<typeof DecisionQuery>
    const filter = ownOnly(
      caller(request),
      Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined)),
    )
    const before = Math.min(cursor ?? Number.MAX_SAFE_INTEGER, sidecar.durableSequence + 1)
    const page = await queryDecisions(journalDirectory, filter, before, limit ?? PAGE)
    return reply.send({ schema: SCHEMA_VERSION, ...page })
  })

  const one = route(['agent', 'operator', 'author', 'auditor'], {
    summary: 'One decision whole',
    tags: ['compliance'],
    params: DecisionPath,
    querystring: Waiting,
    response: { 200: DecisionAnswer },
  })
  app.get('/v1/decisions/:id', one, async (request, reply) => {
    const { id } = request.params as z.infer<typeof DecisionPath>
    const { waitMs = 0 } = request.query as z.infer<typeof Waiting>
    if (waitMs > 0) await sidecar.decided(id, waitMs)
    return reply.send({ schema: SCHEMA_VERSION, ...(await found(id, caller(request), sidecar)) })
  })

  const why = route(['agent', 'operator', 'author', 'auditor'], {
    summary: 'Why an order with a horizon was sent as it was, and what would have been without the optimizer',
    tags: ['compliance'],
    params: DecisionPath,
    response: { 200: Explanation },
  })
  app.get('/v1/decisions/:id/explanation', why, async (request, reply) => {
    const { id } = request.params as z.infer<typeof DecisionPath>
    const { decision } = await found(id, caller(request), sidecar)
    const explanation = sidecar.models.explain(decision)
    if (explanation === undefined)
      throw new EphorError(
        'NOT_FOUND',
        `no optimizer looked at \`${id}\`: it has no explanation beside its reasons`,
      )
    return reply.send(explanation)
  })
}

async function found(id: string, who: Token, sidecar: Sidecar): Promise<RecordedDecision> {
  const recorded = await sidecar.findDecision(id)
  // To an agent another's decision is as good as none.
  if (recorded === undefined || (who.role === 'agent' && recorded.decision.request.agent !== who.name))
    throw new EphorError('NOT_FOUND', notFound(id, sidecar.findableDecisions))
  return recorded
}

function notFound(id: string, reach: number): string {
  return Number.isFinite(reach)
    ? `no decision \`${id}\` is among the last ${reach}; older ones are listed by \`GET /v1/decisions\``
    : `no decision \`${id}\` is recorded`
}

function ownOnly({ role, name }: Token, filter: DecisionFilter): DecisionFilter {
  if (role !== 'agent') return filter
  if (filter.agent !== undefined && filter.agent !== name)
    throw new EphorError('AGENT_FORBIDDEN', `\`${name}\` can see its own decisions only`)
  return { ...filter, agent: name }
}
