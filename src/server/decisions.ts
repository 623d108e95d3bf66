/** `GET /v1/decisions`: what was decided, and why. */
import { z } from 'zod'
import { EphorError } from '../base/errors.ts'
import { queryDecisions, type DecisionFilter } from '../journal/query.ts'
import { DecisionAnswer, DecisionsAnswer } from '../protocol/answers.ts'
import { Name, SCHEMA_VERSION } from '../protocol/common.ts'
import { Verdict } from '../protocol/decision.ts'
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
    const found = await sidecar.findDecision(id)
    const who = caller(request)
    // To an agent another's decision is as good as none.
    if (found === undefined || (who.role === 'agent' && found.decision.request.agent !== who.name)) {
      throw new EphorError('NOT_FOUND', notFound(id, sidecar.findableDecisions))
    }
    return reply.send({ schema: SCHEMA_VERSION, ...found, saga: sidecar.sagaOf(found.decision) })
  })
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
