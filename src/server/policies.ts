/** `GET` and `POST /v1/policies/emergency`: the monitors in force, and putting others in force. */
import { EphorError } from '../base/errors.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import { PolicyActivation, PolicyAnswer, PolicyRequest } from '../protocol/emergency.ts'
import { ANYONE, caller } from './auth.ts'
import { route, type RouteContext } from './routes.ts'

export function policyRoutes({ app, sidecar, police }: RouteContext): void {
  const see = route(ANYONE, {
    summary: 'The emergency policy in force, as far as it is durably recorded',
    tags: ['authors'],
    response: { 200: PolicyAnswer },
  })
  app.get('/v1/policies/emergency', see, async (_request, reply) => {
    const { policy } = sidecar.durableState.emergency
    if (policy === undefined) throw new EphorError('NOT_FOUND', 'no emergency policy is in force')
    return reply.send({
      schema: SCHEMA_VERSION,
      policy: policy.hash,
      monitors: policy.content.monitors,
    })
  })

  const put = route(['author'], {
    summary: 'Read the directory of policies, check it, and put its emergency policy in force',
    tags: ['authors'],
    body: PolicyRequest,
    response: { 200: PolicyActivation },
  })
  app.post('/v1/policies/emergency', put, async (request, reply) => {
    const { hash } = request.body as PolicyRequest
    return reply.send({ schema: SCHEMA_VERSION, ...(await police(caller(request).name, hash)) })
  })
}
