/** `GET /v1/decisions`: what was decided, and why. */
import { z } from 'zod'
import { EphorError } from '../base/errors.ts'
import { queryAll } from '../journal/decision-pages.ts'
import type { DecisionFilter, RecordedDecision } from '../journal/query.ts'
import { DecisionAnswer, DecisionsAnswer } from '../protocol/answers.ts'
import { Name, SCHEMA_VERSION } from '../protocol/common.ts'
import { Verdict } from '../protocol/decision.ts'
import { Explanation } from '../protocol/optimizer.ts'
import type { Front } from '../sidecar/front.ts'
import type { Token } from '../sidecar/tokens.ts'
import { Waiting } from './actions.ts'
import { caller } from './auth.ts'
import { Places, placesIn, textOfPlaces } from './places.ts'
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
  cursor: Places.optional().describe('`next` of the page before'),
  limit: count.pipe(z.int().min(1).max(500)).optional(),
})
const DecisionPath = z.strictObject({ id: Name })

const PAGE = 50

export function decisionRoutes({ app, sidecar }: RouteContext): void {
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
    const { cores } = sidecar
    const places = cursor === undefined ? undefined : placesIn(cursor, cores.length, '`cursor`')
    const journals = cores.map(({ journalDirectory: directory, partition, durableSequence }, number) => ({
      directory,
      partition,
      before: Math.min(places?.[number] ?? Number.MAX_SAFE_INTEGER, durableSequence + 1),
    }))
    const { decisions, next } = await queryAll(journals, filter, limit ?? PAGE)
    return reply.send({ schema: SCHEMA_VERSION, decisions, next: next && textOfPlaces(next) })
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
    const recorded = await found(id, caller(request), sidecar)
    return reply.send({
      schema: SCHEMA_VERSION,
      ...recorded,
      saga: sidecar.sagaOf(recorded),
    })
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

async function found(id: string, who: Token, sidecar: Front): Promise<RecordedDecision> {
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
