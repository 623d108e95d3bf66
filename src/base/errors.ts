/** The one table of errors: every failure Ephor reports to a caller has its code, its meaning and its status here. */

interface ErrorRow {
  /** HTTP status with which the server reports it. */
  readonly status: number
  /** What went wrong, in words for the caller; the same for each occurrence. */
  readonly title: string
}

/** Why a round does not open, or what is sent to one does not count. The consensus gives them as values, which change nothing. */
const ROUND_REFUSALS = {
  POLICY_DIFFERS: {
    status: 422,
    title: 'The proposal names another policy than that by which it would be decided',
  },
  PROPOSAL_DIFFERS: { status: 422, title: 'The digest is not that of what is proposed' },
  ROUND_EXISTS: { status: 409, title: 'A round on this is open, or one with this id was decided' },
  PROPOSER_IS_AGENT: {
    status: 403,
    title: 'Who asks bears the name of an agent, whose vote would be lost by that',
  },
  ROUNDS_FULL: { status: 503, title: 'As many rounds are open as there may be' },
  APPROVALS_FULL: { status: 503, title: 'As many approvals can still be drawn on as there may be' },
  VOTERS_NONE: { status: 422, title: 'No active agent belongs to a group that votes' },
  VETO_SILENT: { status: 422, title: 'Of those who could reject, nobody is heard' },
  VETO_BARRED: {
    status: 422,
    title: 'Those who could reject it have no vote on it: it is theirs, or about them',
  },
  VOTERS_TOO_FEW: { status: 422, title: 'Fewer votes weigh anything than must say yes' },
  VOTERS_TOO_MANY: { status: 422, title: 'More agents would vote than one round takes' },
  VOTERS_WEIGHTLESS: { status: 422, title: 'The votes weigh nothing at all' },
  KEY_SHARED: { status: 422, title: 'Two voters have the same public key, so one could vote for the other' },
  CAPS_INFEASIBLE: { status: 422, title: 'The caps on votes and owners together leave less than the whole' },
  VOTER_DICTATES: { status: 422, title: 'One vote would decide alone' },
  VOTER_POWERLESS: { status: 422, title: 'A vote could change nothing' },
  ROUND_UNKNOWN: { status: 404, title: 'No round with this id is known' },
  ROUND_CLOSED: { status: 409, title: 'The round is decided' },
  ROUND_DIFFERS: { status: 422, title: 'What was sent is for another round' },
  VOTE_EARLY: { status: 422, title: 'The vote is from before the round opened' },
  VOTE_DIGEST_DIFFERS: { status: 422, title: 'The vote is on something else than what is proposed' },
  VOTE_CONSTITUTION_DIFFERS: { status: 422, title: 'The vote is under another constitution' },
  VOTE_ROSTER_DIFFERS: {
    status: 422,
    title: 'The vote was signed for other weights than those of the round',
  },
  VOTER_UNKNOWN: { status: 403, title: 'The agent does not vote in this round' },
  VOTER_DELEGATED: { status: 403, title: 'Another agent casts this vote in this round' },
  VOTER_RETIRED: { status: 403, title: 'The agent was retired since the round opened, or is not heard' },
  VOTE_SIGNATURE_INVALID: { status: 403, title: 'The vote is not signed by the voter’s key' },
  PROPOSER_ONLY: { status: 403, title: 'Only who proposed it may withdraw it' },
  GUARDIAN_ONLY: { status: 403, title: 'Only a guardian or an operator may cancel it' },
  DELEGATION_TO_SELF: { status: 422, title: 'An agent cannot delegate to itself' },
  DELEGATION_CHAIN: { status: 409, title: 'Votes are delegated one level, not on from there' },
  DELEGATION_AFTER_VOTE: {
    status: 409,
    title: 'The agent has voted in a round on this field that is still open',
  },
  DELEGATION_UNKNOWN: { status: 404, title: 'The agent has not delegated this field' },
  DELEGATIONS_FULL: { status: 409, title: 'As many votes are delegated as there may be' },
} as const satisfies Readonly<Record<string, ErrorRow>>

export type RoundRefusal = keyof typeof ROUND_REFUSALS

