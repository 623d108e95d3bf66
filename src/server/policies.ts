/** `GET` and `POST /v1/policies/emergency` and `/v1/policies/consensus`: what is in force, and putting other policies in force. */
import { EphorError } from '../base/errors.ts'
import { ConsensusAnswer } from '../protocol/answers.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import { PolicyActivation, PolicyAnswer, PolicyRequest } from '../protocol/emergency.ts'
import type { PolicyKind } from '../sidecar/policies.ts'
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

  const seeVoting = route(ANYONE, {
    summary: 'The policies by which questions are put to the vote, as far as they are durably recorded',
    tags: ['authors'],
    response: { 200: ConsensusAnswer },
  })
  app.get('/v1/policies/consensus', seeVoting, async (_request, reply) => {
    const { policies } = sidecar.durableState.quorum
    if (policies === undefined) throw new EphorError('NOT_FOUND', 'nothing is put to the vote')
    return reply.send({
      schema: SCHEMA_VERSION,
      policy: policies.hash,
      policies: [...policies.byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    })
  })

  const put = (kind: PolicyKind, what: string): void => {
    const options = route(['author'], {
      summary: `Read the directory of policies, check it, and put its ${what} in force`,
      tags: ['authors'],
      body: PolicyRequest,
      response: { 200: PolicyActivation },
    })
    app.post(`/v1/policies/${kind}`, options, async (request, reply) => {
      const { hash } = request.body as PolicyRequest
      return reply.send({ schema: SCHEMA_VERSION, ...(await police(kind, caller(request).name, hash)) })
    })
  }
  put('emergency', 'emergency policy')
  put('consensus', 'policies for votes')
}
