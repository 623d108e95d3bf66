/** `POST /v1/permits/{id}/redeem`: the adapter's last look before it sends. */
import { z } from 'zod'
import { RedeemAnswer } from '../protocol/answers.ts'
import { Name, SchemaVersion } from '../protocol/common.ts'
import { caller } from './auth.ts'
import { done, route, type RouteContext } from './routes.ts'

const PermitPath = z.strictObject({ id: Name })
const Redemption = z.strictObject({ schema: SchemaVersion.optional() })

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
}
