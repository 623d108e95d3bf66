/** The client: every call of the sidecar, typed, in bounded time, and never an allow where there is doubt. */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { z } from 'zod'
import { systemClock, type Clock } from '../base/clock.ts'
import { loadPermitKeys, type PermitKeys } from '../permit/keys.ts'
import { ActionRequest, ActivationRequest, HaltRequest, ResumeRequest } from '../protocol/action.ts'
import { AccountRegistration } from '../protocol/account.ts'
import { AgentRegistration, Heartbeat, Retirement } from '../protocol/agent.ts'
import * as answers from '../protocol/answers.ts'
import { ActionAnswer } from '../protocol/decision.ts'
import { Adoption, Executions } from '../protocol/execution.ts'
import { GrantAnswer, GrantRequest, GrantsAnswer, GrantWord } from '../protocol/grant.ts'
import { SignoffAnswer, SignoffRequest, SignoffsAnswer, SignoffWord } from '../protocol/signoff.ts'
import { Observations } from '../protocol/observation.ts'
import { Jwks } from '../protocol/permit.ts'
import { PolicyActivation, PolicyAnswer, PolicyRequest, VotingPolicyRequest } from '../protocol/emergency.ts'
import { Explanation, OptimizerAnswer, OptimizerRequest } from '../protocol/optimizer.ts'
import { VotingPolicy } from '../protocol/proposal.ts'
import { RoutingAnswer } from '../protocol/routing.ts'
import { checkPermit, matchId, matchVerdict, readAnswer, readRefusal } from './answer.ts'
import { ClientError } from './error.ts'
import { checkClientOptions } from './options.ts'
import { readEvents, type SidecarEvent } from './events.ts'
import { idsFrom } from './ids.ts'
import { checked, segment, type CallSidecar } from './request.ts'
import { exchangeWithRetries, failureOf } from './retry.ts'
import { openTransport, TransportFailure, type Target } from './transport.ts'
import { readMessages, sharedCalls, type Hearing, type SharedCalls } from './shared.ts'
import { voteCalls, type VoteCalls } from './votes.ts'

export type ClientOptions = Target & {
  readonly token: string
  /** As whom to act; the token must be this agent's. */
  readonly agent?: string
  /** Milliseconds for a whole call, its retries and waits included; 2,000 where left out. */
  readonly timeoutMs?: number
  /** Tries after the first; 2 where left out. */
  readonly retries?: number
  /** The first wait before a retry is up to this many milliseconds; 50 where left out. */
  readonly backoffMs?: number
  /** Connections held at once; 16 where left out. */
  readonly connections?: number
  /** Calls under way at once; more are refused; 1,024 where left out. */
  readonly pendingMax?: number
  /** Longer answers are not read; 16 MiB where left out. */
  readonly answerBytesMax?: number
  /** Keys of permits. With them every allowed action must bring a permit that stands. */
  readonly keys?: Jwks | PermitKeys
  readonly audience?: string
  readonly issuer?: string
  readonly clock?: Clock
  /** From 0 to below 1: how long to wait before a retry. */
  readonly random?: () => number
}

/** What to ask: an id is made and the client's agent is named where they are left out. */
export type Asked = Omit<ActionRequest, 'id' | 'agent'> & Partial<Pick<ActionRequest, 'id' | 'agent'>>

export interface DecisionsQuery {
  readonly agent?: string
  readonly account?: string
  readonly instrument?: string
  readonly verdict?: ActionAnswer['verdict']
  /** A rule among the reasons, by id or code. */
  readonly rule?: string
  /** A grant that was used, by id, or `any`. */
  readonly grant?: string
  /** Milliseconds since 1970, included. */
  readonly from?: number
  /** Milliseconds since 1970, not included. */
  readonly to?: number
  readonly cursor?: number | string
  readonly limit?: number
}

export interface Waiting {
  /** Milliseconds to wait for the end of a vote, where there is one; up to 60,000, and they come on top of `timeoutMs`. */
  readonly waitMs?: number
}

export interface Listening {
  /** Begin behind the event with this `id`; with what comes, where left out. */
  readonly after?: number | string
  /** Ends the listening. */
  readonly signal?: AbortSignal
}

