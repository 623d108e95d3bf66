/** `POST /v1/executions`: what the venue did; and whose word holds where positions differ. */
import { z } from 'zod'
import { EphorError } from '../base/errors.ts'
import { AdoptionAnswer, ExecutionsAnswer } from '../protocol/answers.ts'
import { Name, SCHEMA_VERSION } from '../protocol/common.ts'
import { Adoption, Executions, type Execution } from '../protocol/execution.ts'
import { caller, callingFeeder, requireKind } from './auth.ts'
import { sendProblem } from './problem.ts'
import { done, route, type RouteContext } from './routes.ts'

const AccountPath = z.strictObject({ account: Name })

export function executionRoutes({ app, sidecar, metrics }: RouteContext): void {
  const report = route(['feeder'], {
    summary: 'Report one execution, or up to 1,000 in order',
    tags: ['feeders'],
    body: Executions,
    response: {
      200: ExecutionsAnswer,
    },
  })
  app.post('/v1/executions', report, async (request, reply) => {
    const body = request.body as Execution | Execution[]
    const executions = Array.isArray(body) ? body : [body]
    const feeder = callingFeeder(request)
    requireKind(feeder, 'execution')
    const effect = await sidecar.submit({ kind: 'executions', executions, feeder: feeder.name })
    if (effect.kind !== 'executed') throw new EphorError('INTERNAL', 'executions were not answered')
    const { accepted, repeated, anomalies, refused } = effect
    metrics.executions.inc({ outcome: 'accepted' }, accepted)
    metrics.executions.inc({ outcome: 'repeated' }, repeated)
    metrics.executions.inc({ outcome: 'refused' }, refused.length)
    for (const { anomaly } of anomalies) metrics.anomalies.inc({ anomaly })
    for (const { code } of refused) metrics.anomalies.inc({ anomaly: code })
    const [first] = refused
    if (first === undefined) return reply.send({ schema: SCHEMA_VERSION, accepted, repeated, anomalies })
    metrics.problems.inc({ code: first.code })
    return sendProblem(reply, first, { accepted, repeated, anomalies, refused })
  })

  const adopt = route(['operator'], {
    summary: 'Take the last reported portfolio of an account for its positions',
    tags: ['operators'],
    params: AccountPath,
    body: Adoption,
    response: { 200: AdoptionAnswer },
  })
  app.post('/v1/portfolios/:account/adopt', adopt, async (request, reply) => {
    const { account } = request.params as z.infer<typeof AccountPath>
    const { reason } = request.body as z.infer<typeof Adoption>
    const operator = caller(request).name
    return reply.send(await done(sidecar, { kind: 'adopt', account, operator, reason }))
  })
}
