/** A desk for an incident: a sidecar on a clock of its own, a simulated venue, and agents that trade through both by HTTP alone. */
import { expect, vi } from 'vitest'
import { systemClock } from '../../../src/base/clock.ts'
import { verifyHome } from '../../../src/cli/verify-home.ts'
import { Venue, type Traded } from '../../../src/cli/demo-venue.ts'
import { createClient, type Client } from '../../../src/client/client.ts'
import { guard, type Outcome } from '../../../src/client/guard.ts'
import { loadPermitKeys, type PermitKeys } from '../../../src/permit/keys.ts'
import { permitIdOf, verifyPermit } from '../../../src/permit/verify.ts'
import type { Action } from '../../../src/protocol/action.ts'
import type { ActionAnswer } from '../../../src/protocol/decision.ts'
import type { Observation } from '../../../src/protocol/observation.ts'
import { expectProblem } from '../../support/http.ts'
import { SCRATCH } from '../../support/scratch.ts'
import { CONSTITUTION, POLICIES, Rig } from '../../support/sidecar.ts'

export interface DeskOptions {
  /** When the incident begins, in milliseconds since 1970. */
  readonly from: number
  readonly sources: readonly [string, string]
  readonly multiplier?: number
  readonly constitution?: string
  readonly policies?: string
}

/** A verdict, and how much had been traded when it was given. */
export interface Verdict {
  readonly at: number
  readonly verdict: ActionAnswer['verdict']
  /** Of the reasons, in order. */
  readonly codes: readonly string[]
  readonly reasons: ActionAnswer['reasons']
  readonly reached: Traded
}

interface Seat {
  readonly client: Client
  readonly trade: (action: Action, more?: object) => Promise<Outcome<string>>
}

const SEED = 20_120_801

export class Desk {
  readonly rig: Rig
  readonly venue: Venue
  readonly verdicts: Verdict[] = []
  readonly #sources: readonly [string, string]
  readonly #prices = new Map<string, number>()
  readonly #seats = new Map<string, Seat>()
  #feeder: Client | undefined
  #keys: PermitKeys | undefined

  constructor({
    from,
    sources,
    multiplier = 1,
    constitution = CONSTITUTION,
    policies = POLICIES,
  }: DeskOptions) {
    this.rig = new Rig({ constitution, policies, sources, root: SCRATCH })
    this.rig.now = from
    this.#sources = sources
    this.venue = new Venue({
      seed: SEED,
      now: () => this.rig.now,
      priceOf: (name) => this.#prices.get(name) ?? 0,
      multiplier,
    })
  }

  async open(...agents: readonly (readonly [agent: string, ...strategies: string[]])[]): Promise<this> {
    await this.rig.start()
    this.#feeder = this.#client('feed')
    this.#keys = loadPermitKeys(await this.#feeder.jwks())
    const operator = this.#client('operator-1')
    for (const [agent, ...strategies] of agents) {
      await operator.register({ agent, strategies })
      const client = this.#client(agent)
      const send = (action: Action, permit: string | null): Promise<string> => {
        const keys = this.#keys ?? new Map()
        const { decision } = verifyPermit(permit ?? '', { keys, action, agent, now: this.rig.now })
        this.venue.send(decision, action)
        return Promise.resolve(decision)
      }
      this.#seats.set(agent, { client, trade: guard(client, send) })
    }
    operator.close()
    return this
  }