/** Each call resolves with an answer to be believed, or rejects with `ClientError`. */
export interface Client extends VoteCalls, SharedCalls {
  /** As whom it acts; empty where nobody was named. */
  readonly agent: string
  /** May this be done? A `deny` is an answer, and so is `pending`: it waits for a vote, and nothing is allowed. */
  readonly act: (asked: Asked, waiting?: Waiting) => Promise<ActionAnswer>
  /** Resolves once the sidecar tells what happens; the events end when it ends, and throw when they break off. Does not begin again by itself. */
  readonly events: (listening?: Listening) => Promise<AsyncIterable<SidecarEvent>>
  /** The last look before sending. After this resolved, send at once. */
  readonly redeem: (permit: string) => Promise<answers.RedeemAnswer>
  readonly executions: (executions: z.input<typeof Executions>) => Promise<answers.ExecutionsAnswer>
  readonly observe: (observations: z.input<typeof Observations>) => Promise<answers.Accepted>
  /** Takes the last reported portfolio of an account for its positions. */
  readonly adopt: (account: string, reason: string) => Promise<answers.AdoptionAnswer>
  readonly register: (registration: z.input<typeof AgentRegistration>) => Promise<answers.AgentAnswer>
  /** Says whose an account is, for good. */
  readonly registerAccount: (
    registration: z.input<typeof AccountRegistration>,
  ) => Promise<answers.AccountAnswer>
  /** Takes an agent out of service. Never asked twice by itself. */
  readonly retire: (agent: string, reason: string) => Promise<answers.AgentAnswer>
  readonly heartbeat: () => Promise<answers.AgentAnswer>
  readonly halt: (request: HaltRequest) => Promise<answers.HaltAnswer>
  /** Asks to lift a halt. Never asked twice by itself. */
  readonly resume: (
    halt: string,
    reason: string,
    more?: { readonly rebase?: true },
  ) => Promise<answers.ResumeAnswer>
  /** Proposes an exception to a rule; this, approving and revoking are never asked twice by themselves. */
  readonly proposeGrant: (request: GrantRequest) => Promise<GrantAnswer>
  readonly approveGrant: (grant: string, reason: string) => Promise<GrantAnswer>
  readonly revokeGrant: (grant: string, reason: string) => Promise<GrantAnswer>
  readonly grants: () => Promise<GrantsAnswer>
  /** Signs off one exact transfer of an agent; this and taking it back are never asked twice by themselves. */
  readonly signOff: (request: SignoffRequest) => Promise<SignoffAnswer>
  readonly revokeSignoff: (signoff: string, reason: string) => Promise<SignoffAnswer>
  readonly signoffs: () => Promise<z.infer<typeof SignoffsAnswer>>
  readonly state: () => Promise<answers.StateAnswer>
  readonly decisions: (query?: DecisionsQuery) => Promise<answers.DecisionsAnswer>
  readonly decision: (decision: string) => Promise<answers.DecisionAnswer>
  readonly constitution: () => Promise<answers.ConstitutionAnswer>
  /** Puts the configured directory in force, with `hash` only if it has this one; or says in `waitsFor` whose word that takes. */
  readonly activate: (request?: z.input<typeof ActivationRequest>) => Promise<answers.ActivationAnswer>
  /** Why an order with a horizon was sent as it was. */
  readonly explanation: (decision: string) => Promise<Explanation>
  readonly emergencyPolicy: () => Promise<PolicyAnswer>
  /** Puts in force the emergency policy that stands in the policies' directory. */
  readonly activateEmergencyPolicy: (request?: z.input<typeof PolicyRequest>) => Promise<PolicyActivation>
  readonly consensusPolicies: () => Promise<answers.ConsensusAnswer>
  readonly routingPolicy: () => Promise<RoutingAnswer>
  readonly optimizerPolicy: () => Promise<OptimizerAnswer>
  /** Asked once: where the first answer got lost, see what is in force. */
  readonly activateOptimizerPolicy: (request?: z.input<typeof OptimizerRequest>) => Promise<PolicyActivation>
  /** Puts in force what the policies' directory says on votes or routing; or says in `waitsFor` whose word that takes. */
  readonly activateVotingPolicy: (
    which: VotingPolicy,
    request?: z.input<typeof VotingPolicyRequest>,
  ) => Promise<PolicyActivation>
  readonly jwks: () => Promise<Jwks>
  /** An id for an action, later than all before it. */
  readonly newId: () => string
  /** Closes the connections; calls under way reject. */
  readonly close: () => void
}

/** What the sidecar lets a caller wait. */
const WAIT_MS_MAX = 60_000

