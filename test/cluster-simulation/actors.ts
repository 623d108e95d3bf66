/** Who uses the simulated sidecars: traders that ask until they are answered, voters, a venue that holds its own sums, and an operator. */
import { EphorError } from '../../src/base/errors.ts'
import { permitId } from '../../src/engine/permits.ts'
import type { Input } from '../../src/engine/step.ts'
import { ballotOn, signVote } from '../../src/consensus/vote.ts'
import type { DecisionCore } from '../../src/protocol/decision.ts'
import { idAt } from '../support/engine.ts'
import type { Told } from './host.ts'
import { LOTS_MAX, opening, orderOf, TRADERS, VOTER_KEYS, VOTER_NAMES } from './law.ts'
import type { World } from './world.ts'

/** Milliseconds after which a caller gives up one call: more than a sidecar waits for the home. */
const CALL_MS = 2_500
/** Refusals after which nothing was done, whoever gave them. */
const NOT_DONE = new Set(['HOME_UNKNOWN', 'OVERLOADED', 'CLOCK_BACKWARDS'])

type Answer = Told | { readonly kind: 'refused'; readonly code: string }

export class Actors {
  readonly #world: World
  #serial = 0
  #isOver = false
  /** At the venue, in lots: what is held, and what is open on each side. */
  #held = 0
  readonly #open = { buy: 0, sell: 0 }
  /** The agent that was halted; what is asked for it afterwards is never allowed. */
  #halted: string | undefined

  constructor(world: World) {
    this.#world = world
  }

  /** Says all that has to be known before somebody trades. */
  async open(): Promise<void> {
    const { start } = this.#world
    for (const input of opening(start - 2_000)) await this.#insist(input)
  }

