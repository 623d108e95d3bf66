/** `POST /v1/actions`: may this be done? */
import { EphorError } from '../base/errors.ts'
import { ActionRequest } from '../protocol/action.ts'
import { ActionAnswer } from '../protocol/decision.ts'
import { caller } from './auth.ts'
import { route, type RouteContext } from './routes.ts'

export function actionRoutes({ app, sidecar, metrics }: RouteContext): void {
  const options = route(['agent'], {
    summary: 'Judge an action before it is done',
    tags: ['agents'],
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
    const done = metrics.decisionSeconds.startTimer()
    const effect = await sidecar.submit({ kind: 'action', request: body })
    done()
    if (effect.kind !== 'answer')
      throw new EphorError('INTERNAL', 'an action was not answered with a verdict')
    if (effect.recalled) metrics.recalled.inc()
    else {
      metrics.decisions.inc({ verdict: effect.answer.verdict })
      for (const { code } of effect.answer.reasons) metrics.reasons.inc({ code })
    }
    return reply.send(effect.answer)
  })
}
