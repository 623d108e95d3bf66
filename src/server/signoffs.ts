/** Sign-offs: say that an agent may send one exact transfer, take it back, see. */
import { z } from 'zod'
import { EphorError } from '../base/errors.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import { SignoffAnswer, SignoffRequest, SignoffsAnswer, SignoffWord } from '../protocol/signoff.ts'
import type { Input } from '../sidecar/sidecar.ts'
import { caller } from './auth.ts'
import { done, route, type RouteContext } from './routes.ts'

const SignoffPath = z.strictObject({ id: z.string().max(256) })

export function signoffRoutes({ app, sidecar }: RouteContext): void {
  const answer = async (input: Input): Promise<SignoffAnswer> => {
    const { signoff: id } = await done(sidecar, input)
    const shown = sidecar.shown.signoffs.find(({ signoff }) => signoff === id)
    if (shown === undefined)
      throw new EphorError('INTERNAL', `\`${String(id)}\` was recorded and is not kept`)
    return shown
  }

  const say = route(['operator'], {
    summary: 'Sign off one exact transfer of an agent, for one use; the rules say how many must',
    tags: ['operators'],
    body: SignoffRequest,
    response: { 200: SignoffAnswer },
  })
  app.post('/v1/signoffs', say, async (request, reply) => {
    const body = request.body as SignoffRequest
    return reply.send(await answer({ kind: 'signoff', request: body, by: caller(request).name }))
  })

  const takeBack = route(['operator'], {
    summary: 'Take a sign-off back at once; what it let through and is not sent is held back',
    tags: ['operators'],
    params: SignoffPath,
    body: SignoffWord,
    response: { 200: SignoffAnswer },
  })
  app.delete('/v1/signoffs/:id', takeBack, async (request, reply) => {
    const { id } = request.params as z.infer<typeof SignoffPath>
    const { reason } = request.body as z.infer<typeof SignoffWord>
    const operator = caller(request).name
    return reply.send(await answer({ kind: 'unsign', signoff: id, operator, reason }))
  })

  const see = route(['operator', 'author', 'auditor'], {
    summary: 'What was signed off, from the oldest, and what became of it',
    tags: ['operators'],
    response: { 200: SignoffsAnswer },
  })
  app.get('/v1/signoffs', see, async (_request, reply) =>
    reply.send({ schema: SCHEMA_VERSION, signoffs: sidecar.shown.signoffs }),
  )
}
