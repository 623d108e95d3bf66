/** Simulated sidecars over one cluster in memory, agents, voters and a venue that use them, and faults of all kinds: by a seed, so that any run is played again. */
import { seeded } from '../../src/base/random.ts'
import { hashOfLine } from '../../src/cluster/cluster.ts'
import { MemoryStore, type Fault } from '../../src/cluster/memory.ts'
import { must, Broken } from '../simulation/broken.ts'
import { Actors } from './actors.ts'
import type { States } from './book.ts'
import { examine } from './examine.ts'
import type { Core } from './faults.ts'
import { Host, type Told } from './host.ts'
import { Schedule } from './schedule.ts'

const NAMES = ['one', 'two', 'three'] as const
/** Simulated milliseconds in which faults come. */
const TROUBLED_MS = 6_000
/** … and those after it, in which all must come to rest: who asked last waits for a vote that nobody ends before its deadline, about 15 s. */
const SETTLING_MS = 20_000
const START = Date.parse('2026-12-01T15:00:00Z')
/** A loop that goes round without time passing would never end. */
const STEPS_MAX = 400_000

export class World {
  readonly schedule = new Schedule()
  readonly chance: () => number
  readonly store: MemoryStore
  readonly hosts: readonly Host[]
  readonly seen = new Map<string, number>()
  readonly start = START
  readonly #actors: Actors
  /** What was released, by decision. */
  readonly #released = new Map<string, { readonly line: string; readonly sequence: number }>()
  #isTroubled = false
  #broken: Broken | undefined

  constructor(core: Core, seed: number) {
    this.chance = seeded(seed)
    const { schedule, chance } = this
    this.store = new MemoryStore({
      now: () => Math.floor(schedule.now),
      sleep: schedule.sleep,
      fault: (call) => this.#fault(call),
    })
    const states: States = new Map()
    this.hosts = NAMES.map(
      (name) =>
        new Host(name, {
          schedule,
          chance,
          start: START,
          core,
          states,
          connect: (who) => this.store.connect(who),
          must: (...what) => this.must(...what),
          diskFails: () => this.#isTroubled && chance() < 0.0005,
          reported: (who, report) => {
            this.sees(report.kind)
            if (report.kind !== 'stopped') return
            // Whoever watches over it starts it again, also where the trouble is over by then.
            if (this.#host(who).failedDisk) schedule.after(200, () => this.#crash(this.#host(who)))
            else this.#break(new Broken('nobody stops', `${who}: ${report.reason}`))
          },
        }),
    )
    this.#actors = new Actors(this)
  }

  sees(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1)
  }

  /** A sidecar by chance, running or not. */
  anyHost(): Host {
    return this.#host(NAMES[Math.floor(this.chance() * NAMES.length)] ?? 'one')
  }

