/** Grants: propose an exception, approve what somebody else proposed, revoke, see. */
import { z } from 'zod'
import { EphorError } from '../base/errors.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import { GrantAnswer, GrantRequest, GrantsAnswer, GrantWord } from '../protocol/grant.ts'
import type { Input } from '../sidecar/sidecar.ts'
import { caller } from './auth.ts'
import { done, route, type RouteContext } from './routes.ts'

const GrantPath = z.strictObject({ id: z.string().max(256) })

export function grantRoutes({ app, sidecar }: RouteContext): void {
  /** The grant as it stands after what was asked of it is durable. */
  const answer = async (input: Input): Promise<GrantAnswer> => {
    const { grant: id } = await done(sidecar, input)
    const shown = sidecar.shown.grants.find(({ grant }) => grant === id)
    if (shown === undefined)
      throw new EphorError('INTERNAL', `\`${String(id)}\` was recorded and is not kept`)
    return shown
  }

  const propose = route(['operator'], {
    summary:
      'Propose an exception to a rule that allows some; it does nothing until agents approve it, or, where none can vote, another operator',
    tags: ['operators'],
    body: GrantRequest,
    response: { 200: GrantAnswer, 202: GrantAnswer },
  })
  app.post('/v1/grants', propose, async (request, reply) => {
    const body = request.body as GrantRequest
    const shown = await answer({ kind: 'grant', request: body, by: caller(request).name })
    return reply.code(shown.proposal === undefined ? 200 : 202).send(shown)
  })

  const approve = route(['operator'], {
    summary: 'Approve an exception that another operator proposed; holds from the next decision on',
    tags: ['operators'],
    params: GrantPath,
    body: GrantWord,
    response: { 200: GrantAnswer },
  })
  app.post('/v1/grants/:id/approve', approve, async (request, reply) => {
    const { id } = request.params as z.infer<typeof GrantPath>
    const { reason } = request.body as z.infer<typeof GrantWord>
    const operator = caller(request).name
    return reply.send(await answer({ kind: 'approve', grant: id, operator, reason }))
  })

  const revoke = route(['operator'], {
    summary: 'End an exception at once; what it let through and is not sent is held back',
    tags: ['operators'],
    params: GrantPath,
    body: GrantWord,
    response: { 200: GrantAnswer },
  })
  app.delete('/v1/grants/:id', revoke, async (request, reply) => {
    const { id } = request.params as z.infer<typeof GrantPath>
    const { reason } = request.body as z.infer<typeof GrantWord>
    const operator = caller(request).name
    return reply.send(await answer({ kind: 'revoke', grant: id, operator, reason }))
  })

  const see = route(['operator', 'author', 'auditor'], {
    summary: 'Exceptions that were proposed, from the oldest, and what became of them',
    tags: ['operators'],
    response: { 200: GrantsAnswer },
  })
  app.get('/v1/grants', see, async (_request, reply) =>
    reply.send({ schema: SCHEMA_VERSION, grants: sidecar.shown.grants }),
  )
}
