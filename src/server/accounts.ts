/** `POST /v1/accounts`: whose accounts are. */
import { AccountRegistration } from '../protocol/account.ts'
import { AccountAnswer, AccountsAnswer } from '../protocol/answers.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import { caller } from './auth.ts'
import { done, route, type RouteContext } from './routes.ts'

export function accountRoutes({ app, sidecar }: RouteContext): void {
  const own = route(['operator'], {
    summary: 'Say whose an account is, for good: from then on only its owner’s agents act on it',
    tags: ['operators'],
    body: AccountRegistration,
    response: { 200: AccountAnswer },
  })
  app.post('/v1/accounts', own, async (request, reply) => {
    const registration = request.body as AccountRegistration
    return reply.send(await done(sidecar, { kind: 'own', registration, by: caller(request).name }))
  })

  const see = route(['operator', 'author', 'auditor'], {
    summary: 'The accounts that have an owner, by name',
    tags: ['operators'],
    response: { 200: AccountsAnswer },
  })
  app.get('/v1/accounts', see, async (_request, reply) => {
    const { owners } = sidecar.durableState.ledger
    const accounts = [...owners].map(([account, owner]) => ({ account, owner }))
    return reply.send({
      schema: SCHEMA_VERSION,
      accounts: accounts.toSorted((a, b) => (a.account < b.account ? -1 : 1)),
    })
  })
}
