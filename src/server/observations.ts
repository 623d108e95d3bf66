/** `POST /v1/observations`: what feeders report. */
import { EphorError } from '../base/errors.ts'
import { Accepted } from '../protocol/answers.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import { Observations, type Observation } from '../protocol/observation.ts'
import type { FeederToken } from '../sidecar/tokens.ts'
import { callingFeeder, requireKind } from './auth.ts'
import { sendProblem } from './problem.ts'
import { route, type RouteContext } from './routes.ts'

export function observationRoutes({ app, sidecar, metrics }: RouteContext): void {
  const options = route(['feeder'], {
    summary: 'Report one observation, or up to 1,000 in order',
    tags: ['feeders'],
    body: Observations,
    response: { 200: Accepted },
  })
  app.post('/v1/observations', options, async (request, reply) => {
    const body = request.body as Observation | Observation[]
    const observations = Array.isArray(body) ? body : [body]
    const feeder = callingFeeder(request)
    for (const observation of observations) checkBounds(feeder, observation)
    const effect = await sidecar.submit({ kind: 'observations', observations, feeder: feeder.name })
    if (effect.kind !== 'observed') throw new EphorError('INTERNAL', 'observations were not answered')
    const { accepted, refused } = effect
    metrics.observations.inc({ outcome: 'accepted' }, accepted)
    metrics.observations.inc({ outcome: 'refused' }, refused.length)
    const [first] = refused
    if (first === undefined) return reply.send({ schema: SCHEMA_VERSION, accepted })
    metrics.problems.inc({ code: first.code })
    return sendProblem(reply, first, { accepted, refused })
  })
}

/** Refuses what the token is not bound to; nothing of a list is taken then. */
function checkBounds(feeder: FeederToken, observation: Observation): void {
  const { name, sources } = feeder
  requireKind(feeder, observation.kind)
  if (observation.kind !== 'price' || sources.includes(observation.source)) return
  throw new EphorError(
    'SOURCE_FORBIDDEN',
    `\`${name}\` may report prices of ${sources.join(', ') || 'no source'}, not of ${observation.source}`,
  )
}
