/** `GET` and `POST /v1/policies/…`: what is in force, and putting other policies in force. */
import { EphorError } from '../base/errors.ts'
import { ConsensusAnswer } from '../protocol/answers.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import { PolicyActivation, PolicyAnswer, PolicyRequest, VotingPolicyRequest } from '../protocol/emergency.ts'
import { OptimizerAnswer, OptimizerRequest } from '../protocol/optimizer.ts'
import type { AgreedPolicy } from '../protocol/proposal.ts'
import { RoutingAnswer } from '../protocol/routing.ts'
import { ANYONE, caller, personIn } from './auth.ts'
import { route, statusOf, type RouteContext } from './routes.ts'

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
    const { name: by } = caller(request)
    return reply.send({ schema: SCHEMA_VERSION, ...(await police('emergency', { by }, hash)) })
  })

  const seeOptimizer = route(ANYONE, {
    summary: 'By which orders with a horizon are tuned, and what of it stopped by itself',
    tags: ['authors'],
    response: { 200: OptimizerAnswer },
  })
  app.get('/v1/policies/optimizer', seeOptimizer, async (_request, reply) => {
    const { policy, stops } = sidecar.durableState.optimizer
    if (policy === undefined) throw new EphorError('NOT_FOUND', 'no optimizer policy is in force')
    const { optimizers } = policy.content
    return reply.send({ schema: SCHEMA_VERSION, policy: policy.hash, optimizers, stops })
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

  const seeRouting = route(ANYONE, {
    summary: 'How proposals are routed to specialists, as far as it is durably recorded',
    tags: ['authors'],
    response: { 200: RoutingAnswer },
  })
  app.get('/v1/policies/routing', seeRouting, async (_request, reply) => {
    const { routing } = sidecar.durableState.quorum
    if (routing === undefined) throw new EphorError('NOT_FOUND', 'nothing is routed')
    return reply.send({ schema: SCHEMA_VERSION, policy: routing.hash, routes: routing.content.routes })
  })

  const putAgreed = (kind: AgreedPolicy, what: string, body: typeof VotingPolicyRequest): void => {
    const options = route(['author', 'operator'], {
      summary: `Read the directory of policies, check it, and put its ${what} in force, or ask those whose word that takes; an operator only seconds an author`,
      tags: ['authors'],
      body,
      response: { 200: PolicyActivation, 202: PolicyActivation },
    })
    app.post(`/v1/policies/${kind}`, options, async (request, reply) => {
      const { hash, reason } = request.body as VotingPolicyRequest
      const policed = await police(kind, personIn(request, reason), hash)
      return reply.code(statusOf(policed)).send({ schema: SCHEMA_VERSION, ...policed })
    })
  }
  putAgreed('consensus', 'policies for votes', VotingPolicyRequest)
  putAgreed('routing', 'routes', VotingPolicyRequest)
  putAgreed('optimizer', 'optimizer policy', OptimizerRequest)
}
