/** Proposals and votes: see what is asked, vote, take back, and let another vote. */
import { z } from 'zod'
import { EphorError } from '../base/errors.ts'
import {
  DelegationAnswer,
  ProposalAnswer,
  ProposalsAnswer,
  StopAnswer,
  VoteAnswer,
} from '../protocol/answers.ts'
import { Name, SCHEMA_VERSION } from '../protocol/common.ts'
import { ExpertField } from '../protocol/policy.ts'
import { Delegating, Revoking, Stopping, Vote } from '../protocol/proposal.ts'
import type { Role } from '../sidecar/tokens.ts'
import { caller } from './auth.ts'
import { done, route, type RouteContext } from './routes.ts'
import { sees } from './sight.ts'

/** Who reads proposals; which ones, the role and the name of the token tell. */
const READERS: readonly Role[] = ['agent', 'operator', 'author', 'auditor']

const ProposalPath = z.strictObject({ id: Name })
const DelegationPath = z.strictObject({ id: Name, field: ExpertField })

export function proposalRoutes({ app, sidecar }: RouteContext): void {
  const list = route(READERS, {
    summary: 'What is open to the vote; for an agent, what it is asked, may cancel or proposed',
    tags: ['agents'],
    response: { 200: ProposalsAnswer },
  })
  app.get('/v1/proposals', list, async (request, reply) => {
    const who = caller(request)
    const proposals = sidecar.openProposals().filter((one) => sees(who, one))
    return reply.send({ schema: SCHEMA_VERSION, proposals })
  })

  const one = route(READERS, {
    summary: 'One proposal, open or lately decided, with its certificate once it is',
    tags: ['agents'],
    params: ProposalPath,
    response: { 200: ProposalAnswer },
  })
  app.get('/v1/proposals/:id', one, async (request, reply) => {
    const { id } = request.params as z.infer<typeof ProposalPath>
    const found = sidecar.proposalOf(id)
    // To an agent that it does not concern, a round is as good as none.
    if (found === undefined || !sees(caller(request), found))
      throw new EphorError('ROUND_UNKNOWN', `\`${id}\``)
    return reply.send({ schema: SCHEMA_VERSION, ...found })
  })

  const vote = route(['agent'], {
    summary: 'Vote on a proposal, once',
    tags: ['agents'],
    params: ProposalPath,
    body: Vote,
    response: { 200: VoteAnswer },
  })
  app.post('/v1/proposals/:id/votes', vote, async (request, reply) => {
    const { id } = request.params as z.infer<typeof ProposalPath>
    const body = request.body as Vote
    const { name } = caller(request)
    if (body.agent !== name)
      throw new EphorError(
        'AGENT_FORBIDDEN',
        `the token is \`${name}\`’s and the vote is \`${body.agent}\`’s`,
      )
    if (body.round !== id) throw new EphorError('ROUND_DIFFERS', `\`${body.round}\` is not \`${id}\``)
    return reply.send(await done(sidecar, { kind: 'vote', vote: body }))
  })

  const stop = route(['agent', 'operator', 'author'], {
    summary:
      'Withdraw a proposal of one’s own, or, as a guardian or operator, cancel it; an author only withdraws',
    tags: ['agents'],
    params: ProposalPath,
    body: Stopping,
    response: { 200: StopAnswer },
  })
  app.delete('/v1/proposals/:id', stop, async (request, reply) => {
    const { id } = request.params as z.infer<typeof ProposalPath>
    const { name, role } = caller(request)
    const { how = usualStop(role, sidecar.proposalOf(id)?.proposal.agent === name) } =
      request.body as z.infer<typeof Stopping>
    if (role === 'author' && how === 'cancelled')
      throw new EphorError('GUARDIAN_ONLY', `\`${name}\` is an author`)
    return reply.send(
      await done(sidecar, { kind: 'stop', proposal: id, how, by: name, isOperator: role === 'operator' }),
    )
  })

  const give = route(['agent'], {
    summary: 'Let another agent cast one’s votes on a field, from the next round on',
    tags: ['agents'],
    params: DelegationPath,
    body: Delegating,
    response: { 200: DelegationAnswer },
  })
  app.put('/v1/agents/:id/delegations/:field', give, async (request, reply) => {
    const { id, field } = request.params as z.infer<typeof DelegationPath>
    const { to } = request.body as z.infer<typeof Delegating>
    return reply.send(
      await done(sidecar, { kind: 'delegate', from: own(id, caller(request).name), to, field }),
    )
  })

  const take = route(['agent'], {
    summary: 'Cast one’s votes on a field oneself again',
    tags: ['agents'],
    params: DelegationPath,
    body: Revoking,
    response: { 200: DelegationAnswer },
  })
  app.delete('/v1/agents/:id/delegations/:field', take, async (request, reply) => {
    const { id, field } = request.params as z.infer<typeof DelegationPath>
    return reply.send(
      await done(sidecar, { kind: 'delegate', from: own(id, caller(request).name), to: null, field }),
    )
  })
}

/** What becomes of a proposal whose caller does not say: an agent withdraws its own. */
function usualStop(role: Role, isOwn: boolean): 'withdrawn' | 'cancelled' {
  return role === 'author' || (role === 'agent' && isOwn) ? 'withdrawn' : 'cancelled'
}

function own(id: string, name: string): string {
  if (id !== name)
    throw new EphorError('AGENT_FORBIDDEN', `the token is \`${name}\`’s and the votes are \`${id}\`’s`)
  return id
}
