/** One simulated sidecar: the real member, lease, shipping and forwarding over a cluster in memory, with a clock of its own; it can be stopped, cut off and killed. */
import type { Clock, Timers } from '../../src/base/clock.ts'
import { EphorError } from '../../src/base/errors.ts'
import type { Cluster, Halts, InboxPlaces, Unreachable } from '../../src/cluster/cluster.ts'
import { heldBack } from '../../src/engine/redeeming.ts'
import type { Input } from '../../src/engine/step.ts'
import type { DecisionCore } from '../../src/protocol/decision.ts'
import type { Event } from '../../src/protocol/event.ts'
import { Lookout } from '../../src/sidecar/lookout.ts'
import { Forwarding } from '../../src/sidecar/forwarding.ts'
import { Member } from '../../src/sidecar/member.ts'
import type { MemberReport } from '../../src/sidecar/member-options.ts'
import { SimulatedBook, type States } from './book.ts'
import type { Core } from './faults.ts'
import { PROGRAM } from './law.ts'
import type { Schedule } from './schedule.ts'

/** What a host is put into. */
export interface Surroundings {
  readonly schedule: Schedule
  readonly chance: () => number
  readonly start: number
  readonly core: Core
  readonly states: States
  readonly connect: (name: string) => Cluster
  /** The disk of a home fails now and then, while faults are on. */
  readonly diskFails: () => boolean
  readonly must: (holds: boolean, invariant: string, detail: () => string) => void
  readonly reported: (name: string, report: MemberReport) => void
}

export type Told =
  | {
      readonly kind: 'verdict'
      readonly decision: DecisionCore
      readonly sequence: number
      readonly line: string
    }
  | { readonly kind: 'done' }

const DISK_FAILED = 'the disk failed'
const TICK_MS = 50

export class Host {
  readonly name: string
  readonly #around: Surroundings
  readonly #skewMs: number
  /** Raised by each crash: what belongs to an earlier life never goes on. */
  #life = 0
  #isUp = false
  #isPaused = false
  isCutOff = false
  #backlog: (() => void)[] = []
  #disk: string[] = []
  /** Agents of whose halt was heard since it runs. */
  readonly #stopped = new Set<string>()
  book!: SimulatedBook
  member!: Member
  #forwarding!: Forwarding
  #lookout!: Lookout

  constructor(name: string, around: Surroundings) {
    this.name = name
    this.#around = around
    this.#skewMs = Math.floor(around.chance() * 900) - 450
  }

  get isUp(): boolean {
    return this.#isUp
  }

  get isWell(): boolean {
    return this.#isUp && !this.#isPaused && this.member.unready === undefined
  }

  get failedDisk(): boolean {
    return this.book.failed?.detail.includes(DISK_FAILED) === true
  }

