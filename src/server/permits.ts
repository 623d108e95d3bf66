/** `POST /v1/permits/{id}/redeem`, the adapter's last look before it sends, and `/return`: what was set aside and is not needed. */
import { z } from 'zod'
import { EphorError } from '../base/errors.ts'
import { RedeemAnswer, ReturnAnswer } from '../protocol/answers.ts'
import { Name, SchemaVersion } from '../protocol/common.ts'
import { caller } from './auth.ts'
import { done, route, type RouteContext } from './routes.ts'

const PermitPath = z.strictObject({ id: Name })
const Redemption = z.strictObject({ schema: SchemaVersion.optional() })
/** Both by an operator, and by an agent neither. */
const Returning = z.strictObject({
  schema: SchemaVersion.optional(),
  gone: Name.optional().describe('The sidecar that it was set aside for, and that is never to come back'),
  reason: z.string().min(1).max(1024).optional(),
})

export function permitRoutes({ app, sidecar }: RouteContext): void {
  const options = route(['agent'], {
    summary: 'Redeem a permit, once, just before sending what it allows',
    tags: ['agents'],
    params: PermitPath,
    body: Redemption,
    response: { 200: RedeemAnswer },
  })
  app.post('/v1/permits/:id/redeem', options, async (request, reply) => {
    const { id } = request.params as z.infer<typeof PermitPath>
    return reply.send(await done(sidecar, { kind: 'redeem', permit: id, agent: caller(request).name }))
  })

  const giving = route(['agent', 'operator'], {
    summary:
      'Give back what was set aside, through its sidecar; or write it off, where that is gone for good',
    tags: ['agents'],
    params: PermitPath,
    body: Returning,
    response: { 200: ReturnAnswer },
  })
  app.post('/v1/permits/:id/return', giving, async (request, reply) => {
    const { id } = request.params as z.infer<typeof PermitPath>
    const { gone, reason } = request.body as z.infer<typeof Returning>
    const { name, role } = caller(request)
    const isOperator = role === 'operator'
    if (isOperator !== (gone !== undefined) || isOperator !== (reason !== undefined))
      throw new EphorError(
        'BODY_INVALID',
        isOperator
          ? 'an operator names the sidecar that is `gone`, and a `reason`'
          : '`gone` and `reason` are an operator’s to say',
      )
    const writtenOff = gone === undefined || reason === undefined ? {} : { gone: { to: gone, reason } }
    return reply.send(await done(sidecar, { kind: 'return', permit: id, by: name, ...writtenOff }))
  })
}