/** A client of the sidecar at `url` or `socketPath`. Opens no connection yet. */
export function createClient(options: ClientOptions): Client {
  const { token, agent = '', timeoutMs = 2_000, retries = 2, backoffMs = 50, clock = systemClock } = options
  const { connections = 16, pendingMax = 1_024, answerBytesMax: bytesMax = 16 * 2 ** 20 } = options
  const { random = Math.random } = options
  checkClientOptions(options)
  const transport = openTransport(options, { connections, bytesMax })
  const retry = { timeoutMs, retries, backoffMs, clock, random }
  const newId = idsFrom({ now: () => clock.now(), random: randomBytes })
  const keys =
    options.keys === undefined || options.keys instanceof Map
      ? (options.keys as PermitKeys | undefined)
      : loadPermitKeys(options.keys)
  let pending = 0

  const call: CallSidecar = async (method, path, answer, body, { twice = true, waitMs = 0 } = {}) => {
    if (pending >= pendingMax) throw new ClientError('OVERLOADED', `${pending} calls are under way`)
    const text = body === undefined ? undefined : JSON.stringify(body)
    const headers = {
      authorization: `Bearer ${token}`,
      accept: 'application/json',
      ...(text === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
    }
    pending += 1
    try {
      return readAnswer(
        answer,
        await exchangeWithRetries(transport, { method, path, headers, body: text }, twice, {
          ...retry,
          timeoutMs: timeoutMs + waitMs,
        }),
      )
    } finally {
      pending -= 1
    }
  }

  async function listen({ after, signal }: Listening): Promise<AsyncIterable<SidecarEvent>> {
    const last = after === undefined ? undefined : String(after)
    return readEvents(await opened('/v1/events', last, signal), bytesMax)
  }

  async function opened(
    path: string,
    after: string | undefined,
    signal?: AbortSignal,
  ): Promise<IncomingMessage> {
    const headers = {
      authorization: `Bearer ${token}`,
      accept: 'text/event-stream',
      ...(after === undefined ? {} : { 'last-event-id': after }),
    }
    const exchange = { method: 'GET', path, headers, body: undefined } as const
    try {
      const answer = await transport.open(exchange, timeoutMs, signal)
      if ('body' in answer) throw readRefusal(answer)
      return answer.stream
    } catch (error) {
      throw error instanceof TransportFailure ? failureOf(error, 1) : error
    }
  }

  async function wordOn(
    grant: string,
    method: 'POST' | 'DELETE',
    suffix: string,
    reason: string,
  ): Promise<GrantAnswer> {
    const path = `/v1/grants/${segment(grant)}${suffix}`
    const answer = await call(method, path, GrantAnswer, checked(GrantWord, { reason }), { twice: false })
    matchId('grant', grant, answer.grant)
    return answer
  }

  return {
    agent,
    newId,
    ...voteCalls(call, agent),
    ...sharedCalls(call, newId, async (path, { after, signal }: Hearing) =>
      readMessages(await opened(path, after, signal), bytesMax),
    ),
    events: (listening = {}) => listen(listening),
    act: async (asked, { waitMs = 0 } = {}) => {
      const request = checked(ActionRequest, { id: newId(), agent, ...asked })
      if (!Number.isInteger(waitMs) || waitMs < 0 || waitMs > WAIT_MS_MAX)
        throw new ClientError('BODY_INVALID', `\`waitMs\`: expected a whole number up to ${WAIT_MS_MAX}`)
      const path = waitMs === 0 ? '/v1/actions' : `/v1/actions?waitMs=${waitMs}`
      const answer = await call('POST', path, ActionAnswer, request, { waitMs })
      matchVerdict(request, answer)
      const { audience, issuer } = options
      if (keys !== undefined)
        checkPermit(request, answer, {
          keys,
          now: clock.now(),
          ...(audience === undefined ? {} : { audience }),
          ...(issuer === undefined ? {} : { issuer }),
        })
      return answer
    },
    redeem: async (permit) => {
      const answer = await call('POST', `/v1/permits/${segment(permit)}/redeem`, answers.RedeemAnswer, {})
      matchId('permit', permit, answer.permit)
      return answer
    },
    executions: async (executions) => {
      const body = checked(Executions, executions)
      const answer = await call('POST', '/v1/executions', answers.ExecutionsAnswer, body)
      matchCount(body, answer.accepted + answer.repeated)
      return answer
    },
    observe: async (observations) => {
      const body = checked(Observations, observations)
      const answer = await call('POST', '/v1/observations', answers.Accepted, body)
      matchCount(body, answer.accepted)
      return answer
    },
    adopt: async (account, reason) => {
      const body = checked(Adoption, { reason })
      const answer = await call(
        'POST',
        `/v1/portfolios/${segment(account)}/adopt`,
        answers.AdoptionAnswer,
        body,
      )
      matchId('account', account, answer.account)
      return answer
    },
    register: async (registration) => {
      const body = checked(AgentRegistration, registration)
      const answer = await call('POST', '/v1/agents', answers.AgentAnswer, body)
      matchId('agent', body.agent, answer.agent)
      return answer
    },
    registerAccount: async (registration) => {
      const body = checked(AccountRegistration, registration)
      const answer = await call('POST', '/v1/accounts', answers.AccountAnswer, body)
      matchId('account', body.account, answer.account)
      matchId('owner', body.owner, answer.owner)
      return answer
    },
    retire: async (retired, reason) => {
      const body = checked(Retirement, { reason })
      const path = `/v1/agents/${segment(retired)}`
      const answer = await call('DELETE', path, answers.AgentAnswer, body, { twice: false })
      matchId('agent', retired, answer.agent)
      return answer
    },
    heartbeat: async () => {
      const body = checked(Heartbeat, {})
      const answer = await call('POST', `/v1/agents/${segment(agent)}/heartbeat`, answers.AgentAnswer, body)
      matchId('agent', agent, answer.agent)
      return answer
    },
    // Two halts stop no more than one, and a halt that did not arrive stops nothing: asked again when in doubt.
    halt: (request) => call('POST', '/v1/halts', answers.HaltAnswer, checked(HaltRequest, request)),
    resume: async (halt, reason, more = {}) => {
      const body = checked(ResumeRequest, { reason, ...more })
      const answer = await call('DELETE', `/v1/halts/${segment(halt)}`, answers.ResumeAnswer, body, {
        twice: false,
      })
      matchId('halt', halt, answer.halt)
      return answer
    },
    proposeGrant: (request) =>
      call('POST', '/v1/grants', GrantAnswer, checked(GrantRequest, request), { twice: false }),
    approveGrant: (grant, reason) => wordOn(grant, 'POST', '/approve', reason),
    revokeGrant: (grant, reason) => wordOn(grant, 'DELETE', '', reason),
    grants: () => call('GET', '/v1/grants', GrantsAnswer),
    signOff: (request) =>
      call('POST', '/v1/signoffs', SignoffAnswer, checked(SignoffRequest, request), { twice: false }),
    revokeSignoff: async (signoff, reason) => {
      const path = `/v1/signoffs/${segment(signoff)}`
      const body = checked(SignoffWord, { reason })
      const answer = await call('DELETE', path, SignoffAnswer, body, { twice: false })
      matchId('signoff', signoff, answer.signoff)
      return answer
    },
    signoffs: () => call('GET', '/v1/signoffs', SignoffsAnswer),
    state: () => call('GET', '/v1/state', answers.StateAnswer),
    decisions: (query = {}) => call('GET', `/v1/decisions${queryText(query)}`, answers.DecisionsAnswer),
    decision: async (decision) => {
      const answer = await call('GET', `/v1/decisions/${segment(decision)}`, answers.DecisionAnswer)
      matchId('decision', decision, answer.decision.decision)
      return answer
    },
    explanation: async (decision) => {
      const answer = await call('GET', `/v1/decisions/${segment(decision)}/explanation`, Explanation)
      matchId('decision', decision, answer.decision)
      return answer
    },
    emergencyPolicy: () => call('GET', '/v1/policies/emergency', PolicyAnswer),
    activateEmergencyPolicy: async (request = {}) => {
      const body = checked(PolicyRequest, request)
      const answer = await call('POST', '/v1/policies/emergency', PolicyActivation, body)
      matchId('policy', body.hash ?? answer.policy, answer.policy)
      return answer
    },
    consensusPolicies: () => call('GET', '/v1/policies/consensus', answers.ConsensusAnswer),
    routingPolicy: () => call('GET', '/v1/policies/routing', RoutingAnswer),
    optimizerPolicy: () => call('GET', '/v1/policies/optimizer', OptimizerAnswer),
    activateOptimizerPolicy: async (request = {}) => {
      const body = checked(OptimizerRequest, request)
      const answer = await call('POST', '/v1/policies/optimizer', PolicyActivation, body, { twice: false })
      matchId('policy', body.hash ?? answer.policy, answer.policy)
      return answer
    },
    activateVotingPolicy: async (which, request = {}) => {
      const body = checked(VotingPolicyRequest, request)
      const path = `/v1/policies/${checked(VotingPolicy, which)}`
      const answer = await call('POST', path, PolicyActivation, body, { twice: false })
      matchId('policy', body.hash ?? answer.policy, answer.policy)
      return answer
    },
    constitution: () => call('GET', '/v1/constitution', answers.ConstitutionAnswer),
    activate: async (request = {}) => {
      const body = checked(ActivationRequest, request)
      const answer = await call('POST', '/v1/constitution', answers.ActivationAnswer, body)
      matchId('constitution', body.hash ?? answer.constitution, answer.constitution)
      return answer
    },
    jwks: () => call('GET', '/.well-known/jwks.json', Jwks),
    close: transport.close,
  }
}

/** Throws unless all that was reported was taken. */
function matchCount(sent: unknown, taken: number): void {
  matchId('count', String(Array.isArray(sent) ? sent.length : 1), String(taken))
}

function queryText(query: DecisionsQuery): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) parameters.set(name, String(value))
  return parameters.size === 0 ? '' : `?${parameters.toString()}`
}