  /** Starts it, from what its disk holds. */
  boot(): void {
    if (this.#isUp) return
    this.#isUp = true
    this.#isPaused = false
    this.#stopped.clear()
    this.#life += 1
    const life = this.#life
    const { core, connect } = this.#around
    const cluster = core.cluster(this.#wired(life, connect(this.name)))
    const timers = this.#timers(life)
    const open = (): void => {
      this.book = this.#open(life)
    }
    const seat = {
      recorder: () => this.book,
      reopen: async (keepTo: number | undefined) => {
        await this.book.closed()
        const aside = keepTo === undefined ? [] : this.#disk.slice(keepTo)
        if (keepTo !== undefined) this.#disk = this.#disk.slice(0, keepTo)
        open()
        return aside.length === 0
          ? null
          : { file: 'memory', first: this.#disk.length + 1, records: aside.length }
      },
    }
    const texts = [[PROGRAM.constitution.hash, PROGRAM.constitution.text]] as const
    this.#lookout = new Lookout(cluster.halts, () => this.book, timers)
    this.member = new Member(
      {
        cluster,
        timers,
        lookout: this.#lookout,
        clock: this.clock,
        store: { programOf: () => PROGRAM, learn: () => PROGRAM, texts: () => texts.values() },
        report: (report) => this.#around.reported(this.name, report),
      } as ConstructorParameters<typeof Member>[0],
      seat,
    )
    this.#forwarding = new Forwarding(cluster.inbox, this.#lookout, timers)
    open()
    this.member.join().catch(() => undefined)
    timers.every(TICK_MS, () => this.#tick())
  }

  /** Kills it: of what it wrote, what was synced is there, and of the rest as much as chance has it. */
  crash(): void {
    if (!this.#isUp) return
    const { synced, disk } = this.book
    const kept = synced + Math.floor(this.#around.chance() * (disk.length - synced + 1))
    this.#disk = disk.slice(0, kept)
    this.#isUp = false
    this.#life += 1
    this.#backlog = []
  }

  pause(): void {
    this.#isPaused = true
  }

  resume(): void {
    this.#isPaused = false
    const backlog = this.#backlog
    this.#backlog = []
    for (const run of backlog) run()
  }

  readonly clock: Clock = {
    now: () => Math.floor(this.#around.start + this.#around.schedule.now + this.#skewMs),
    steadyMicros: () => Math.round(this.#around.schedule.now * 1000),
  }

  /** What a caller of this sidecar is told; the way is that of `sidecar/sidecar.ts`. */
  async submit(input: Input): Promise<Told> {
    const { member } = this
    if (input.kind === 'halt') {
      await this.#forwarding.raise(input)
      return { kind: 'done' }
    }
    await member.ready()
    if (!member.isHome) {
      const forwarded = await this.#forwarding.forward(input)
      return forwarded.kind === 'verdict' ? this.#verdict(forwarded.sequence) : { kind: 'done' }
    }
    member.takeHalts()
    // The one that is open now: it may have been opened anew meanwhile.
    const { book } = this
    const made = book.record(input)
    this.#lookout.tell(made)
    await member.whileHome(made.durable)
    book.show(made)
    member.assertHome()
    const { effect } = made
    if (effect?.kind === 'refuse') throw new EphorError(effect.code, effect.detail)
    return effect?.kind === 'answer' || effect?.kind === 'recall'
      ? this.#verdict(effect.sequence)
      : { kind: 'done' }
  }

  /** Calls `run` in this host, when it runs. */
  enter(run: () => void, life = this.#life): void {
    if (life !== this.#life) return
    if (this.#isPaused) this.#backlog.push(() => this.enter(run, life))
    else run()
  }

  async #verdict(sequence: number): Promise<Told> {
    const line = this.book.lines[sequence - 1] ?? ''
    const { decision } = (JSON.parse(line) as { event: { decision: DecisionCore } }).event
    if (decision.verdict === 'allow') {
      await this.#lookout.inTouch()
      this.#lookout.assertFree(decision.decision, { ...decision, agent: decision.request.agent })
    }
    const held = heldBack(this.book.state, decision, this.book.now())
    if (held !== undefined) throw new EphorError(held.code, held.detail)
    this.#around.must(
      decision.verdict !== 'allow' || !this.#stopped.has(decision.request.agent),
      'a halt that was heard holds',
      () => `${this.name} lets ${decision.decision} out`,
    )
    return { kind: 'verdict', decision, sequence, line }
  }

  #open(life: number): SimulatedBook {
    const { core, chance, diskFails, states } = this.#around
    const timers = this.#timers(life)
    const book: SimulatedBook = new SimulatedBook(this.#disk, {
      now: () => this.clock.now(),
      sync: async () => {
        await timers.pause(chance() < 0.02 ? chance() * 80 : 0.1 + chance())
        if (this.member.isHome && diskFails()) throw new Error(DISK_FAILED)
      },
      beforeRelease: core.beforeRelease((first, lines) => this.member.beforeRelease(first, lines)),
      handleDelivered: core.handleDelivered,
      states,
      hear: (event: Event) => this.#forwarding.hear(event),
    })
    return book
  }

  #tick(): void {
    const { member, book } = this
    if (!member.isHome || member.unready !== undefined || book.failed !== null) return
    const made = book.record({ kind: 'tick', listeningSince: 0 })
    made.durable.then(
      () => book.show(made),
      () => undefined,
    )
  }

  #timers(life: number): Timers {
    const { schedule } = this.#around
    const after = (ms: number, call: () => void): (() => void) =>
      schedule.after(ms, () => this.enter(call, life))
    const every = (ms: number, call: () => void): (() => void) => {
      let stop = (): void => {}
      const next = (): void => {
        stop = after(ms, () => {
          next()
          call()
        })
      }
      next()
      return () => stop()
    }
    return { after, every, pause: (ms) => new Promise((done) => after(ms, done)) }
  }

  /** The way to the cluster and back: replies take their time, come to nobody while it is stopped, and to no later life. */
  #wired(life: number, cluster: Cluster): Cluster {
    const back = <T>(call: () => Promise<T | Unreachable>): Promise<T | Unreachable> =>
      new Promise((done) => {
        const { schedule, chance } = this.#around
        const arrive = (result: T | Unreachable, ms: number): void => {
          schedule.after(ms, () => this.enter(() => done(result), life))
        }
        if (this.isCutOff) return arrive({ kind: 'unreachable', detail: 'cut off' }, 20)
        call().then(
          (result) =>
            this.isCutOff
              ? arrive({ kind: 'unreachable', detail: 'cut off' }, 20)
              : arrive(result, chance() < 0.01 ? chance() * 300 : 0.05 + chance() * 0.5),
          () => undefined,
        )
      })
    const { name, partition, place, lease, log, inbox, halts, texts, retention } = cluster
    return {
      name,
      partition,
      place,
      // Nobody archives here, and nothing waits for a report.
      retention,
      lease: {
        acquire: (floor, accepted) => back(() => lease.acquire(floor, accepted)),
        renew: (epoch) => back(() => lease.renew(epoch)),
        settle: (epoch) => back(() => lease.settle(epoch)),
        release: async (epoch) => {
          await lease.release(epoch)
        },
      },
      log: {
        append: (epoch, entries) => back(() => log.append(epoch, entries)),
        end: () => back(() => log.end()),
        read: (sequence, max, waitMs) => back(() => log.read(sequence, max, waitMs)),
      },
      inbox: {
        put: (...what) => back(() => inbox.put(...what)),
        // Now and then what was taken is delivered once more.
        take: (taken, max, waitMs) =>
          back(() => inbox.take(this.#around.chance() < 0.05 ? earlier(taken) : taken, max, waitMs)),
        trim: async (taken) => inbox.trim(taken),
      },
      halts: this.#heard(life, halts),
      payloads: cluster.payloads,
      texts: {
        keep: (hash, text) => back(() => texts.keep(hash, text)),
        text: (hash) => back(() => texts.text(hash)),
      },
      close: () => cluster.close(),
    }
  }

  /** The emergency lane, of which nothing is heard while the host is cut off. */
  #heard(life: number, halts: Halts): Halts {
    const { schedule } = this.#around
    let heardAt = schedule.now
    return {
      ...halts,
      hear: () => {
        const heard = this.isCutOff ? [] : halts.hear()
        for (const { kind, text } of heard) if (kind === 'halt') this.#stopped.add(haltedIn(text))
        return heard
      },
      ageMs: () => {
        if (!this.isCutOff) heardAt = schedule.now
        return schedule.now - heardAt
      },
      listen: (listener) =>
        halts.listen(() => schedule.after(0.5, () => this.isCutOff || this.enter(listener, life))),
    }
  }
}

/** The agent that a halt stops. */
function haltedIn(text: string): string {
  return (JSON.parse(text) as { request: { scope: { name: string } } }).request.scope.name
}

function earlier({ inbox, critical }: InboxPlaces): InboxPlaces {
  const before = (entry: string): string => `${Math.max(0, Number(entry.split('-')[0]) - 3)}-0`
  return { inbox: before(inbox), critical: before(critical) }
}
