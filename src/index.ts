/** What programs that embed Ephor import: load a constitution, judge with it, run the sidecar. */
export { checkConstitution } from './constitution/check.ts'
export { compile, gather, type Program } from './constitution/compile.ts'
export { explain, judge, measureAndJudge, type Judgement } from './constitution/judge.ts'
export { exportRules } from './constitution/export.ts'
export type { Constitution, Read, Reading } from './constitution/model.ts'
export { certificateOf } from './consensus/certificate.ts'
export { delegate, revoke } from './consensus/delegation.ts'
export { digestOf } from './base/hash.ts'
export { maximumDrawdown, returnsOf, sharpe, uptime, type Sharpe } from './consensus/performance.ts'
export { gameOf, powersOf, sampledIndices, shapleyShubik, type Game, type Powers } from './consensus/power.ts'
export { readPolicies, type Policies } from './consensus/read-policies.ts'
export type { Refusal } from './consensus/refusal.ts'
export { freezeRoster, frozen, type Agent, type FrozenRoster } from './consensus/roster.ts'
export type { ClosedRound, OpenRound, Round, RoundEffect, RoundEvent } from './consensus/round-state.ts'
export { openRound, step } from './consensus/round.ts'
export {
  addRound,
  nextDeadline,
  NO_ROUNDS,
  roundOf,
  stepRound,
  tickRounds,
  votedOn,
  type Rounds,
} from './consensus/rounds.ts'
export { verifyCertificate, type Verification } from './consensus/verify-certificate.ts'
export { signVote, verifyVote } from './consensus/vote.ts'
export { handle } from './engine/handle.ts'
export type { Effect, Input, Step } from './engine/step.ts'
export { apply, EMPTY_STATE, type State } from './engine/state.ts'
export { lotsOf, shareOf, shifted, stepsInside, type Span } from './optimizer/action-map.ts'
export { readArtifact, type Artifact, type Model } from './optimizer/artifact.ts'
export { FEATURES, writeFeatures, type Situation } from './optimizer/features.ts'
export { regionOf, settle, type Asked, type NoRegion, type Region } from './optimizer/region.ts'
export { almgrenChriss, kappaOf, ratioOf } from './optimizer/schedules/almgren-chriss.ts'
export { solveLots } from './optimizer/schedules/capped-lots.ts'
export { costOf, type Problem } from './optimizer/schedules/problem.ts'
export { recedingLots } from './optimizer/schedules/receding.ts'
export { twap } from './optimizer/schedules/twap.ts'
export { vwap } from './optimizer/schedules/vwap.ts'
export { verifyJournal } from './journal/verify.ts'
export { Action, ActionRequest } from './protocol/action.ts'
export { ActionAnswer, Decision, Reason, Verdict } from './protocol/decision.ts'
export { Certificate } from './protocol/certificate.ts'
export { Event } from './protocol/event.ts'
export { Execution } from './protocol/execution.ts'
export { jsonSchemas } from './protocol/json-schema.ts'
export { Observation } from './protocol/observation.ts'
export { Policy } from './protocol/policy.ts'
export { Proposal, Vote } from './protocol/proposal.ts'
export { Delegation, Performance, Roster } from './protocol/roster.ts'
export { EphorError } from './base/errors.ts'
export { start, type Running, type StartOptions } from './main.ts'
