/** Halts and the live state: stop, ask to resume, see. */
import { z } from 'zod'
import { HaltRequest, ResumeRequest } from '../protocol/action.ts'
import { HaltAnswer, ResumeAnswer, StateAnswer } from '../protocol/answers.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import { ANYONE, caller } from './auth.ts'
import { done, route, type RouteContext } from './routes.ts'

const HaltPath = z.strictObject({ id: z.string().max(256) })

export function haltRoutes({ app, sidecar }: RouteContext): void {
  const raise = route(['operator'], {
    summary: 'Halt or reduce trading; holds from the next decision on, and until two operators lift it',
    tags: ['operators'],
    body: HaltRequest,
    response: { 200: HaltAnswer },
  })
  app.post('/v1/halts', raise, async (request, reply) => {
    const halt = request.body as HaltRequest
    return reply.send(await done(sidecar, { kind: 'halt', request: halt, by: caller(request).name }))
  })

  const lift = route(['operator'], {
    summary: 'Ask to resume; the second, different operator lifts the halt',
    tags: ['operators'],
    params: HaltPath,
    body: ResumeRequest,
    response: {
      200: ResumeAnswer,
    },
  })
  app.delete('/v1/halts/:id', lift, async (request, reply) => {
    const { id } = request.params as z.infer<typeof HaltPath>
    const { reason, rebase } = request.body as z.infer<typeof ResumeRequest>
    const operator = caller(request).name
    const rebasing = rebase === undefined ? {} : { rebase }
    return reply.send(await done(sidecar, { kind: 'resume', halt: id, operator, reason, ...rebasing }))
  })

  const see = route(ANYONE, {
    summary: 'What is in force, as far as it is durably recorded',
    tags: ['operators'],
    response: { 200: StateAnswer },
  })
  app.get('/v1/state', see, async (_request, reply) => {
    const { cores } = sidecar
    const { sequence, ledger, program, emergency } = sidecar.durableState
    return reply.send({
      schema: SCHEMA_VERSION,
      sequence,
      ...(cores.length === 1
        ? {}
        : {
            partitions: cores.map(({ partition, durableSequence }) => ({
              partition,
              sequence: durableSequence,
            })),
          }),
      constitution: program?.constitution.hash ?? null,
      emergency: emergency.policy?.hash ?? null,
      // However the state was come to: a map tells nothing of its order.
      halts: sidecar.halts
        .toSorted((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
        .map(({ id, scope, state, by, reason, monitor, at, partitions, resumes }) => ({
          halt: id,
          scope,
          state,
          by,
          reason,
          ...(monitor === undefined ? {} : { monitor }),
          at,
          ...(partitions === undefined ? {} : { partitions }),
          resumes,
        })),
      agents: ledger.agents.size,
      instruments: ledger.instruments.size,
      accounts: cores.reduce((sum, { durableState }) => sum + durableState.ledger.accounts.size, 0),
    })
  })
}
