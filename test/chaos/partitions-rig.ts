/** Three real sidecars with several partitions over one real Redis, desks that ask all of them without pause, and what they heard. */
import { appendFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { v7 as uuidv7 } from 'uuid'
import { nameOfPartition } from '../../src/protocol/partition.ts'
import { desksOf, registerDesks, type Desk } from '../support/desks.ts'
import { callAt, until, type Answer } from '../support/http.ts'
import { instrument, order, portfolio, price } from '../support/market.ts'
import { RedisServer } from '../support/redis.ts'
import { Rig } from '../support/sidecar.ts'
import { serve, type CliSidecar } from './cli-sidecar.ts'
import type { HeardVerdict } from './cluster-check.ts'
import { writeLaw } from './cluster-law.ts'

const OF = 4
const CALL_MS_MAX = 3_000
/** Callers of each desk. */
const CALLERS = 2

export interface Seat {
  readonly name: string
  readonly rig: Rig
  sidecar: CliSidecar | undefined
}

/** Who is home to a partition, as a sidecar says it. */
interface Place {
  readonly partition: string
  readonly home: string
  readonly isHome: boolean
}

export class PartitionsRig {
  readonly redis: RedisServer
  readonly seats: readonly Seat[]
  readonly desks = desksOf(OF)
  readonly partitions = Array.from({ length: OF }, (_, number) => nameOfPartition(number))
  /** By partition. */
  readonly heard = new Map<string, HeardVerdict[]>(this.partitions.map((name) => [name, []]))
  readonly refusals = new Map<string, number>()
  readonly contradictions: string[] = []
  readonly #law: ReturnType<typeof writeLaw>
  #isLoaded = false
  #load: Promise<void> = Promise.resolve()

  private constructor(redis: RedisServer, law: ReturnType<typeof writeLaw>, seats: readonly Seat[]) {
    this.redis = redis
    this.#law = law
    this.seats = seats
  }

  /** Starts the server and those `names` that are told; the others may join later. */
  static async start(all: readonly string[], names: readonly string[]): Promise<PartitionsRig> {
    const redis = await RedisServer.start()
    const seats = all.map((name): Seat => {
      const rig = new Rig()
      const { url } = redis
      appendFileSync(
        join(rig.home, 'config.yaml'),
        `redis: { url: '${url}', name: ${name}, partitions: ${OF} }\n`,
      )
      return { name, rig, sidecar: undefined }
    })
    const it = new PartitionsRig(redis, writeLaw(), seats)
    for (const seat of seats) if (names.includes(seat.name)) await it.join(seat)
    const [first] = seats
    if (first === undefined) throw new Error('there is one')
    const post = (path: string, as: string, body: unknown): Promise<Answer> =>
      it.call(first, 'POST', path, as, body)
    await registerDesks({ post } as unknown as Rig, it.desks)
    const at = Date.now() - 1
    const portfolios = it.desks.map(({ account }) => portfolio(at, 0, account))
    const observed = await post('/v1/observations', 'feed', [
      instrument(at),
      price(at, 'nyse'),
      price(at, 'bats'),
      ...portfolios,
    ])
    if (observed.status !== 200) throw new Error(`the market was not taken: ${observed.text}`)
    return it
  }

  seat(name: string): Seat {
    const found = this.seats.find((seat) => seat.name === name)
    if (found === undefined) throw new Error(`there is no ${name}`)
    return found
  }

  async join(seat: Seat): Promise<void> {
    seat.sidecar = await serve(seat.rig.home, this.#law.args)
  }

  async kill(seat: Seat): Promise<void> {
    const { sidecar } = seat
    seat.sidecar = undefined
    await sidecar?.kill()
  }

  call(seat: Seat, method: string, path: string, as: string, body?: unknown): Promise<Answer> {
    const headers = { authorization: `Bearer ${seat.rig.token(as)}` }
    const base = seat.sidecar?.base ?? 'http://127.0.0.1:1'
    return callAt(base, method, path, {
      ...(body === undefined ? {} : { body }),
      headers,
      withinMs: CALL_MS_MAX,
    })
  }

  /** Who is home to each, as a living sidecar says it; none while it is not ready. */
  async places(seat: Seat): Promise<readonly Place[]> {
    const ready = await callAt(seat.sidecar?.base ?? 'http://127.0.0.1:1', 'GET', '/readyz').catch(
      () => undefined,
    )
    return ready?.status === 200 ? (ready.body.partitions as Place[]) : []
  }

  get living(): readonly Seat[] {
    return this.seats.filter(({ sidecar }) => sidecar !== undefined)
  }

  /** The desks ask from now on. */
  load(): void {
    this.#isLoaded = true
    const callers = this.desks.flatMap((desk, number) =>
      Array.from({ length: CALLERS }, (_, place) =>
        this.#ask(desk, this.partitions[number] ?? '', number + place),
      ),
    )
    this.#load = Promise.all(callers).then(() => undefined)
  }

  async unload(): Promise<void> {
    this.#isLoaded = false
    await this.#load
  }

  /** Resolves when each desk has heard so many more verdicts. */
  async hears(more: number): Promise<void> {
    const from = new Map([...this.heard].map(([name, all]) => [name, all.length]))
    await until(
      `${more} more verdicts for each desk`,
      () => [...this.heard].every(([name, all]) => all.length >= (from.get(name) ?? 0) + more),
      40_000,
    )
  }

  connect(): Redis {
    return new Redis(this.redis.url)
  }

  async end(): Promise<void> {
    await this.unload()
    for (const seat of this.seats) {
      await this.kill(seat)
      rmSync(seat.rig.home, { recursive: true, force: true })
    }
    await this.redis.end()
    rmSync(this.#law.directory, { recursive: true, force: true })
  }

  /** Asks, and asks again under the same id until there is a verdict, of whichever sidecar lives. */
  async #ask({ agent, account }: Desk, partition: string, place: number): Promise<void> {
    let turn = place
    while (this.#isLoaded) {
      turn += 1
      const body = { id: uuidv7(), agent, action: order({ account, quantity: 1 + (turn % 3) }) }
      const first = await this.#verdict(body, turn, partition)
      if (first === undefined) continue
      const again = await this.#verdict(body, turn + 1, partition)
      if (again !== undefined && (again.decision !== first.decision || again.verdict !== first.verdict))
        this.contradictions.push(`${first.decision}: ${JSON.stringify(first)}, then ${JSON.stringify(again)}`)
    }
  }

  async #verdict(
    body: { readonly id: string; readonly agent: string },
    turn: number,
    partition: string,
  ): Promise<HeardVerdict | undefined> {
    for (let asked = 0; asked < 60; asked += 1) {
      const { living } = this
      const seat = living[(turn + asked) % Math.max(1, living.length)]
      const answer =
        seat && (await this.call(seat, 'POST', '/v1/actions', body.agent, body).catch(() => undefined))
      if (answer?.status === 200) {
        const verdict = answer.body as unknown as HeardVerdict & { readonly partition: string }
        if (verdict.partition !== partition)
          this.contradictions.push(`${verdict.decision} of ${partition} was decided in ${verdict.partition}`)
        this.heard.get(partition)?.push(verdict)
        return verdict
      }
      const code = typeof answer?.body.code === 'string' ? answer.body.code : 'no answer'
      const refusal = `${code} ${String(answer?.body.detail)}`
      this.refusals.set(refusal, (this.refusals.get(refusal) ?? 0) + 1)
      // Held back at the last look: what was decided stays decided and is not to be sent.
      if (['VERDICT_EXPIRED', 'HALTED_SINCE'].includes(code)) return undefined
      await pause(20)
    }
    return undefined
  }
}
