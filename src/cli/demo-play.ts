/** Plays a scenario of the demo over HTTP: agents ask, redeem and send, a simulated venue fills, and each step becomes a row. */
import { v7 as uuidv7 } from 'uuid'
import { EphorError } from '../base/errors.ts'
import { permitId } from '../engine/permits.ts'
import type { Reason } from '../protocol/decision.ts'
import type { Observation } from '../protocol/observation.ts'
import type { Call, Called } from './caller.ts'
import type { Action, Agent, Scenario, Step } from './demo-steps.ts'
import { Venue } from './demo-venue.ts'

export interface Stage {
  readonly call: Call
  readonly tokens: Readonly<Record<'feeder' | 'operator' | Agent, string>>
  readonly setNow: (now: number) => void
}

type StepOf<K extends Step['kind']> = Extract<Step, { kind: K }>
type Row = readonly [says: string, verdict: string, why: string, millis: string]

const SEED = 1
const plain = (value: number): string => value.toLocaleString('en-US', { maximumSignificantDigits: 12 })

/** Plays `scenario` as if it had begun at `from`, and answers its rows. */
export async function play(scenario: Scenario, from: number, stage: Stage): Promise<Row[]> {
  const player = new Player(scenario, from, stage)
  const rows: Row[] = []
  for (const step of scenario.steps) {
    const row = await player.step(step)
    if (row !== undefined) rows.push(row)
  }
  return rows
}

class Player {
  readonly #stage: Stage
  readonly #from: number
  readonly #venue: Venue
  readonly #prices = new Map<string, number>()
  #now: number
  /** What was asked last. */
  #asked: unknown
  /** The decision whose permit was kept. */
  #kept = ''
  /** What rests at the venue, by the order's decision. */
  readonly #resting = new Map<string, Action & { type: 'order' }>()

  constructor({ multiplier }: Scenario, from: number, stage: Stage) {
    this.#stage = stage
    this.#from = from
    this.#now = from
    this.#venue = new Venue({
      seed: SEED,
      now: () => this.#now,
      priceOf: (name) => this.#prices.get(name) ?? Number.NaN,
      multiplier,
    })
  }

  async step(step: Step): Promise<Row | undefined> {
    this.#setNow(this.#from + step.after)
    switch (step.kind) {
      case 'observe':
        await this.#observe(step.observations(this.#now))
        return undefined
      case 'act':
        return this.#act(step)
      case 'run':
        return this.#run(step)
      case 'halt': {
        const { scope, says } = step
        const body = { scope, state: 'halted', reason: says }
        const { millis } = await this.#post('/v1/halts', 'operator', body)
        return [says, 'halted', '', millis.toFixed(1)]
      }
      case 'redeem': {
        const { body, millis } = await this.#redeem(step.agent ?? 'alpha', this.#kept)
        return [step.says, 'refused', String(body.code), millis.toFixed(1)]
      }
      case 'cancel':
        return this.#cancel(step)
    }
  }

  async #act({ says, action, agent = 'alpha', again, narrow, about, next }: StepOf<'act'>): Promise<Row> {
    if (again !== true) this.#asked = requestOf(action, agent, this.#now, narrow)
    const called = await this.#stage.call('/v1/actions', this.#stage.tokens[agent], this.#asked)
    const [verdict, why, millis] = describe(called, about)
    const { permit } = called.body
    if (typeof permit !== 'string' || next === undefined) return [says, verdict, why, millis]
    if (next === 'keep') this.#kept = String(called.body.decision)
    const came = next === 'send' ? await this.#send(agent, called) : 'the permit is kept'
    return [says, verdict, [...(why === '' ? [] : [why]), came].join('\n'), millis]
  }

  /** Redeems the permit, sends the order, and lets the venue fill what it fills. */
  async #send(agent: Agent, { body }: Called): Promise<string> {
    const before = this.#venue.total
    const redeemed = await this.#redeem(agent, String(body.decision))
    if (redeemed.status !== 200) return `not sent: ${String(redeemed.body.code)}`
    const action = body.action as Action & { type: 'order' }
    const decision = String(body.decision)
    this.#venue.send(decision, action)
    await this.#settle()
    if (this.#venue.open.includes(decision)) this.#resting.set(decision, action)
    const { bought, sold, notional } = this.#venue.total
    const filled = bought + sold - before.bought - before.sold
    return filled === 0
      ? 'redeemed and sent: it rests'
      : `redeemed and sent: ${plain(filled)} filled for ${plain(Math.round(notional - before.notional))} USD`
  }

  async #run(step: StepOf<'run'>): Promise<Row> {
    const { says, seconds, perSecond, order, observations, agent = 'alpha' } = step
    const start = this.#now
    const seen = observations(start - 1000)
    const tally = new Tally()
    for (let second = 0; second < seconds; second++) {
      this.#setNow(start + second * 1000)
      if (second % 5 === 0) await this.#beat(agent)
      await this.#observe(seen(this.#now))
      const first = Math.floor(second * perSecond)
      const count = Math.floor((second + 1) * perSecond) - first
      for (let index = first; index < first + count; index++) {
        this.#setNow(start + second * 1000 + Math.floor(((index - first) * 1000) / count))
        const body = requestOf(order(index), agent, this.#now)
        const called = await this.#stage.call('/v1/actions', this.#stage.tokens[agent], body)
        tally.add(called, this.#venue)
        if (typeof called.body.permit === 'string') await this.#send(agent, called)
      }
    }
    return [says, tally.verdicts, tally.why(this.#venue), tally.millis]
  }

  async #cancel({ says, agent = 'alpha' }: StepOf<'cancel'>): Promise<Row> {
    const [decision, order] = [...this.#resting].at(-1) ?? []
    if (decision === undefined || order === undefined) throw new EphorError('INTERNAL', 'nothing rests')
    const { account, instrument } = order
    const action: Action = { type: 'cancel', account, instrument, order: decision }
    const called = await this.#stage.call(
      '/v1/actions',
      this.#stage.tokens[agent],
      requestOf(action, agent, this.#now),
    )
    const [verdict, why, millis] = describe(called)
    const redeemed = await this.#redeem(agent, String(called.body.decision))
    if (redeemed.status !== 200) return [says, verdict, String(redeemed.body.code), millis]
    this.#venue.send(String(called.body.decision), action)
    await this.#settle()
    return [says, verdict, why === '' ? 'redeemed and sent: it is gone' : why, millis]
  }

  #setNow(now: number): void {
    this.#now = now
    this.#stage.setNow(now)
  }

  async #observe(observations: readonly Observation[]): Promise<void> {
    // Where an instrument has two prices, the venue is the first.
    for (const it of observations.toReversed())
      if (it.kind === 'price') this.#prices.set(it.instrument, it.price)
    for (let first = 0; first < observations.length; first += 1000)
      await this.#post('/v1/observations', 'feeder', observations.slice(first, first + 1000))
  }

  async #settle(): Promise<void> {
    this.#venue.finish()
    const reports = this.#venue.takeReports()
    if (reports.length > 0) await this.#post('/v1/executions', 'feeder', reports)
  }

  #redeem(agent: Agent, decision: string): Promise<Called> {
    return this.#stage.call(`/v1/permits/${permitId(decision)}/redeem`, this.#stage.tokens[agent], {})
  }

  async #beat(agent: Agent): Promise<void> {
    await this.#post(`/v1/agents/${agent}/heartbeat`, agent, {})
  }

  /** Posts what must be taken. */
  async #post(path: string, as: keyof Stage['tokens'], body: unknown): Promise<Called> {
    const called = await this.#stage.call(path, this.#stage.tokens[as], body)
    if (called.status !== 200)
      throw new EphorError('INTERNAL', `${path} of the demo was refused: ${JSON.stringify(called.body)}`)
    return called
  }
}

