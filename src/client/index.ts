/** `ephor/client`: asks the sidecar before every action. */
export { ERRORS, type ErrorCode } from '../base/errors.ts'
export type { Action, ActionRequest } from '../protocol/action.ts'
export type * from '../protocol/answers.ts'
export type { ActionAnswer } from '../protocol/decision.ts'
export { createClient, type Asked, type Client, type ClientOptions, type DecisionsQuery } from './client.ts'
export { ClientError } from './error.ts'
export { guard, type GuardOptions, type Outcome, type Send, type UnrecordedCancel } from './guard.ts'
export { idsFrom, type IdSource } from './ids.ts'