/** Codes never change their meaning once released; new ones are added. */
export const ERRORS = {
  ...ROUND_REFUSALS,
  REQUEST_MALFORMED: { status: 400, title: 'What was sent is no HTTP request that this server reads' },
  REQUEST_TIMEOUT: { status: 408, title: 'The request did not arrive whole in time' },
  HEADERS_TOO_LARGE: {
    status: 431,
    title: 'The request line and headers are larger than this server accepts',
  },
  BODY_MALFORMED: { status: 400, title: 'The body is not JSON that Ephor accepts' },
  BODY_INVALID: { status: 422, title: 'The body does not fit its schema' },
  BODY_TOO_LARGE: { status: 413, title: 'The body is larger than this server accepts' },
  MEDIA_TYPE_UNSUPPORTED: { status: 415, title: 'Bodies are sent as application/json in UTF-8' },
  QUERY_INVALID: { status: 422, title: 'The query does not fit its schema' },
  NOT_FOUND: { status: 404, title: 'There is nothing here' },
  TOKEN_MISSING: { status: 401, title: 'A bearer token is needed' },
  TOKEN_UNKNOWN: { status: 401, title: 'The bearer token is not known' },
  ROLE_FORBIDDEN: { status: 403, title: 'The token does not carry a role that may do this' },
  AGENT_FORBIDDEN: { status: 403, title: 'An agent can act only as itself' },
  SOURCE_FORBIDDEN: { status: 403, title: 'A feeder can report only for the sources it is bound to' },
  KIND_FORBIDDEN: { status: 403, title: 'A feeder can report only the kinds of things it is bound to' },
  RATE_LIMITED: { status: 429, title: 'Too many requests' },
  ID_CONFLICT: { status: 409, title: 'This id was used for another action' },
  ID_TOO_OLD: { status: 422, title: 'The id is older than the memory of decisions' },
  ID_IN_FUTURE: { status: 422, title: 'The id carries a time that has not come yet' },
  OBSERVATION_IN_FUTURE: { status: 422, title: 'The observation carries a time that has not come yet' },
  OBSERVATION_STALE: { status: 409, title: 'A later observation of the same thing has been recorded' },
  OBSERVATION_CONTRADICTS: { status: 422, title: 'The observation contradicts what is recorded' },
  EXECUTION_ORDER_UNKNOWN: { status: 422, title: 'The report is about an order that was never allowed' },
  EXECUTION_CONFLICT: { status: 422, title: 'The report contradicts what was reported or asked for' },
  EXECUTION_BACKWARDS: { status: 422, title: 'The report says less filled than was reported already' },
  EXECUTION_OFF_LOT: { status: 422, title: 'The filled quantity is no whole number of lots' },
  OWNER_FIXED: { status: 409, title: 'It belongs to another owner, which never changes' },
  PARTITION_WRONG: { status: 421, title: 'Another partition decides on this' },
  PARTITION_BEHIND: { status: 409, title: 'What the first partition recorded before this is missing' },
  STRATEGY_SHARED: { status: 409, title: 'A strategy belongs to one owner, and agents of two would run it' },
  PORTFOLIO_UNKNOWN: { status: 404, title: 'No portfolio of this account has been reported' },
  AGENT_UNKNOWN: { status: 404, title: 'No agent is registered under this name' },
  HALT_UNKNOWN: { status: 404, title: 'No halt is in force under this id' },
  HALT_ON_ITS_WAY: {
    status: 409,
    title: 'The halt is for all partitions: ask about it by the name that it has in all of them',
  },
  HALT_SECOND_OPERATOR: { status: 409, title: 'Resuming needs two different operators' },
  SIGNOFF_UNKNOWN: { status: 404, title: 'No sign-off is known under this id' },
  SIGNOFF_BY_AGENT: { status: 403, title: 'People sign off what agents send, and no agent does' },
  SIGNOFF_UNTIL: { status: 422, title: 'A sign-off ends within 24 hours' },
  AUTHORITY_ENDED: {
    status: 409,
    title: 'The account or the strategy is not the agent’s any more',
  },
  SIGNOFF_ENDED: { status: 409, title: 'The sign-off was taken back, or ended with its constitution' },
  GRANT_UNKNOWN: { status: 404, title: 'No grant is known under this id' },
  GRANT_SELF_APPROVED: {
    status: 403,
    title: 'A grant is proposed and approved by two different operators, neither of them an agent',
  },
  GRANT_TOO_WIDE: { status: 422, title: 'The grant names no scope, or goes further than the rule allows' },
  APPROVAL_ENDED: { status: 409, title: 'What a quorum had approved was taken back, or is over' },
  GRANT_EXPIRED: { status: 409, title: 'The grant is over' },
  GRANT_ENDED: { status: 409, title: 'The grant was revoked, used up or superseded' },
  GRANT_APPROVED: { status: 409, title: 'The grant is approved already' },
  RULE_NOT_GRANTABLE: { status: 422, title: 'The rule allows no exceptions' },
  GRANT_FOR_QUORUM: { status: 409, title: 'Agents vote on the grant, so no operator approves it' },
  SECOND_PERSON_NEEDED: {
    status: 409,
    title: 'Nobody can vote on this, so two different people put it in force, each with a reason',
  },
  OPTIMIZER_STOPPED: {
    status: 409,
    title: 'Tuning stopped by itself, and goes on only where an author says why it may',
  },
  REBASE_UNRELATED: {
    status: 422,
    title: 'The halt is about no account, so no high-water mark can be lowered',
  },
  POLICY_INVALID: { status: 422, title: 'The policy does not load' },
  CONSTITUTION_INVALID: { status: 422, title: 'The constitution does not load' },
  CONSTITUTION_UNSUPPORTED: {
    status: 422,
    title: 'The constitution reads facts that this version does not measure',
  },
  CASES_FAILED: {
    status: 409,
    title: 'Cases of the constitution do not hold, and nobody has accepted that',
  },
  NOT_READY: { status: 503, title: 'No constitution is in force; nothing was decided' },
  VERDICT_EXPIRED: { status: 409, title: 'This was allowed too long ago to act on; ask again with a new id' },
  CLOCK_BACKWARDS: { status: 503, title: 'The clock stands before the last record; nothing was decided' },
  HALTED_SINCE: { status: 409, title: 'Trading was halted since this was decided; it must not be sent' },
  CONSTITUTION_CHANGED: {
    status: 409,
    title: 'Another constitution came into force since this was allowed; it must not be sent',
  },
  PERMIT_MALFORMED: { status: 400, title: 'The permit is not written as Ephor writes permits' },
  PERMIT_ALGORITHM_FORBIDDEN: {
    status: 403,
    title: 'The permit names another algorithm than Ephor signs with',
  },
  PERMIT_TYPE_FORBIDDEN: { status: 403, title: 'The token is of another type than a permit' },
  PERMIT_KEY_UNKNOWN: { status: 403, title: 'The permit names a key that is not known' },
  PERMIT_SIGNATURE_INVALID: { status: 403, title: 'The permit was not signed by the key that it names' },
  PERMIT_AUDIENCE_DIFFERS: { status: 403, title: 'The permit is for somebody else' },
  PERMIT_ISSUER_DIFFERS: { status: 403, title: 'The permit is by another sidecar' },
  PERMIT_AGENT_DIFFERS: { status: 403, title: 'The permit is another agent’s' },
  PERMIT_ACTION_DIFFERS: { status: 403, title: 'The permit is for another action' },
  PERMIT_EXPIRED: { status: 409, title: 'The permit has ended; ask again with a new id' },
  PERMIT_NOT_YET_VALID: { status: 409, title: 'The permit has not begun' },
  PERMIT_UNKNOWN: { status: 404, title: 'No permit of this agent has this id' },
  PERMIT_SPENT: { status: 409, title: 'The permit was redeemed already, or is over' },
  PERMIT_MISSING: { status: 409, title: 'The action was allowed without a permit to redeem' },
  PERMIT_KEYS_INVALID: { status: 422, title: 'The keys do not load' },
  SIDECAR_UNREACHABLE: { status: 503, title: 'The sidecar cannot be reached; nothing may be sent' },
  SIDECAR_TIMEOUT: { status: 504, title: 'The sidecar did not answer in time; nothing may be sent' },
  ANSWER_INVALID: {
    status: 502,
    title: 'What came back is no answer to what was asked; nothing may be sent',
  },
  CONFIG_INVALID: { status: 500, title: 'The configuration does not load' },
  SHARED_CONFLICT: {
    status: 409,
    title: 'The shared value is another than was meant; read it and write again',
  },
  LEASE_HELD: { status: 409, title: 'Another holds the lease of this key' },
  LEASE_LOST: { status: 409, title: 'The lease is not held under this token any more; nothing was written' },
  OVERLOADED: { status: 503, title: 'The queue is full; nothing was decided' },
  SHUTTING_DOWN: { status: 503, title: 'The sidecar is shutting down; nothing was decided' },
  JOURNAL_FAILED: { status: 503, title: 'Decisions cannot be recorded, so none are made' },
  JOURNAL_LOCKED: { status: 503, title: 'Another process writes this journal' },
  JOURNAL_CORRUPT: { status: 503, title: 'The journal does not verify' },
  JOURNAL_TRUNCATED: { status: 503, title: 'The journal ends before its signed head' },
  CLUSTER_UNREACHABLE: {
    status: 503,
    title: 'Redis cannot be reached, so nothing new is decided; a cancel may be sent and reported later',
  },
  HOME_UNKNOWN: { status: 503, title: 'No sidecar is home now; nothing was decided' },
  HOME_LOST: {
    status: 503,
    title: 'This sidecar stopped being home before it could answer; ask again with the same id',
  },
  HOME_SILENT: {
    status: 503,
    title: 'The home did not answer in time; ask again with the same id',
  },
  LOG_DIFFERS: { status: 503, title: 'The journal and the log of Redis are not of one history' },
  LOG_UNSIGNED: { status: 503, title: 'The log of Redis holds what no sidecar signed that is known here' },
  LOG_TRIMMED: {
    status: 503,
    title: 'The log of Redis begins after the end of this journal; the archive has what is between',
  },
  REDIS_UNFIT: { status: 500, title: 'This Redis would lose what is written to it' },
  LIMIT_REACHED: { status: 503, title: 'A bound of this sidecar is reached; nothing was decided' },
  AGENT_LIMIT_REACHED: {
    status: 429,
    title: 'The agent’s share of a bound of this sidecar is used up; nothing was decided',
  },
  BARS_INVALID: { status: 422, title: 'The file holds no bars that can be true' },
  TRAINING_UNAVAILABLE: { status: 503, title: 'No library to train with is installed' },
  TRAINING_DIFFERS: { status: 409, title: 'The checkpoint is of another training' },
  MODEL_INVALID: { status: 422, title: 'The model is no file that Ephor reads' },
  MODEL_ALTERED: { status: 422, title: 'The model is not what its hash says' },
  MODEL_UNSUPPORTED: { status: 422, title: 'The model is of another architecture, or sees other features' },
  MODEL_WEIGHTS_INVALID: {
    status: 422,
    title: 'The weights of the model are too many, too few or no numbers',
  },
  MODEL_CONSTITUTION_DIFFERS: { status: 409, title: 'The model was trained under another constitution' },
  MODEL_GOLDEN_DIFFERS: { status: 422, title: 'The model does not answer as it did when it was trained' },
  MODEL_MISSING: { status: 404, title: 'A file that the registry of models names is not there' },
  MODEL_EVALUATION_INVALID: { status: 422, title: 'The evaluation is not one of this model' },
  MODEL_GATES_NOT_PASSED: { status: 409, title: 'What was found of the model does not pass the gates' },
  MODEL_LOG_INVALID: { status: 422, title: 'The alias log of the models breaks a rule' },
  MODEL_LOG_ALTERED: { status: 422, title: 'The alias log of the models is not what its hashes say' },
  MODEL_LOG_TRUNCATED: { status: 422, title: 'The alias log of the models ends before its head' },
  CHECK_DIFFERS: { status: 409, title: 'What was checked before is of other rules or of another seed' },
  INTERNAL: { status: 500, title: 'A defect in Ephor; nothing was decided' },
} as const satisfies Record<string, ErrorRow>

