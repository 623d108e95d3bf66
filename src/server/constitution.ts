/** `GET` and `POST /v1/constitution`: what is in force, and putting a new one in force. */
import type { z } from 'zod'
import { ActivationRequest } from '../protocol/action.ts'
import { ActivationAnswer, ConstitutionAnswer } from '../protocol/answers.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import { EphorError } from '../base/errors.ts'
import { ANYONE, personIn } from './auth.ts'
import { route, statusOf, type RouteContext } from './routes.ts'

export function constitutionRoutes({ app, sidecar, activate }: RouteContext): void {
  const see = route(ANYONE, {
    summary: 'The constitution in force',
    tags: ['authors'],
    response: { 200: ConstitutionAnswer },
  })
  app.get('/v1/constitution', see, async (_request, reply) => {
    const constitution = sidecar.durableState.program?.constitution
    if (constitution === undefined) throw new EphorError('NOT_READY', 'activate a constitution first')
    const { hash, name, version, effectiveFrom, currency, rules } = constitution
    return reply.send({
      schema: SCHEMA_VERSION,
      constitution: hash,
      name,
      version,
      effectiveFrom,
      currency,
      rules: rules.map((rule) => ({
        rule: rule.id,
        code: rule.code,
        title: rule.title,
        effect: rule.effect,
        mode: rule.mode,
        grantable: rule.grantable !== undefined,
        actions: rule.actions,
        cites: rule.cites,
      })),
    })
  })

  const put = route(['author', 'operator'], {
    summary:
      'Read the constitution’s directory, check it, and put it in force, or ask those whose word that takes; an operator only seconds an author',
    tags: ['authors'],
    body: ActivationRequest,
    response: { 200: ActivationAnswer, 202: ActivationAnswer },
  })
  app.post('/v1/constitution', put, async (request, reply) => {
    const { hash, reason, acceptFailingCases } = request.body as z.infer<typeof ActivationRequest>
    const activated = await activate(personIn(request, reason), {
      hash,
      acceptFailing: acceptFailingCases === true,
    })
    return reply.code(statusOf(activated)).send({ schema: SCHEMA_VERSION, ...activated })
  })
}
