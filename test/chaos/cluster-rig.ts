/** Two real sidecars over one real Redis, agents that ask both without pause, and what they heard. */
import { appendFileSync, rmSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { v7 as uuidv7 } from 'uuid'
import { callAt, until } from '../support/http.ts'
import { instrument, order, portfolio, price } from '../support/market.ts'
import { RedisServer } from '../support/redis.ts'
import { SentinelTrio } from '../support/redis-deployments.ts'
import { Rig } from '../support/sidecar.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'
import { serve, type CliSidecar } from './cli-sidecar.ts'
import { check, journalLines, logLines, type Findings, type HeardVerdict } from './cluster-check.ts'
import { writeLaw } from './cluster-law.ts'

const NAMES = ['ada', 'bea'] as const
/** Callers of each sidecar. */
const CALLERS = 4
/** Milliseconds that a caller waits for a sidecar. */
const CALL_MS_MAX = 500

/** One sidecar of the two. */
export interface Seat {
  readonly name: string
  readonly rig: Rig
  /** Its line to Redis, where that can be cut. */
  readonly line: TcpProxy | undefined
  sidecar: CliSidecar
}

export class ClusterRig {
  readonly redis: RedisServer
  /** Where the server is one of several. */
  readonly trio: SentinelTrio | undefined
  readonly seats: readonly Seat[]
  readonly heard: HeardVerdict[] = []
  /** Answers that were no verdict, by code. */
  readonly refusals = new Map<string, number>()
  /** Answers to an id that was asked again and that were another's. */
  readonly contradictions: string[] = []
  readonly #law: ReturnType<typeof writeLaw>
  #isLoaded = false
  #load: Promise<void> = Promise.resolve()

  private constructor(
    redis: RedisServer,
    trio: SentinelTrio | undefined,
    law: ReturnType<typeof writeLaw>,
    seats: readonly Seat[],
  ) {
    this.redis = redis
    this.trio = trio
    this.#law = law
    this.seats = seats
  }

  /** Over one server with a line for each sidecar that can be cut, or over one that Sentinels watch and whose replicas nobody waits for. */
  static async start(over: 'one' | 'sentinels' = 'one'): Promise<ClusterRig> {
    const trio = over === 'sentinels' ? await SentinelTrio.start('--min-replicas-to-write', '0') : undefined
    const redis = trio === undefined ? await RedisServer.start() : await trio.master()
    const law = writeLaw()
    const seats: Seat[] = []
    for (const name of NAMES) {
      const rig = new Rig()
      const line = trio === undefined ? await TcpProxy.start(redis.port) : undefined
      const url = trio?.url ?? line?.url ?? ''
      appendFileSync(`${rig.home}/config.yaml`, `redis: { url: '${url}', name: ${name}, replicas: 0 }\n`)
      seats.push({ name, rig, line, sidecar: await serve(rig.home, law.args) })
    }
    const it = new ClusterRig(redis, trio, law, seats)
    const at = Date.now() - 1
    const observations = [instrument(at), price(at, 'nyse'), price(at, 'bats'), portfolio(at, 0)]
    await until('the market is reported', async () => {
      const answer = await it
        .#call(it.#seat(0), 'feed', '/v1/observations', observations)
        .catch(() => undefined)
      return answer?.status === 200
    })
    return it
  }

  /** Who is home, as both say it; `undefined` while they do not. */
  async home(): Promise<Seat | undefined> {
    for (const seat of this.seats) {
      const ready = await callAt(seat.sidecar.base, 'GET', '/readyz').catch(() => undefined)
      if (ready?.status === 200 && ready.body.isHome === true) return seat
    }
    return undefined
  }

  /** Who is home, once both say it. */
  async homeNow(): Promise<Seat> {
    let found: Seat | undefined
    await until(
      'both are ready, and one is home',
      async () => (found = await this.home()) !== undefined,
      30_000,
    )
    if (found === undefined) throw new Error('one was found')
    return found
  }

  other(seat: Seat): Seat {
    return this.#seat(seat === this.seats[0] ? 1 : 0)
  }

  /** Starts a sidecar again that was killed, with a clock that is `aheadMs` ahead. */
  async restart(seat: Seat, aheadMs = 0): Promise<void> {
    seat.sidecar = await serve(seat.rig.home, this.#law.args, aheadMs)
  }

  /** Agents ask both sidecars from now on. */
  load(): void {
    this.#isLoaded = true
    const callers = this.seats.flatMap((seat, place) =>
      Array.from({ length: CALLERS }, () => this.#ask(seat, place === 0 ? 'alpha' : 'hedger')),
    )
    this.#load = Promise.all(callers).then(() => undefined)
  }

  /** … until now; all that was asked is answered. */
  async unload(): Promise<void> {
    this.#isLoaded = false
    await this.#load
  }

  /** Ends the load, lets the sidecars come to rest, and says what is wrong with what they left. */
  async story(): Promise<Findings> {
    await this.unload()
    await this.homeNow()
    const redis = await this.connectNow()
    // Permits lapse meanwhile. What never comes to be the same is told by the check.
    for (let left = 400; ; left -= 1) {
      const log = await logLines(redis)
      const journals = Object.fromEntries(
        this.seats.map(({ name, rig: { journal } }) => [name, journalLines(journal)]),
      )
      const isSame = Object.values(journals).every(({ length }) => length === log.lines.length)
      if (isSame || left === 0) {
        redis.disconnect()
        return check(log, journals, this.heard)
      }
      await pause(50)
    }
  }

  /** Resolves when so many more verdicts were heard. */
  async hears(more: number): Promise<void> {
    const from = this.heard.length
    await until(`${more} more verdicts`, () => this.heard.length >= from + more, 20_000)
  }

  /** Milliseconds until `seat` gives a verdict. */
  async decidesWithin(seat: Seat): Promise<number> {
    const began = performance.now()
    const body = { id: uuidv7(), agent: 'hedger', action: order({ quantity: 1 }) }
    for (;;) {
      const answer = await this.#call(seat, 'hedger', '/v1/actions', body).catch(() => undefined)
      if (answer?.status === 200) return performance.now() - began
      if (performance.now() - began > 20_000) throw new Error(`${seat.name} gives no verdict`)
    }
  }

  /** Why `seat` does not judge an order that is new; `undefined` where it does, or does not answer. */
  async refusalOf(seat: Seat): Promise<string | undefined> {
    const body = { id: uuidv7(), agent: 'hedger', action: order({ quantity: 1 }) }
    const answer = await this.#call(seat, 'hedger', '/v1/actions', body).catch(() => undefined)
    return answer === undefined || answer.status === 200 ? undefined : String(answer.body.code)
  }

  /** Calls a sidecar as the holder of a token. */
  post(seat: Seat, as: string, path: string, body: unknown): ReturnType<typeof callAt> {
    return this.#call(seat, as, path, body)
  }

  /** Whether `seat` says that it waits for the sidecar called `name`. */
  async waitsFor(seat: Seat, name: string): Promise<boolean> {
    const ready = await callAt(seat.sidecar.base, 'GET', '/readyz', { withinMs: CALL_MS_MAX }).catch(
      () => undefined,
    )
    return ready?.status === 503 && String(ready.body.why).includes(`\`${name}\``)
  }

  /** Whether a halt was asked to be resumed by an operator, now or before. */
  async resumes(seat: Seat, operator: string, halt: string): Promise<boolean> {
    const headers = { authorization: `Bearer ${seat.rig.token(operator)}` }
    const answer = await callAt(seat.sidecar.base, 'DELETE', `/v1/halts/${halt}`, {
      body: { reason: 'chaos' },
      headers,
      withinMs: CALL_MS_MAX,
    }).catch(() => undefined)
    return (
      answer?.status === 200 || ['HALT_SECOND_OPERATOR', 'HALT_UNKNOWN'].includes(String(answer?.body.code))
    )
  }

  /** A connection to whatever server is master now. */
  async connectNow(): Promise<Redis> {
    return new Redis((this.trio === undefined ? this.redis : await this.trio.master()).url)
  }

  connect(): Redis {
    return new Redis(this.redis.url)
  }

  async end(): Promise<void> {
    await this.unload()
    for (const { sidecar, rig } of this.seats) {
      sidecar.child.kill('SIGCONT')
      await sidecar.kill()
      rmSync(rig.home, { recursive: true, force: true })
    }
    for (const { line } of this.seats) await line?.end()
    await (this.trio ?? this.redis).end()
    rmSync(this.#law.directory, { recursive: true, force: true })
  }

  #seat(place: number): Seat {
    const seat = this.seats[place]
    if (seat === undefined) throw new Error('there are two')
    return seat
  }

  #call(seat: Seat, as: string, path: string, body: unknown): ReturnType<typeof callAt> {
    const headers = { authorization: `Bearer ${seat.rig.token(as)}` }
    // Whoever is stopped would hold up its callers.
    return callAt(seat.sidecar.base, 'POST', path, { body, headers, withinMs: CALL_MS_MAX })
  }

  /** Asks, and asks again under the same id until there is a verdict, of whichever sidecar answers. */
  async #ask(first: Seat, agent: string): Promise<void> {
    while (this.#isLoaded) {
      const body = { id: uuidv7(), agent, action: order({ quantity: 1 + (this.heard.length % 3) }) }
      let known: HeardVerdict | undefined
      for (let turn = 0; turn < 40 && known === undefined; turn += 1) {
        const seat = turn % 2 === 0 ? first : this.other(first)
        const answer = await this.#call(seat, agent, '/v1/actions', body).catch(() => undefined)
        if (answer?.status === 200) known = this.#hear(answer.body)
        else {
          const code = typeof answer?.body.code === 'string' ? answer.body.code : 'no answer'
          this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1)
          // Held back at the last look: what was decided stays decided and is not to be sent.
          if (code === 'VERDICT_EXPIRED') break
          await pause(20)
        }
      }
      if (known === undefined) continue
      const again = await this.#call(this.other(first), agent, '/v1/actions', body).catch(() => undefined)
      if (again?.status !== 200) continue
      const second = this.#hear(again.body)
      if (
        second.decision !== known.decision ||
        second.sequence !== known.sequence ||
        second.verdict !== known.verdict
      )
        this.contradictions.push(
          `${known.decision}: ${JSON.stringify(known)}, then ${JSON.stringify(second)}`,
        )
    }
  }

  #hear(body: Record<string, unknown>): HeardVerdict {
    const verdict = body as unknown as HeardVerdict
    this.heard.push(verdict)
    return verdict
  }
}
