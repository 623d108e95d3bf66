/** The calls for what is put to the vote: see it, vote, take it back, and let another vote. */
import * as answers from '../protocol/answers.ts'
import { ExpertField } from '../protocol/policy.ts'
import { Delegating, Revoking, Stopping, Vote } from '../protocol/proposal.ts'
import { matchId } from './answer.ts'
import { checked, segment, type CallSidecar } from './request.ts'

export interface VoteCalls {
  /** What is open to the vote. */
  readonly proposals: () => Promise<answers.ProposalsAnswer>
  /** One proposal, open or lately decided; with its certificate once it is. */
  readonly proposal: (proposal: string) => Promise<answers.ProposalAnswer>
  /** Casts a signed vote. The same vote twice is one; another one by the same agent counts as against. */
  readonly vote: (vote: Vote) => Promise<answers.VoteAnswer>
  /** Takes back a proposal of one's own. Never asked twice by itself, and neither are the next three. */
  readonly withdraw: (proposal: string) => Promise<answers.StopAnswer>
  /** Cancels another's proposal, as a guardian or operator. */
  readonly cancel: (proposal: string) => Promise<answers.StopAnswer>
  /** Lets `to` cast one's votes on a field, from the next round on. */
  readonly delegate: (field: ExpertField, to: string) => Promise<answers.DelegationAnswer>
  /** Casts one's votes on a field oneself again. */
  readonly revoke: (field: ExpertField) => Promise<answers.DelegationAnswer>
}

/** The calls, by `agent` where they are about the caller itself. */
export function voteCalls(call: CallSidecar, agent: string): VoteCalls {
  const once = { twice: false }
  const pathOf = (proposal: string): string => `/v1/proposals/${segment(proposal)}`
  const fieldOf = (field: ExpertField): string =>
    `/v1/agents/${segment(agent)}/delegations/${segment(checked(ExpertField, field))}`
  const stop = async (proposal: string, how: 'withdrawn' | 'cancelled'): Promise<answers.StopAnswer> => {
    const body = checked(Stopping, { how })
    const answer = await call('DELETE', pathOf(proposal), answers.StopAnswer, body, once)
    matchId('proposal', proposal, answer.proposal)
    matchId('state', how, answer.state)
    return answer
  }
  const delegation = async (
    method: 'PUT' | 'DELETE',
    field: ExpertField,
    body: object,
  ): Promise<answers.DelegationAnswer> => {
    const answer = await call(method, fieldOf(field), answers.DelegationAnswer, body, once)
    matchId('agent', agent, answer.agent)
    matchId('field', field, answer.field)
    return answer
  }
  return {
    proposals: () => call('GET', '/v1/proposals', answers.ProposalsAnswer),
    proposal: async (proposal) => {
      const answer = await call('GET', pathOf(proposal), answers.ProposalAnswer)
      matchId('proposal', proposal, answer.proposal.proposal)
      return answer
    },
    vote: async (vote) => {
      const body = checked(Vote, vote)
      const answer = await call('POST', `${pathOf(body.round)}/votes`, answers.VoteAnswer, body)
      matchId('proposal', body.round, answer.proposal)
      return answer
    },
    withdraw: (proposal) => stop(proposal, 'withdrawn'),
    cancel: (proposal) => stop(proposal, 'cancelled'),
    delegate: (field, to) => delegation('PUT', field, checked(Delegating, { to })),
    revoke: (field) => delegation('DELETE', field, checked(Revoking, {})),
  }
}