  #client(name: string): Client {
    return createClient({
      url: this.rig.base,
      token: this.rig.token(name),
      agent: name,
      clock: { ...systemClock, now: () => this.rig.now },
      timeoutMs: 30_000,
    })
  }

  #seat(agent: string): Seat {
    const seat = this.#seats.get(agent)
    if (seat === undefined) throw new Error(`${agent} has no seat`)
    return seat
  }

  /** What the feeders report. */
  async observe(...observations: readonly Observation[]): Promise<void> {
    for (let from = 0; from < observations.length; from += 1000)
      await this.#feeder?.observe(observations.slice(from, from + 1000))
  }

  /** Moves the market: the venue trades at the first price, and both sources say so. */
  async price(prices: Readonly<Record<string, number>>): Promise<void> {
    const at = this.rig.now
    const observations = Object.entries(prices).flatMap(([instrument, price]) => {
      this.#prices.set(instrument, price)
      return this.#sources.map((source): Observation => ({ kind: 'price', instrument, source, price, at }))
    })
    await this.observe(...observations)
  }

  /** The broker says what `account` holds: what was traded here, and nothing before. */
  async dropCopy(account: string): Promise<void> {
    const positions = [...this.venue.traded].map(([instrument, { bought, sold }]) => ({
      instrument,
      quantity: bought - sold,
    }))
    await this.observe({ kind: 'portfolio', account, positions, at: this.rig.now })
  }

  /** Every agent says that it lives. */
  async beat(): Promise<void> {
    for (const { client } of this.#seats.values()) await client.heartbeat()
  }

  /** Asks, redeems and sends; what came of it. */
  async trade(agent: string, action: Action, more: object = {}): Promise<Verdict & { decision: string }> {
    const { trade } = this.#seat(agent)
    const { answer } = await trade(action, more)
    if (answer === null) throw new Error('sent without a record')
    return { ...this.#note(answer), decision: answer.decision }
  }

  /** Asks, and keeps the permit for later. */
  async ask(agent: string, action: Action): Promise<ActionAnswer> {
    const answer = await this.#seat(agent).client.act({ action })
    this.#note(answer)
    return answer
  }

  #note({ at, verdict, reasons }: ActionAnswer): Verdict {
    const codes = reasons.map(({ code, result }) => (result === 'unknown' ? `${code}?` : code))
    const noted = { at, verdict, codes, reasons, reached: this.venue.total }
    this.verdicts.push(noted)
    return noted
  }

  /** The venue fills what the market reaches, and its reports arrive. */
  async settle(): Promise<void> {
    this.venue.finish()
    await this.report()
  }

  async report(): Promise<void> {
    const reports = this.venue.takeReports()
    for (let from = 0; from < reports.length; from += 1000)
      await this.#feeder?.executions(reports.slice(from, from + 1000))
  }

  /** The first verdict that was a denial. */
  get firstDenied(): Verdict {
    const first = this.verdicts.find(({ verdict }) => verdict === 'deny')
    if (first === undefined) throw new Error('nothing was denied')
    return first
  }

  /** How often each code was given. */
  get counts(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {}
    for (const { codes } of this.verdicts) for (const code of codes) counts[code] = (counts[code] ?? 0) + 1
    return counts
  }

  /** An operator stops `scope`. */
  async halt(scope: object): Promise<void> {
    const answer = await this.rig.post('/v1/halts', 'operator-1', { scope, state: 'halted', reason: 'stop' })
    expect(answer.status, answer.text).toBe(200)
  }

  /**
   * Holds that nothing passes any more: a permit given before the halt buys nothing, `attempts` are denied, what rests can be
   * taken back, and nothing more is traded.
   */
  async expectStopped(
    agent: string,
    { permit, resting, attempts }: { permit: string | null; resting: string; attempts: readonly Action[] },
  ): Promise<void> {
    const before = this.venue.total
    const redeemed = await this.rig.post(`/v1/permits/${permitIdOf(permit ?? '')}/redeem`, agent, {})
    expectProblem(redeemed, 'HALTED_SINCE', 'is in force')
    for (const action of attempts) {
      const { verdict, codes } = await this.trade(agent, action)
      expect(verdict).toBe('deny')
      expect(codes).toContain('HALTED')
    }
    expect(this.venue.open).toContain(resting)
    const { account, instrument } = attempts.find(({ type }) => type === 'order') as Action & {
      type: 'order'
    }
    const cancel = await this.trade(agent, { type: 'cancel', account, instrument, order: resting })
    expect(cancel.verdict).toBe('allow')
    expect(this.venue.open).not.toContain(resting)
    await this.settle()
    expect(this.venue.total).toEqual(before)
  }

  /** The sidecar's own count of what was traded is the venue's. */
  expectPositions(account: string): void {
    const positions = this.rig.running.sidecar.state.ledger.portfolios.get(account)?.positions
    for (const [instrument, { bought, sold }] of this.venue.traded)
      expect(positions?.get(instrument)?.quantity, instrument).toBe(bought - sold)
  }

  /** Stops the sidecar; its journal must verify, and every verdict that was heard derive again from it. */
  async expectJournal(): Promise<void> {
    await this.rig.stop()
    let printed = ''
    const write = vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
      printed += String(chunk)
      return true
    })
    const ok = await verifyHome(this.rig.home, { chainOnly: false, json: true })
    write.mockRestore()
    const found = JSON.parse(printed) as { derived: { decisions: number; problems: string[] } }
    expect(found.derived.problems).toEqual([])
    expect(found.derived.decisions).toBe(this.verdicts.length)
    expect(ok, printed).toBe(true)
  }

  async end(): Promise<void> {
    for (const { client } of this.#seats.values()) client.close()
    this.#feeder?.close()
    await this.rig.end()
  }
}

/** Prints what an incident came to. */
export function tell(incident: string, ...figures: readonly string[]): void {
  process.stdout.write(`${incident}: ${figures.join('; ')}\n`)
}

export const dollars = (amount: number): string =>
  `$${amount.toLocaleString('en-US', { maximumFractionDigits: 0 })}`
export const whole = (count: number): string => count.toLocaleString('en-US')

/** Five one-minute bars that end at `now`, around one price. */
export function quietBars(instrument: string, price: number, volume: number, now: number): Observation[] {
  return [5, 4, 3, 2, 1].map((ago) => barOf(instrument, now - ago * 60_000, [price, price], volume))
}

/** The minute from `from`, in which the price went from the first to the second. */
export function barOf(
  instrument: string,
  from: number,
  [open, close]: readonly [number, number],
  volume: number,
): Observation {
  const [low, high] = [Math.min(open, close), Math.max(open, close)]
  return { kind: 'bar', instrument, from, to: from + 60_000, open, high, low, close, volume }
}

export const accountOf = (account: string, equity: number, at: number): Observation => ({
  kind: 'account',
  account,
  currency: 'USD',
  equity,
  cash: equity,
  credit: equity * 10,
  at,
})

type Instrument = Extract<Observation, { kind: 'instrument' }>

export const instrumentOf = (
  instrument: string,
  at: number,
  more: Pick<Instrument, 'assetClass' | 'tick'> & Partial<Instrument>,
): Observation => ({
  kind: 'instrument',
  instrument,
  currency: 'USD',
  lot: 1,
  multiplier: 1,
  status: 'open',
  at,
  ...more,
})
