/** Puts callers' inputs into the inbox of the home, and waits until the log says what they were answered. */
import { randomUUID } from 'node:crypto'
import { systemTimers, type Timers } from '../base/clock.ts'
import { EphorError, ERRORS, type ErrorCode } from '../base/errors.ts'
import { RETRY_MS, type Inbox, type InboxLane, type Put, type Unreachable } from '../cluster/cluster.ts'
import type { Effect, Input } from '../engine/step.ts'
import type { Event } from '../protocol/event.ts'
import type { ForwardedInput } from '../protocol/forwarded.ts'
import type { TakenEffect } from '../protocol/taken.ts'
import type { Lookout } from './lookout.ts'

/** Milliseconds to wait for the home, in which another may be promoted. */
const ANSWER_MS = 2_000
/** Milliseconds to try to reach the inbox; shorter than a request is known there. */
const PUT_MS = 500
/** Answers kept that nobody has asked for yet: the log may be faster than the reply to what was put. */
const EARLY_MAX = 1_024

/** What the home answered. A verdict stands at the record `sequence`. */
export type Forwarded =
  | { readonly kind: 'verdict'; readonly sequence: number; readonly recalled: boolean }
  | { readonly kind: 'effect'; readonly effect: Extract<Effect, { kind: 'observed' | 'executed' | 'done' }> }

/** One sidecar's waiting callers. */
export class Forwarding {
  readonly #inbox: Inbox
  readonly #lookout: Lookout
  readonly #waiting = new Map<string, (effect: TakenEffect) => void>()
  readonly #early = new Map<string, TakenEffect>()
  /** How many inputs of each agent wait. */
  readonly #ofAgents = new Map<string, number>()
  readonly #timers: Timers

  constructor(inbox: Inbox, lookout: Lookout, timers: Timers = systemTimers) {
    this.#inbox = inbox
    this.#lookout = lookout
    this.#timers = timers
  }

  /** To be told of every event that is durable here. */
  hear(event: Event): void {
    if (event.type !== 'taken') return
    const key = `${event.lane} ${event.entry}`
    const wake = this.#waiting.get(key)
    if (wake !== undefined) {
      wake(event.effect)
      return
    }
    this.#early.set(key, event.effect)
    if (this.#early.size <= EARLY_MAX) return
    const [oldest] = this.#early.keys()
    if (oldest !== undefined) this.#early.delete(oldest)
  }

  /** Hands the input on. Throws `EphorError` where it was refused, or nothing is known of it. */
  async forward(input: Exclude<Input, { kind: 'halt' }>): Promise<Forwarded> {
    const agent = agentOf(input)
    const before = this.#ofAgents.get(agent) ?? 0
    // What an agent says is not passed by what it says later.
    const lane = isCritical(input) && (agent === '' || before === 0) ? 'critical' : 'inbox'
    this.#ofAgents.set(agent, before + 1)
    try {
      return await this.#forwardIn(lane, input)
    } finally {
      const left = (this.#ofAgents.get(agent) ?? 1) - 1
      if (left > 0) this.#ofAgents.set(agent, left)
      else this.#ofAgents.delete(agent)
    }
  }

  async #forwardIn(lane: InboxLane, input: Input): Promise<Forwarded> {
    const put = await this.#put(JSON.stringify(sendable(input)), lane)
    if (put.kind === 'unreachable') throw new EphorError('CLUSTER_UNREACHABLE', put.detail)
    if (put.kind === 'full') throw new EphorError('OVERLOADED', `${put.waiting} inputs wait for the home`)
    const effect = await this.#answer(`${lane} ${put.entry}`)
    if (effect === undefined)
      throw new EphorError('HOME_SILENT', `it was put into the inbox and not answered within ${ANSWER_MS} ms`)
    return asForwarded(effect)
  }

  /** Raises a halt, which holds here at once and passes all queues. Throws `EphorError` as long as it is not on record; it holds all the same. Several partitions raise one as one `request`. */
  async raise(input: Input & { kind: 'halt' }, request: string = randomUUID()): Promise<Forwarded> {
    const put = await this.#lookout.raise(request, input)
    if (put.kind === 'unreachable')
      throw new EphorError(
        'CLUSTER_UNREACHABLE',
        `it holds here, and the others are told as soon as they can be reached: ${put.detail}`,
      )
    if (put.kind === 'full')
      throw new EphorError('LIMIT_REACHED', `${put.waiting} halts wait for the home; halt everything instead`)
    const effect = await this.#answer(`halts ${put.entry}`)
    if (effect === undefined)
      throw new EphorError(
        'HOME_SILENT',
        'it holds at every sidecar that hears, and is on record as soon as one is home',
      )
    return asForwarded(effect)
  }

  /** The same request each time, so that it is there once. */
  async #put(text: string, lane: InboxLane): Promise<Put | Unreachable> {
    const request = randomUUID()
    for (let left = PUT_MS; ; left -= RETRY_MS) {
      const put = await this.#inbox.put(request, text, lane)
      if (put.kind !== 'unreachable' || left <= 0) return put
      await this.#timers.pause(RETRY_MS)
    }
  }

  #answer(key: string): Promise<TakenEffect | undefined> {
    const early = this.#early.get(key)
    if (early !== undefined) {
      this.#early.delete(key)
      return Promise.resolve(early)
    }
    return new Promise((done) => {
      const end = (effect: TakenEffect | undefined): void => {
        stop()
        this.#waiting.delete(key)
        done(effect)
      }
      const stop = this.#timers.after(ANSWER_MS, () => end(undefined))
      this.#waiting.set(key, end)
    })
  }
}

/** Whether it goes before what waits: a cancel, which only makes less of what may happen, and the venue's word on what did, without which limits are judged by too little. */
function isCritical(input: Input): boolean {
  return input.kind === 'executions' || (input.kind === 'action' && input.request.action.type === 'cancel')
}

/** Whose word it is, where it is an agent's. */
function agentOf(input: Input): string {
  switch (input.kind) {
    case 'action':
      return input.request.agent
    case 'redeem':
    case 'beat':
      return input.agent
    case 'vote':
      return input.vote.agent
    case 'delegate':
      return input.from
    default:
      return ''
  }
}

/** The input as JSON can carry it. */
function sendable(input: Input): ForwardedInput {
  if (input.kind === 'tick' || input.kind === 'promote' || input.kind === 'follow')
    throw new Error(`invariant: each home makes \`${input.kind}\` itself`)
  // Does not compile once the core takes a kind of input that the schema of what is handed on lacks.
  const kind: ForwardedInput['kind'] = input.kind
  if (input.kind !== 'activate') return { ...input, kind } as ForwardedInput
  const { program, ...rest } = input
  return { ...rest, constitution: program.constitution.hash }
}

function asForwarded(effect: TakenEffect): Forwarded {
  switch (effect.kind) {
    case 'refuse':
      throw new EphorError(isKnown(effect.code) ? effect.code : 'INTERNAL', effect.detail)
    case 'answer':
    case 'recall':
      return { kind: 'verdict', sequence: effect.sequence, recalled: effect.kind === 'recall' }
    default:
      return { kind: 'effect', effect: effect as (Forwarded & { kind: 'effect' })['effect'] }
  }
}

/** A later version may know more codes than this one. */
function isKnown(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code)
}