function requestOf(action: Action, agent: Agent, now: number, narrow = false): unknown {
  return { id: uuidv7({ msecs: now }), agent, action, ...(narrow ? { accept: ['narrow'] } : {}) }
}

/** What a run of orders came to. */
class Tally {
  readonly #verdicts = new Map<string, number>()
  readonly #codes = new Map<string, number>()
  #first = ''
  #millis = 0
  #count = 0

  add({ body, millis }: Called, venue: Venue): void {
    const verdict = String(body.verdict ?? body.code)
    const codes = ((body.reasons ?? []) as Reason[]).map(({ code }) => code)
    count(this.#verdicts, verdict)
    for (const code of codes) count(this.#codes, code)
    if (verdict === 'deny' && this.#first === '') this.#first = `first ${codes.join(' ')}: ${traded(venue)}`
    this.#millis += millis
    this.#count += 1
  }

  get verdicts(): string {
    return [...this.#verdicts].map(([verdict, times]) => `${plain(times)} ${verdict}`).join('\n')
  }

  get millis(): string {
    return (this.#millis / this.#count).toFixed(1)
  }

  why(venue: Venue): string {
    const codes = [...this.#codes].map(([code, times]) => `${code} ×${plain(times)}`)
    return [...(this.#first === '' ? [] : [this.#first]), ...codes, `in all ${traded(venue)}`].join('\n')
  }
}

function count(map: Map<string, number>, key: string): void {
  map.set(key, (map.get(key) ?? 0) + 1)
}

function traded({ total: { bought, sold, notional } }: Venue): string {
  const quantity = bought + sold
  return quantity === 0
    ? 'nothing traded'
    : `${plain(quantity)} traded for ${plain(Math.round(notional))} USD`
}

function describe(
  { status, body, millis }: Called,
  about?: string,
): [verdict: string, why: string, millis: string] {
  const time = millis.toFixed(1)
  if (status !== 200) return [`${status}`, String(body.code), time]
  const all = (body.reasons as Reason[]).toSorted(
    (a, b) => Number(b.code === about) - Number(a.code === about),
  )
  const reasons = all.slice(0, 4).map(explain)
  const more = all.length - reasons.length
  const headroom = body.headroom as { quantity: number | null; largest: boolean } | null
  const action = body.action as { quantity?: number }
  const verdict = body.verdict === 'narrow' ? `narrow to ${action.quantity}` : String(body.verdict)
  const room =
    body.verdict === 'deny' && headroom?.quantity != null
      ? [`${headroom.quantity.toLocaleString('en-US')} would pass`]
      : []
  return [verdict, [...reasons, ...(more > 0 ? [`and ${more} more`] : []), ...room].join('\n'), time]
}

function explain({ code, result, observed, limit, unit, missing }: Reason): string {
  if (result === 'unknown') return `${code} unknown: ${(missing ?? []).map(({ fact }) => fact).join(', ')}`
  if (typeof observed !== 'number' || typeof limit !== 'number') return code
  const format = (value: number): string =>
    unit === 'ratio'
      ? `${(value * 100).toLocaleString('en-US', { maximumSignificantDigits: 4 })} %`
      : plain(value)
  return `${code} ${format(observed)} against ${format(limit)}${unit === null || unit === 'ratio' ? '' : ` ${unit}`}`
}