  /** Holds a verdict that somebody heard against all that was heard before, and against the journals. */
  heard({ decision, line, sequence }: Told & { readonly kind: 'verdict' }, agent: string): void {
    this.#guard(() => {
      const before = this.#released.get(decision.decision)
      if (decision.verdict === 'pending') return
      must(
        before === undefined || before.line === line,
        'one outcome an id',
        () => `${agent} heard of ${decision.decision} ${before?.line} and ${line}`,
      )
      this.#released.set(decision.decision, { line, sequence })
      this.sees(decision.verdict)
    })
  }

  must(holds: boolean, invariant: string, detail: () => string): void {
    this.#guard(() => must(holds, invariant, detail))
  }

  /** Plays it to the end. Throws `Broken`. */
  async play(): Promise<this> {
    for (const host of this.hosts) host.boot()
    await this.#until('somebody is home', () => this.hosts.some(({ member }) => member.isHome))
    await this.#until('trading begins', this.#watch(this.#actors.open()))
    this.#isTroubled = true
    const isOver = this.#watch(this.#actors.trade(TROUBLED_MS))
    this.#trouble()
    const end = this.schedule.now + TROUBLED_MS
    await this.#until('the trouble is over', () => this.schedule.now >= end)
    this.#isTroubled = false
    for (const host of this.hosts) this.#heal(host)
    await this.#until('all who asked are answered', isOver)
    // One more record, so that what was left over in journals shows against it.
    await this.#until('the last word', this.#watch(this.#actors.last()))
    await this.#until('all are well', () => this.hosts.every(({ isWell }) => isWell))
    this.#check(await this.#wholeLog())
    return this
  }

  /** The log, once all have it: permits still lapse meanwhile. */
  async #wholeLog(): Promise<readonly string[]> {
    for (;;) {
      const lines = await this.#log()
      if (
        this.hosts.every(
          ({ book }) => book.durable.sequence === lines.length && book.lines.length === lines.length,
        )
      )
        return lines
      await this.#until('all have the whole log', this.#watch(this.schedule.sleep(20)))
      must(this.schedule.steps < STEPS_MAX, 'comes to rest', () => 'journals never are the log')
    }
  }

  async #log(): Promise<readonly string[]> {
    let lines: readonly string[] = []
    const read = async (): Promise<void> => {
      const found = await this.store.connect('auditor').log.read(0, 1_000_000, 0)
      if (found.kind === 'read') lines = found.entries.map(({ line }) => line)
    }
    await this.#until('the log is read', this.#watch(read()))
    return lines
  }

  #check(lines: readonly string[]): void {
    for (const { name, book } of this.hosts)
      must(
        book.lines.length === lines.length && book.lines.every((line, place) => line === lines[place]),
        'chains are equal',
        () => `the log has ${lines.length} records and the journal of ${name} ${book.lines.length}`,
      )
    for (const [id, { line, sequence }] of this.#released)
      must(
        lines[sequence - 1] === line,
        'no released verdict is lost',
        () => `${id} of record ${sequence} is not in the log`,
      )
    const counts = examine(lines)
    for (const [what, times] of Object.entries(counts))
      this.seen.set(what, times + (this.seen.get(what) ?? 0))
    const [first] = this.hosts
    this.seen.set(`end ${hashOfLine(lines.at(-1) ?? '').slice(0, 16)} ${first?.book.end.sequence}`, 1)
  }

  /** Faults, one after another, while they may come. */
  #trouble(): void {
    const { chance, schedule } = this
    if (!this.#isTroubled) return
    const host = this.anyHost()
    const drawn = chance()
    const after = (ms: number, run: () => void): void => {
      schedule.after(chance() * ms, run)
    }
    if (drawn < 0.3) this.#crash(host)
    else if (drawn < 0.6) {
      this.sees('paused')
      host.pause()
      after(1_500, () => host.resume())
    } else if (drawn < 0.85) {
      this.sees('cut off')
      host.isCutOff = true
      after(1_200, () => {
        host.isCutOff = false
      })
    } else {
      this.sees('redis restarted')
      if (chance() < 0.5) this.#crash(this.hosts.find(({ member }) => member.isHome) ?? host)
      this.store.restart(Math.floor(chance() * 4))
    }
    schedule.after(50 + chance() * 500, () => this.#trouble())
  }

  #crash(host: Host): void {
    if (!host.isUp) return
    this.sees('crashed')
    host.crash()
    this.schedule.after(this.chance() * 1_500, () => host.boot())
  }

  #heal(host: Host): void {
    host.isCutOff = false
    host.resume()
    host.boot()
  }

  /** What becomes of one call on its way to the cluster. */
  #fault(call: string): Fault {
    const { chance } = this
    if (call === 'hear') return { kind: 'none', delayMs: 0 }
    const delayMs = chance() < 0.01 ? chance() * 400 : 0.05 + chance() * 0.6
    // What is read is read again; what is written and not answered is where doubt comes in.
    if (!this.#isTroubled || ['read', 'take', 'hear'].includes(call)) return { kind: 'none', delayMs }
    const drawn = chance()
    const kind = drawn < 0.01 ? 'lost' : drawn < 0.02 ? 'unanswered' : drawn < 0.03 ? 'twice' : 'none'
    if (kind !== 'none') this.sees(kind)
    return { kind, delayMs }
  }

  async #until(what: string, holds: () => boolean): Promise<void> {
    const end = this.schedule.now + SETTLING_MS
    while (!holds()) {
      await this.schedule.step()
      if (this.#broken !== undefined) throw this.#broken
      must(
        this.schedule.now < end && this.schedule.steps < STEPS_MAX,
        'comes to rest',
        () =>
          `${what}: not after ${SETTLING_MS} ms: ${this.hosts.map(({ name, isUp, member }) => `${name} ${isUp ? (member.unready?.detail ?? 'is well') : 'is down'}`).join(', ')}`,
      )
    }
  }

  /** Whether `work` is done. What fails in it fails the run. */
  #watch(work: Promise<void>): () => boolean {
    let isDone = false
    const end = async (): Promise<void> => {
      try {
        await work
        isDone = true
      } catch (error) {
        this.#break(error instanceof Broken ? error : new Broken('works', String(error)))
      }
    }
    void end()
    return () => isDone
  }

  #guard(check: () => void): void {
    try {
      check()
    } catch (error) {
      this.#break(error as Broken)
    }
  }

  #break(broken: Broken): void {
    this.#broken ??= broken
  }

  #host(name: string): Host {
    const host = this.hosts.find((one) => one.name === name)
    if (host === undefined) throw new Error(`there is no ${name}`)
    return host
  }
}
