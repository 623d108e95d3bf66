/** `POST /v1/agents` and heartbeats: who may act, and whether it is alive. */
import { z } from 'zod'
import { EphorError } from '../base/errors.ts'
import { AgentRegistration, Heartbeat, Retirement } from '../protocol/agent.ts'
import { AgentAnswer } from '../protocol/answers.ts'
import { Name, SCHEMA_VERSION } from '../protocol/common.ts'
import { caller } from './auth.ts'
import { route, type RouteContext } from './routes.ts'

const AgentPath = z.strictObject({ id: Name })

export function agentRoutes({ app, sidecar, people }: RouteContext): void {
  const register = route(['operator'], {
    summary: 'Register an agent, or change its registration',
    tags: ['operators'],
    body: AgentRegistration,
    response: { 200: AgentAnswer },
  })
  app.post('/v1/agents', register, async (request, reply) => {
    const registration = request.body as AgentRegistration
    const role = people.get(registration.agent)
    // For good: no agent lifts a halt, grants an exception or signs a transfer off, also once it is retired.
    if (role !== undefined)
      throw new EphorError(
        'BODY_INVALID',
        `/agent: \`${registration.agent}\` bears a token as ${role} in tokens.yaml; an agent bears a name of its own`,
      )
    await sidecar.submit({ kind: 'register', registration, by: caller(request).name })
    return reply.send({ schema: SCHEMA_VERSION, agent: registration.agent })
  })

  const retire = route(['operator'], {
    summary: 'Take an agent out of service: it has no heartbeat and no vote any more',
    tags: ['operators'],
    params: AgentPath,
    body: Retirement,
    response: { 200: AgentAnswer },
  })
  app.delete('/v1/agents/:id', retire, async (request, reply) => {
    const { id } = request.params as z.infer<typeof AgentPath>
    const { reason } = request.body as z.infer<typeof Retirement>
    await sidecar.submit({ kind: 'retire', agent: id, by: caller(request).name, reason })
    return reply.send({ schema: SCHEMA_VERSION, agent: id })
  })

  const beat = route(['agent'], {
    summary: 'Say that the agent is alive',
    tags: ['agents'],
    params: AgentPath,
    // Fastify shows an absent body to its schema as null.
    body: Heartbeat.nullish(),
    response: { 200: AgentAnswer },
  })
  app.post('/v1/agents/:id/heartbeat', beat, async (request, reply) => {
    const { id } = request.params as z.infer<typeof AgentPath>
    const { name } = caller(request)
    if (id !== name)
      throw new EphorError('AGENT_FORBIDDEN', `the token is \`${name}\`’s and the heartbeat is \`${id}\`’s`)
    await sidecar.submit({ kind: 'beat', agent: id })
    return reply.send({ schema: SCHEMA_VERSION, agent: id })
  })
}