  /** Trades for so many milliseconds, and sees to it that all that was begun ends. */
  async trade(ms: number): Promise<void> {
    const { schedule, chance } = this.#world
    const ends = schedule.now + ms
    const begun: Promise<void>[] = []
    const voting = this.#vote()
    const haltAt = schedule.now + chance() * ms * 2
    while (schedule.now < ends) {
      await schedule.sleep(chance() * 20)
      begun.push(this.#order(this.#draw(TRADERS)))
      if (this.#halted === undefined && schedule.now > haltAt) begun.push(this.#halt('cy'))
    }
    await Promise.all(begun)
    this.#isOver = true
    await voting
  }

  async last(): Promise<void> {
    await this.#insist({ kind: 'beat', agent: 'chief' })
  }

  /** One order, from the question to the venue's last word. */
  async #order(agent: string): Promise<void> {
    const { schedule, chance, start } = this.#world
    const isHalted = this.#halted === agent
    const side = chance() < 0.5 ? 'buy' : 'sell'
    const quantity = 1 + Math.floor(chance() * (chance() < 0.3 ? 8 : 4))
    this.#serial += 1
    const id = idAt(Math.floor(start + schedule.now), `${this.#serial}`)
    const decision = await this.#ask({
      kind: 'action',
      request: { id, agent, action: orderOf(side, quantity) },
    })
    if (decision?.verdict !== 'allow') return
    this.#world.must(!isHalted, 'a halt holds', () => `${decision.decision} was allowed after the halt`)
    const permit = permitId(decision.decision)
    await schedule.sleep(chance() * 100)
    if (chance() < 0.1) return
    const redeemed = await this.#call({ kind: 'redeem', permit, agent })
    // Whoever does not know whether it was redeemed does not send, and says so.
    if (redeemed?.kind === 'done') await this.#send(side, quantity)
    else if (redeemed !== undefined && redeemed.kind === 'refused' && redeemed.code.startsWith('PERMIT_'))
      return
    const event = redeemed?.kind === 'done' && chance() < 0.7 ? 'filled' : 'cancelled'
    if (redeemed?.kind === 'done') this.#end(side, quantity, event === 'filled')
    const at = Math.floor(start + schedule.now) - 1_000
    const filled = event === 'filled' ? quantity : 0
    const execution = {
      execution: `x-${this.#serial}-${id}`,
      order: decision.decision,
      event,
      filled,
      at,
    } as const
    await this.#insist({ kind: 'executions', executions: [execution], feeder: 'venue' })
  }

  /** At the venue: what is sent is open at once, and the limits are held there too. */
  async #send(side: 'buy' | 'sell', quantity: number): Promise<void> {
    const { schedule, chance } = this.#world
    this.#open[side] += quantity
    this.#world.sees('sent')
    this.#hold()
    await schedule.sleep(chance() * 200)
  }

  #end(side: 'buy' | 'sell', quantity: number, isFilled: boolean): void {
    this.#open[side] -= quantity
    if (isFilled) this.#held += side === 'buy' ? quantity : -quantity
    this.#hold()
  }

  #hold(): void {
    const [most, least] = [this.#held + this.#open.buy, this.#held - this.#open.sell]
    this.#world.must(
      most <= LOTS_MAX && least >= -LOTS_MAX,
      'no limit is exceeded',
      () => `at the venue the position may come to ${most} and ${least}`,
    )
  }

  /** Asks until the verdict is final; `undefined` where it was held back or nobody answered for too long. */
  async #ask(input: Input & { readonly kind: 'action' }): Promise<DecisionCore | undefined> {
    const { schedule, chance } = this.#world
    for (let turn = 0; turn < 60; turn += 1) {
      const told = await this.#call(input)
      if (told?.kind === 'verdict') {
        this.#world.heard(told, input.request.agent)
        if (told.decision.verdict !== 'pending') {
          if (chance() > 0.2) return told.decision
          // Once more, of another.
          const again = await this.#call(input)
          if (again?.kind === 'verdict') this.#world.heard(again, input.request.agent)
          return told.decision
        }
        this.#world.sees('pending')
      } else if (told?.kind === 'refused' && !isPassing(told.code)) {
        this.#world.sees(told.code)
        return undefined
      }
      await schedule.sleep(10 + chance() * 100)
    }
    return undefined
  }

  /** Votes on whatever is open as any sidecar shows it, through any; now and then twice, with two tongues, or as the time runs out. */
  async #vote(): Promise<void> {
    const { schedule, chance } = this.#world
    let beat = schedule.now
    while (!this.#isOver) {
      await schedule.sleep(chance() * 12)
      if (schedule.now > beat) {
        beat += 500
        for (const agent of VOTER_NAMES) void this.#call({ kind: 'beat', agent })
      }
      const shown = this.#world.anyHost().book.durable.quorum.rounds.open
      if (shown.size === 0) continue
      const round = Array.from(shown.values())[Math.floor(chance() * shown.size)]
      const agent = this.#draw(VOTER_NAMES)
      if (round === undefined) continue
      const { proposal, frozen } = round.opening
      const choiceOf = (drawn: number): 'yes' | 'no' | 'abstain' =>
        drawn < 0.75 ? 'yes' : drawn < 0.9 ? 'no' : 'abstain'
      const voteOf = (): Input => ({
        kind: 'vote',
        vote: signVote(
          ballotOn({ proposal, roster: frozen.roster, rosterHash: frozen.hash }, agent, choiceOf(chance())),
          VOTER_KEYS[agent].privateKey,
        ),
      })
      const vote = voteOf()
      const times = chance() < 0.1 ? 2 : 1
      if (chance() < 0.05) await this.#untilTime(round.deadline - 1 + Math.floor(chance() * 3))
      for (let time = 0; time < times; time += 1) void this.#voteOnce(vote)
      if (chance() < 0.03) void this.#voteOnce(voteOf())
    }
  }

  async #voteOnce(vote: Input): Promise<void> {
    const told = await this.#call(vote)
    if (told?.kind === 'done') this.#world.sees('voted')
    else if (told?.kind === 'refused') this.#world.sees(`vote ${told.code}`)
  }

  async #untilTime(at: number): Promise<void> {
    const { schedule, start } = this.#world
    await schedule.sleep(Math.min(3_000, Math.max(0, at - start - schedule.now)))
  }

  async #halt(agent: string): Promise<void> {
    this.#halted = ''
    const request = { scope: { kind: 'agent', name: agent }, state: 'halted', reason: 'test' } as const
    await this.#insist({ kind: 'halt', request, by: 'operator' })
    this.#halted = agent
    this.#world.sees('halt')
  }

  /** Says it again, to one after another, until it is done; what is told twice is told once. */
  async #insist(input: Input): Promise<void> {
    const { schedule, chance } = this.#world
    for (;;) {
      const told = await this.#call(input)
      if (told !== undefined && (told.kind !== 'refused' || !isPassing(told.code))) {
        if (told.kind === 'refused') this.#world.sees(`${input.kind} ${told.code}`)
        return
      }
      await schedule.sleep(10 + chance() * 60)
    }
  }

  /** One call to a sidecar by chance; `undefined` where nothing came back in time. */
  async #call(input: Input): Promise<Answer | undefined> {
    const { schedule } = this.#world
    const host = this.#world.anyHost()
    if (!host.isUp) return { kind: 'refused', code: 'HOME_UNKNOWN' }
    return new Promise((done) => {
      const giveUp = schedule.after(CALL_MS, () => done(undefined))
      const end = (answer: Answer): void => {
        giveUp()
        done(answer)
      }
      host.enter(() => {
        host.submit(input).then(end, (error: unknown) => {
          if (!(error instanceof EphorError)) throw error
          end({ kind: 'refused', code: error.code })
        })
      })
    })
  }

  #draw<T>(of: readonly T[]): T {
    return of[Math.floor(this.#world.chance() * of.length)] as T
  }
}

/** Whether asking again may help. */
function isPassing(code: string): boolean {
  return (
    NOT_DONE.has(code) || ['HOME_LOST', 'HOME_SILENT', 'CLUSTER_UNREACHABLE', 'JOURNAL_FAILED'].includes(code)
  )
}
