/** `POST /v1/actions`: may this be done? */
import { z } from 'zod'
import { EphorError } from '../base/errors.ts'
import { ActionRequest } from '../protocol/action.ts'
import { ActionAnswer } from '../protocol/decision.ts'
import { tellTrace } from '../sidecar/trace.ts'
import { caller } from './auth.ts'
import { route, type RouteContext } from './routes.ts'

/** Milliseconds that a caller may wait for a vote. */
export const WAIT_MS_MAX = 60_000

export const Waiting = z.strictObject({
  waitMs: z
    .string()
    .regex(/^\d{1,5}$/)
    .transform(Number)
    .pipe(z.int().max(WAIT_MS_MAX))
    .optional()
    .describe('Milliseconds to wait for the end of a vote, where there is one'),
})

export function actionRoutes({ app, sidecar, metrics }: RouteContext): void {
  const options = route(['agent'], {
    summary: 'Judge an action before it is done',
    tags: ['agents'],
    querystring: Waiting,
    body: ActionRequest,
    response: { 200: ActionAnswer },
  })
  app.post('/v1/actions', options, async (request, reply) => {
    const body = request.body as ActionRequest
    const { name } = caller(request)
    if (body.agent !== name)
      throw new EphorError(
        'AGENT_FORBIDDEN',
        `the token is \`${name}\`’s and the action is \`${body.agent}\`’s`,
      )
    const asked = performance.now()
    let effect = await sidecar.submit({ kind: 'action', request: body })
    metrics.decisionSeconds.observe((performance.now() - asked) / 1000)
    const { waitMs = 0 } = request.query as z.infer<typeof Waiting>
    if (effect.kind === 'answer' && effect.answer.verdict === 'pending' && waitMs > 0) {
      await sidecar.decided(effect.answer.decision, waitMs)
      // The same question: by now it may have its answer.
      effect = await sidecar.submit({ kind: 'action', request: body })
    }
    if (effect.kind !== 'answer')
      throw new EphorError('INTERNAL', 'an action was not answered with a verdict')
    if (effect.recalled) metrics.recalled.inc()
    else {
      metrics.decisions[effect.answer.verdict].inc()
      for (const { code } of effect.answer.reasons) metrics.reasons.inc({ code })
    }
    const { decision, verdict } = effect.answer
    tellTrace({ 'ephor.decision': decision, 'ephor.verdict': verdict })
    return reply.send(effect.answer)
  })
}
