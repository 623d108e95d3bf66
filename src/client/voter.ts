/** Votes for an agent: hears of what is proposed, asks what to make of it, and signs. In doubt it does not vote. */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { ballotOn, signVote, standingIn } from '../consensus/vote.ts'
import { HEARTBEAT_MS } from '../protocol/agent.ts'
import type { ProposalView } from '../protocol/answers.ts'
import { Name } from '../protocol/common.ts'
import { Choice, type Vote } from '../protocol/proposal.ts'
import type { Client } from './client.ts'
import { ClientError } from './error.ts'
import { checkOptions } from './options.ts'

export interface VoterOptions {
  /** Ed25519; its public half is the agent's as registered. */
  readonly privateKey: KeyObject
  /** What to vote; `undefined` for no vote. Asked once of each proposal. What it throws is no vote. */
  readonly decide: (proposal: ProposalView) => Choice | undefined | Promise<Choice | undefined>
  /** Told of each failure, and of the proposal that it was about; `null` where it was the connection. A warning of the process, where left out. */
  readonly onError?: (error: unknown, proposal: string | null) => void
  /** Milliseconds between two heartbeats while it listens: an agent that is silent has no vote. 0 for none. */
  readonly beatMs?: number
  /** The first wait before connecting again is up to this many milliseconds, doubled with each; 100 where left out. */
  readonly backoffMs?: number
  /** From 0 to below 1: how long to wait before connecting again. */
  readonly random?: () => number
}

export interface Voter {
  /** Votes no more; resolves once nothing is under way. What was cast stays cast. */
  readonly close: () => Promise<void>
}

const BACKOFF_MS_MAX = 5_000
/** What an event says of the rounds that were opened. */
const Proposed = z.object({
  rounds: z.array(z.object({ proposal: z.object({ proposal: Name }) })),
})

/** What is known of a proposal: it was taken up, and then this was cast. */
interface Taken {
  vote?: Vote
}

/** Begins to vote as the client's agent. Looks at what is open first, at each connection anew, then at what is proposed. */
export function createVoter(
  client: Pick<Client, 'agent' | 'events' | 'proposals' | 'proposal' | 'vote' | 'heartbeat'>,
  options: VoterOptions,
): Voter {
  checkOptions('createVoter', options, {
    privateKey: 'object',
    decide: 'function',
    onError: 'function',
    beatMs: 'milliseconds',
    backoffMs: 'milliseconds',
    random: 'function',
  })
  const { privateKey, decide, backoffMs = 100, beatMs = HEARTBEAT_MS, random = Math.random } = options
  const tell = options.onError ?? warn
  if (client.agent === '') throw new TypeError('expected a client with an `agent`')
  if (privateKey.type !== 'private' || privateKey.asymmetricKeyType !== 'ed25519')
    throw new TypeError('expected an Ed25519 private key')
  const publicKey = createPublicKey(privateKey)
  const end = new AbortController()
  const { signal } = end
  const taken = new Map<string, Taken>()
  const underWay = new Set<Promise<void>>()

  /** Runs `work` on a proposal beside everything else; its failure is told. */
  function begin(proposal: string, work: () => Promise<void>): void {
    const running: Promise<void> = work()
      .catch((error: unknown) => {
        if (!signal.aborted && !isOver(error)) tell(error, proposal)
      })
      .finally(() => underWay.delete(running))
    underWay.add(running)
  }

  async function consider(view: ProposalView): Promise<void> {
    const { agent } = client
    const { proposal: round } = view.proposal
    const hasVoted = view.votes.some((vote) => vote.agent === agent)
    const before = taken.get(round)
    if (view.state !== 'open' || hasVoted) return
    if (before !== undefined) {
      // It did not arrive. Thinking again could come to something else, and two different votes count as against.
      if (before.vote !== undefined) await client.vote(before.vote)
      return
    }
    const standing = standingIn(view, agent, publicKey)
    if (standing === undefined) return
    const mine: Taken = {}
    taken.set(round, mine)
    if (standing !== true) throw new ClientError('ANSWER_INVALID', `\`${round}\`: ${standing}`)
    const choice = await decide(view)
    if (choice === undefined || signal.aborted) return
    mine.vote = signVote(ballotOn(view, agent, Choice.parse(choice)), privateKey)
    await client.vote(mine.vote)
  }

  async function look(proposal: string): Promise<void> {
    if (!taken.has(proposal)) await consider(await client.proposal(proposal))
  }

  async function lookAtOpen(): Promise<void> {
    const { proposals } = await client.proposals()
    const open = new Set(proposals.map(({ proposal }) => proposal.proposal))
    for (const round of taken.keys()) if (!open.has(round)) taken.delete(round)
    for (const view of proposals) begin(view.proposal.proposal, () => consider(view))
  }

  async function beat(): Promise<void> {
    try {
      await client.heartbeat()
    } catch (error) {
      if (!signal.aborted) tell(error, null)
    }
  }

  let last: number | string | undefined
  /** One connection, from its beginning to its end. */
  async function listen(begun: () => void): Promise<void> {
    if (beatMs > 0) await beat()
    const after = last === undefined ? {} : { after: last }
    const connection = new AbortController()
    const events = await client.events({ ...after, signal: AbortSignal.any([signal, connection.signal]) })
    const beating = beatMs > 0 ? setInterval(() => void beat(), beatMs) : undefined
    try {
      // Once the events run: what is proposed in between is in both, and not in neither.
      await lookAtOpen()
      begun()
      for await (const { id, event, data } of events) {
        last = id
        if (event === 'proposal')
          for (const { proposal } of Proposed.parse(data).rounds)
            begin(proposal.proposal, () => look(proposal.proposal))
      }
    } finally {
      clearInterval(beating)
      connection.abort()
    }
  }

  async function listenOn(): Promise<void> {
    for (let failed = 0; !signal.aborted; failed += 1) {
      try {
        await listen(() => (failed = 0))
      } catch (error) {
        if (signal.aborted) return
        // Too far back to go on from: what is open is looked at anyway.
        if (error instanceof ClientError && error.code === 'QUERY_INVALID') last = undefined
        tell(error, null)
      }
      const waitMs = random() * Math.min(BACKOFF_MS_MAX, backoffMs * 2 ** failed)
      await sleep(waitMs, undefined, { signal }).catch(() => undefined)
    }
  }

  const listening = listenOn()
  return {
    close: async () => {
      end.abort()
      await listening
      await Promise.all(underWay)
    },
  }
}

/** Whether the round ended while this voter thought: a vote less, and nothing wrong. */
function isOver(error: unknown): boolean {
  return error instanceof ClientError && error.code === 'ROUND_CLOSED'
}

function warn(error: unknown, proposal: string | null): void {
  const about = proposal === null ? 'listening for proposals' : proposal
  process.emitWarning(`${about}: ${error instanceof Error ? error.message : String(error)}`, 'EphorVoter')
}
