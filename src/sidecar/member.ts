/** One sidecar's part in a cluster: it follows the log as a warm standby, takes the lease when it is free, and is home until it is not. */
import { systemTimers, type Timers } from '../base/clock.ts'
import { EphorError } from '../base/errors.ts'
import { PORTION_RECORDS_MAX as READ_MAX, RETRY_MS, type LogEntry } from '../cluster/cluster.ts'
import type { SetAside } from '../journal/set-aside.ts'
import type { BeforeRelease } from '../journal/writer.ts'
import { align, assertNext, assertPlace } from './alignment.ts'
import { Contact } from './contact.ts'
import { learnFrom } from './delivery.ts'
import { FirstWatch } from './first-watch.ts'
import { LeaseKeeper } from './lease-keeper.ts'
import type { Lead, MemberOptions, Seat } from './member-options.ts'
import { followFirst } from './following.ts'
import { Progress } from './progress.ts'
import { prepare, promote, type PromotionParts } from './promotion.ts'
import { serveInbox } from './serving.ts'
import { Share } from './share.ts'
import { Shipping } from './shipping.ts'

/** Milliseconds between two looks at the lease of another. */
const LOOK_MS = 100

/** `joining` also between being home and following again; a home that is `leaving` tells what it recorded and takes nothing new. */
type Role = 'joining' | 'follower' | 'home' | 'leaving'

export class Member {
  readonly watch: FirstWatch
  readonly #options: MemberOptions
  readonly #seat: Seat
  readonly #lease: LeaseKeeper
  readonly #shipping: Shipping
  readonly #progress: Progress
  readonly #timers: Timers
  #role: Role = 'joining'
  #promotedAt = 0
  readonly #contact = new Contact(() => this.#steady())
  /** The home that another is waited for. */
  #absent: string | undefined
  /** Why it takes no part any more. */
  #stopped: EphorError | undefined
  #isClosing = false
  /** Between giving a partition up in good order and following who has it. */
  #isHandedOver = false
  #running: Promise<void> = Promise.resolve()
  #joined: (() => void)[] = []

