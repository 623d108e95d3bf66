/** `ephor/client`: asks the sidecar before every action. */
export { verifyCertificate, type Expected, type Verification } from '../consensus/verify-certificate.ts'
export { signVote, verifyVote } from '../consensus/vote.ts'
export { ERRORS, type ErrorCode } from '../base/errors.ts'
export type { Action, ActionRequest } from '../protocol/action.ts'
export type * from '../protocol/answers.ts'
export type { Certificate } from '../protocol/certificate.ts'
export type { Ballot, Choice, Vote } from '../protocol/proposal.ts'
export type { ActionAnswer } from '../protocol/decision.ts'
export {
  createClient,
  type Asked,
  type Client,
  type ClientOptions,
  type DecisionsQuery,
  type Listening,
  type Waiting,
} from './client.ts'
export type { SidecarEvent } from './events.ts'
export type { Hearing, Said, SharedCalls } from './shared.ts'
export type { Topic, TopicMessage } from '../protocol/topic.ts'
export { ClientError } from './error.ts'
export { guard, type GuardOptions, type Outcome, type Send, type UnrecordedCancel } from './guard.ts'
export { idsFrom, type IdSource } from './ids.ts'
export { createVoter, type Voter, type VoterOptions } from './voter.ts'
