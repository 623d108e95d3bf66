/** Three real sidecars with several partitions over a real Redis, desks that ask all of them without pause, and what they heard and left behind. */
import { appendFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Cluster, Redis } from 'ioredis'
import { expect } from 'vitest'
import { v7 as uuidv7 } from 'uuid'
import { nameOfPartition } from '../../src/protocol/partition.ts'
import { desksOf, registerDesks, type Desk } from '../support/desks.ts'
import { callAt, until, type Answer } from '../support/http.ts'
import { instrument, order, portfolio, price } from '../support/market.ts'
import { Rig } from '../support/sidecar.ts'
import { shareOf } from '../../src/sidecar/share.ts'
import { serve, type CliSidecar } from './cli-sidecar.ts'
import { check, journalLines, logLines, type Findings, type HeardVerdict } from './cluster-check.ts'
import { writeLaw } from './cluster-law.ts'
import { checkAcross } from './partitions-check.ts'

const CALL_MS_MAX = 3_000
/** Callers of each desk. */
const CALLERS = 2

/** A Redis of any kind. */
interface Place {
  readonly url: string
  connect(): Redis | Cluster
  end(): Promise<void>
}

export interface Seat {
  readonly name: string
  readonly rig: Rig
  sidecar: CliSidecar | undefined
}

/** Who is home to a partition, as a sidecar says it. */
interface Held {
  readonly partition: string
  readonly home: string
  readonly isHome: boolean
}

export class PartitionsRig {
  readonly seats: readonly Seat[]
  readonly desks: readonly Desk[]
  readonly partitions: readonly string[]
  /** By partition. */
  readonly heard: ReadonlyMap<string, HeardVerdict[]>
  readonly refusals = new Map<string, number>()
  readonly contradictions: string[] = []
  readonly #redis: Place
  readonly #law: ReturnType<typeof writeLaw>
  #isLoaded = false
  #load: Promise<void> = Promise.resolve()

  private constructor(redis: Place, of: number, seats: readonly Seat[]) {
    this.#redis = redis
    this.#law = writeLaw()
    this.seats = seats
    this.desks = desksOf(of)
    this.partitions = this.desks.map((_, number) => nameOfPartition(number))
    this.heard = new Map(this.partitions.map((name) => [name, []]))
  }

  /** Starts those `names` that are told, with `of` partitions over a Redis that ends with them; the others may join later. */
  static async start(
    redis: Place,
    of: number,
    { all, names = all }: { readonly all: readonly string[]; readonly names?: readonly string[] },
  ): Promise<PartitionsRig> {
    const seats = all.map((name): Seat => {
      const rig = new Rig()
      const { url } = redis
      appendFileSync(
        join(rig.home, 'config.yaml'),
        `redis: { url: '${url}', name: ${name}, partitions: ${of} }\n`,
      )
      return { name, rig, sidecar: undefined }
    })
    const it = new PartitionsRig(redis, of, seats)
    for (const seat of seats) if (names.includes(seat.name)) await it.join(seat)
    const [first] = seats
    if (first === undefined) throw new Error('there is one')
    // What a busy home has not answered is asked again: it is the same the second time.
    const post = async (path: string, as: string, body: unknown): Promise<Answer> => {
      let answer = await it.call(first, 'POST', path, as, body)
      await until(
        `${path} is answered`,
        async () =>
          answer.status !== 503 || (answer = await it.call(first, 'POST', path, as, body)).status !== 503,
      )
      return answer
    }
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
  async places(seat: Seat): Promise<readonly Held[]> {
    const ready = await callAt(seat.sidecar?.base ?? 'http://127.0.0.1:1', 'GET', '/readyz').catch(
      () => undefined,
    )
    return ready?.status === 200 ? (ready.body.partitions as Held[]) : []
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

  /** Resolves when each desk has come up to its limit: nothing else denies. */
  async cameToLimits(): Promise<void> {
    await until(
      'a denial for each desk',
      () => [...this.heard.values()].every((all) => all.some(({ verdict }) => verdict === 'deny')),
      40_000,
    )
  }

  /** Resolves when each partition lies where it should among those that live, as all of them say. */
  async sharedOut(): Promise<void> {
    const names = this.living.map(({ name }) => name)
    const wanted = this.partitions.map((partition) => shareOf(partition, names))
    await until(
      `the partitions lie with ${wanted.join(', ')}`,
      async () => {
        const said = await Promise.all(this.living.map((seat) => this.places(seat)))
        return said.every((places) => wanted.every((name, number) => places[number]?.home === name))
      },
      30_000,
    )
  }

  /** Ends the load, and holds all that is left against the law and what was heard; what was found of each partition. */
  async expectOneStory(): Promise<readonly Findings[]> {
    await this.unload()
    await until(
      'all are ready',
      async () =>
        (await Promise.all(this.living.map((seat) => this.places(seat)))).every(({ length }) => length > 0),
      30_000,
    )
    const redis = this.#redis.connect()
    const journalOf = ({ rig: { journal } }: Seat, partition: string): string[] =>
      journalLines(join(journal, partition))
    const logs = new Map<string, readonly string[]>()
    const all: Findings[] = []
    for (const partition of this.partitions) {
      // Permits lapse meanwhile: a journal may have more by the time it is read.
      const log = await logLines(redis, partition)
      const read = (seat: Seat): string[] => journalOf(seat, partition).slice(0, log.lines.length)
      await until(
        `all have read ${partition} up to record ${log.lines.length}`,
        () => this.living.every((seat) => read(seat).length === log.lines.length),
        20_000,
      )
      const journals = Object.fromEntries(this.living.map((seat) => [seat.name, read(seat)]))
      const found = check(log, journals, this.heard.get(partition) ?? [])
      expect({ partition, violations: found.violations }).toEqual({ partition, violations: [] })
      all.push(found)
      logs.set(partition, log.lines)
    }
    const halts = await redis.xrange('ephor:halts', '-', '+')
    redis.disconnect()
    const raised = halts.flatMap(([entry, [kind]]) => (kind === 'halt' ? [entry] : []))
    expect(checkAcross(logs, raised)).toEqual([])
    expect(this.contradictions).toEqual([])
    return all
  }

  async end(): Promise<void> {
    await this.unload()
    for (const seat of this.seats) {
      await this.kill(seat)
      rmSync(seat.rig.home, { recursive: true, force: true })
    }
    await this.#redis.end()
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