  constructor(options: MemberOptions, seat: Seat) {
    this.#options = options
    this.#seat = seat
    const { clock, timers = systemTimers } = options
    this.#timers = timers
    this.watch = new FirstWatch(options.cluster.first !== undefined, () => this.#steady())
    this.#lease = new LeaseKeeper(
      options.cluster.lease,
      { clock, timers },
      {
        // Before the promotion it comes with the epoch of then.
        retaken: async () => (this.#hasReleases ? promote(this.#promotion) : undefined),
        lost: (reason) => this.#lose(reason),
      },
    )
    this.#progress = new Progress(options.cluster, () => this.#steady())
    this.#shipping = new Shipping({
      log: options.cluster.log,
      lease: this.#lease,
      timers,
      book: seat.recorder,
      lost: (reason) => this.#lose(reason),
    })
    options.cluster.halts.listen(() => this.takeHalts())
  }

  get isHome(): boolean {
    return this.#role === 'home'
  }

  /** Whether what it recorded as home may still be on its way out. */
  get #hasReleases(): boolean {
    return this.#role === 'home' || this.#role === 'leaving'
  }

  /** The wall time of the last promotion: what came before, this sidecar did not hear. */
  get promotedAt(): number {
    return this.#promotedAt
  }

  /** Why nothing new is decided through this sidecar now; `undefined` when all is well. */
  get unready(): EphorError | undefined {
    if (this.#role === 'home')
      return this.#lease.isSure
        ? undefined
        : new EphorError('CLUSTER_UNREACHABLE', 'the lease could not be renewed in time')
    if (this.#contact.isOld && this.#role === 'follower')
      return new EphorError('CLUSTER_UNREACHABLE', this.#contact.why)
    // What comes between two homes waits in the inbox.
    if (this.#role === 'leaving' || (this.#role === 'joining' && this.#isHandedOver)) return undefined
    if (this.#role === 'joining') return new EphorError('HOME_UNKNOWN', this.#contact.why)
    return this.#absent === undefined
      ? undefined
      : new EphorError('HOME_UNKNOWN', `waiting for \`${this.#absent}\`, which was home last: ${OFFER}`)
  }

  /** Begins; resolves when this sidecar is ready for the first time. Rejects when its journal is of another history. */
  async join(): Promise<void> {
    const joined = new Promise<void>((done) => this.#joined.push(done))
    this.#running = this.#run()
    await Promise.race([joined, this.#running])
    if (this.#role === 'joining' && !this.#isClosing)
      throw this.#stopped ?? new EphorError('LOG_DIFFERS', this.#contact.why)
  }

  /** Resolves when inputs are taken; rejects with why they are not. */
  async ready(): Promise<void> {
    if (this.isHome) await this.#lease.makeSure()
    if (this.isHome && this.watch.isNew) await this.watch.looked(this.#timers)
    const why = this.unready
    if (why !== undefined) throw why
  }

  /** What a home records goes to the log before anybody is told. */
  get beforeRelease(): BeforeRelease {
    return this.#shipping.beforeRelease
  }

  /** Takes the halts that were heard, before anything else is judged; does nothing where another is home. */
  takeHalts(): void {
    for (const each of this.#options.lookout.untaken()) {
      if (!this.isHome || !this.#lease.isSure) return
      const recorder = this.#seat.recorder()
      if (recorder.failed !== null) return
      const made = recorder.recordDelivered(each)
      // A journal that fails says so to everybody who asks from now on.
      void made.durable.then(
        () => recorder.show(made),
        () => undefined,
      )
    }
  }

  /** Waits for what a home records; rejects as soon as it cannot be told any more. */
  whileHome(durable: Promise<void>): Promise<void> {
    return this.#lease.whileSure(durable)
  }

  /** Whether what is durable may still leave: not when another could be home by now. */
  assertHome(): void {
    if (!this.#hasReleases || !this.#lease.isSure)
      throw new EphorError('HOME_LOST', 'the lease was not surely held when the answer was to leave')
  }

  /** Stops being home in good order, and gives up the lease. */
  async leave(flushed: () => Promise<void>): Promise<void> {
    this.#isClosing = true
    const wasHome = this.isHome
    if (wasHome) await this.whileHome(flushed()).catch(() => undefined)
    this.#role = 'joining'
    this.#shipping.mode = 'nothing'
    if (wasHome) await this.#lease.giveUp()
    else this.#lease.end()
    await this.#options.cluster.close()
    await this.#running
  }

  #steady(): number {
    return this.#options.clock.steadyMicros() / 1000
  }

  async #run(): Promise<void> {
    while (!this.#isClosing) {
      try {
        const acquired = await this.#follow()
        // Who is leaving lets it run out: kept here, nothing would end it any more.
        if (acquired !== undefined && !this.#isClosing) await this.#lead(acquired)
      } catch (error) {
        this.#contact.why = error instanceof Error ? error.message : String(error)
        this.#isHandedOver = false
        if (error instanceof EphorError && error.code !== 'HOME_LOST') {
          this.#role = 'joining'
          this.#stopped = error
          this.#options.report?.({ kind: 'stopped', reason: this.#contact.why })
          return
        }
        await this.#timers.pause(RETRY_MS)
      }
    }
  }

  /** Follows the log until the lease is had. */
  async #follow(): Promise<Lead | undefined> {
    assertPlace(this.#options.cluster, this.#seat.recorder().state)
    const isAligned = await this.#align()
    let look = 0
    while (!this.#isClosing) {
      const recorder = this.#seat.recorder()
      const wait = Math.max(0, Math.ceil(look - this.#steady()))
      if (isAligned) {
        const read = await this.#options.cluster.log.read(recorder.end.sequence, READ_MAX, wait)
        if (!this.#contact.reached(read)) {
          await this.#timers.pause(RETRY_MS)
          continue
        }
        if (read.entries.length > 0) {
          await this.#copy(read.entries)
          this.#progress.tell(recorder.durable.sequence)
          // A log that never rests must not keep this one from saying that it follows.
          if (this.#steady() < look) continue
        }
      } else await this.#timers.pause(wait)
      if (this.#isClosing) return undefined
      const sent = this.#steady()
      const { epoch } = recorder.state.tenure
      const acquired = await this.#options.cluster.lease.acquire(epoch, this.#options.acceptAbsence)
      if (!this.#contact.reached(acquired)) {
        await this.#timers.pause(RETRY_MS)
        continue
      }
      if (acquired.kind === 'acquired') return { ...acquired, sent }
      this.#absent = acquired.kind === 'orphaned' ? acquired.holder : undefined
      look = this.#steady() + (acquired.kind === 'held' ? Math.min(acquired.leftMs, LOOK_MS) : LOOK_MS)
      // What goes beyond the log may turn out to be of another history by now.
      if (!isAligned) {
        await this.#timers.pause(LOOK_MS)
        return undefined
      }
      this.#become('follower')
      this.#progress.tell(recorder.durable.sequence)
    }
    return undefined
  }

  /** Brings the journal in line with the log; whether it is, or goes beyond it as that of the former home may. */
  async #align(): Promise<boolean> {
    const { cluster } = this.#options
    const before = this.#seat.recorder()
    const shipping = this.#shipping
    if (shipping.mode === 'nothing' && before.failed === null && shipping.isThrough(before.end.sequence))
      shipping.mode = 'copies'
    if (shipping.mode === 'nothing' || before.failed?.code === 'HOME_LOST') await this.#reopen(undefined)
    for (;;) {
      const recorder = this.#seat.recorder()
      if (recorder.failed !== null) throw recorder.failed
      const { end, state } = recorder
      const found = await align(cluster, recorder, this.#options.vouch)
      if (this.#isClosing) return false
      if (!this.#contact.reached(found)) {
        await this.#timers.pause(RETRY_MS)
        continue
      }
      if (found.kind === 'aligned') return true
      if (found.kind === 'strayed') {
        await this.#setAside(found.keepTo)
        continue
      }
      const { home, epoch } = state.tenure
      if (home === cluster.name || (epoch === 0 && found.end.sequence === 0)) return false
      this.#contact.why = `the log ends at record ${found.end.sequence} and this journal at ${end.sequence}: waiting for \`${home}\`, which was home last`
      await this.#timers.pause(LOOK_MS)
    }
  }

  /** Sets aside what the journal has after record `keepTo`: the log went on otherwise there. */
  async #setAside(keepTo: number): Promise<void> {
    const aside = await this.#reopen(keepTo)
    if (aside !== null) this.#options.report?.({ kind: 'setAside', ...aside })
  }

  async #reopen(keepTo: number | undefined): Promise<SetAside | null> {
    this.#role = 'joining'
    const aside = await this.#seat.reopen(keepTo)
    this.#shipping.mode = 'copies'
    return aside
  }

  async #copy(read: readonly LogEntry[]): Promise<void> {
    const { cluster, store, vouch } = this.#options
    assertNext(read, this.#seat.recorder().end.sequence)
    const entries = vouch !== undefined && read.length > 0 ? vouch(read) : read
    await learnFrom(entries, store, cluster.texts)
    await this.#seat.recorder().copy(entries.map(({ line }) => line))
    assertPlace(cluster, this.#seat.recorder().state)
  }

  /** What goes beyond the log may be of another history by now: somebody else was home before the lease came. */
  async #fit(): Promise<void> {
    for (;;) {
      const found = await align(this.#options.cluster, this.#seat.recorder(), this.#options.vouch)
      this.#lease.assertHeld()
      if (found.kind === 'unreachable') await this.#timers.pause(RETRY_MS)
      else if (found.kind === 'strayed') await this.#setAside(found.keepTo)
      else return
    }
  }

  /** Is home from the promotion on, until the lease is lost. */
  async #lead({ epoch, end, sent }: Lead): Promise<void> {
    const { cluster, report } = this.#options
    this.#lease.begin(epoch, sent)
    this.watch.begin()
    try {
      await this.#fit()
      for (let at = this.#seat.recorder().end.sequence; at < end.sequence;) {
        const read = await cluster.log.read(at, READ_MAX, 0)
        this.#lease.assertHeld()
        if (read.kind === 'unreachable') await this.#timers.pause(RETRY_MS)
        else await this.#copy(read.entries)
        at = this.#seat.recorder().end.sequence
      }
      await prepare(this.#promotion)
      await this.#lease.makeSure()
      // Only then nobody else was home since, and the log ends where it did.
      if (!this.#lease.isSure || this.#lease.epoch !== epoch)
        throw new EphorError('HOME_LOST', 'the lease was not surely held until the promotion')
      const recorder = this.#seat.recorder()
      this.#shipping.begin(end.sequence)
      await this.#shipping.offer(end.sequence + 1, recorder.end.sequence + 1)
      await promote(this.#promotion)
      this.#promotedAt = this.#options.clock.now()
      this.#become('home')
      this.#options.lookout.spread(recorder.state)
      const [{ sequence }, millis] = [recorder.end, this.#steady() - sent]
      report?.({ kind: 'promoted', epoch: this.#lease.epoch, sequence, millis })
      const [timers, book, lease] = [this.#timers, this.#seat.recorder, this.#lease]
      const following = {
        ...this.#options,
        timers,
        book,
        lease,
        watch: this.watch,
        isHome: () => this.isHome,
      }
      await Promise.all([this.#serve(), followFirst(following)])
    } finally {
      this.#role = 'joining'
      this.#shipping.mode = 'nothing'
      this.#lease.end()
    }
  }

  get #promotion(): PromotionParts {
    return { ...this.#options, lease: this.#lease, timers: this.#timers, book: this.#seat.recorder }
  }

  /** Takes inputs of other sidecars, until the lease is lost or another should be home. */
  async #serve(): Promise<void> {
    const other = await serveInbox({
      ...this.#options,
      lease: this.#lease,
      timers: this.#timers,
      book: this.#seat.recorder,
      watch: this.watch,
      progress: this.#progress,
      share: new Share(this.#options.cluster, () => this.#steady()),
      isHome: () => this.isHome && !this.#isClosing,
      takeHalts: () => this.takeHalts(),
    })
    if (other !== undefined) await this.#handOver(other)
  }

  /** Lets another be home in good order: what was recorded is told, and what comes meanwhile waits in the inbox for whoever is home next. */
  async #handOver(to: string): Promise<void> {
    this.#role = 'leaving'
    this.#isHandedOver = true
    await this.whileHome(this.#seat.recorder().flushed())
    // Whoever waited for a record is told in this turn.
    await this.#timers.pause(0)
    this.#lease.assertHeld()
    this.#shipping.mode = 'nothing'
    this.#role = 'joining'
    await this.#lease.giveUp(to)
    this.#options.report?.({ kind: 'handedOver', epoch: this.#lease.epoch, to })
  }

  #lose(reason: string): void {
    if (this.#shipping.mode === 'own') {
      this.#shipping.mode = 'nothing'
      this.#options.report?.({ kind: 'demoted', epoch: this.#lease.epoch, reason })
    }
    this.#role = 'joining'
    this.#isHandedOver = false
    this.#contact.why = `not home any more: ${reason}`
    this.#lease.end()
  }

  #become(role: Role): void {
    this.#role = role
    this.#isHandedOver = false
    if (this.unready !== undefined) return
    for (const done of this.#joined) done()
    this.#joined = []
  }
}

const OFFER = 'start it again, or start another with `--accept-absence` and its name when its journal is lost'