export type ErrorCode = keyof typeof ERRORS

/**
 * Why an action that fits its schema is denied without, or besides, a rule. These appear as reasons of a recorded verdict, in
 * one list with the codes of rules.
 */
export const REFUSALS = {
  INSTRUMENT_UNKNOWN: 'No observation has described this instrument',
  ACCOUNT_UNKNOWN: 'No observation has described this account',
  ORDER_UNKNOWN: 'No order with this id is known, so what replaces it cannot be judged',
  CANCEL_FOREIGN: 'The order is of another agent, owner and strategy',
  AGENT_RETIRED: 'The agent was taken out of service',
  OWNER_DIFFERS: 'The account, or what is to be changed, does not belong to the owner of the agent',
  STRATEGY_UNREGISTERED: 'The agent is not registered with this strategy',
  FACT_UNAVAILABLE: 'A fact that must always be known is not',
  OFF_LOT: 'A quantity is a positive whole number of lots',
  OFF_TICK: 'A price is a positive whole number of ticks',
  LIMIT_PRICE_UNEXPECTED: 'The order that is replaced is a market order, which carries no limit price',
  LIMIT_PRICE_UNKNOWN:
    'What is replaced is a replacement that the venue has not confirmed, so a price that is not named could be either',
  PARENT_CONFLICT:
    'The parent order is of another instrument, side, strategy or quantity, or its quantity is no whole number of lots',
  BASKET_CONFLICT: 'The basket is of another strategy or worth',
  OUT_OF_RANGE: 'The quantity cannot be held exactly in whole lots',
  QUORUM_UNAVAILABLE: 'A rule asks for a quorum and none can be had, so the action is rejected',
  QUORUM_REJECTED: 'The quorum that a rule asks for did not approve it',
  APPROVAL_LAPSED: 'What was approved does not cover this action any more, or not all that a rule asks for',
} as const

export type RefusalCode = keyof typeof REFUSALS

/**
 * An infrastructure fault or a refusal that ends a call. `detail` says what happened this time, naming the file,
 * field or value concerned.
 */
export class EphorError extends Error {
  override readonly name = 'EphorError'
  readonly code: ErrorCode
  readonly detail: string

  constructor(code: ErrorCode, detail: string, options?: { cause?: unknown }) {
    super(`${code}: ${detail}`, options)
    this.code = code
    this.detail = detail
  }
}
