/** Renews a lease, and knows by this machine's steady clock for how long it is surely held. */
import type { Clock, Timers } from '../base/clock.ts'
import { EphorError } from '../base/errors.ts'
import { LEASE_MS, type Lease } from '../cluster/cluster.ts'

/** Milliseconds from one renewal to the next. */
const RENEW_MS = 100
/** For so long after a renewal was sent nobody else can have it; less than it lives, so that what is decided last can still leave. */
const SURE_MS = LEASE_MS - RENEW_MS

/** Who is told of what becomes of it. */
export interface LeaseListener {
  /** It is ours again after a restart of Redis, under a new epoch. */
  readonly retaken: () => Promise<void>
  readonly lost: (reason: string) => void
}

export class LeaseKeeper {
  readonly #lease: Lease
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #listener: LeaseListener
  #epoch = 0
  /** By the steady clock, in milliseconds. */
  #sureUntil = Number.NEGATIVE_INFINITY
  #stop: (() => void) | undefined
  #renewing: Promise<void> | undefined
  readonly #waiting = new Set<(error: EphorError) => void>()

  constructor(lease: Lease, { clock, timers }: { clock: Clock; timers: Timers }, listener: LeaseListener) {
    this.#lease = lease
    this.#clock = clock
    this.#timers = timers
    this.#listener = listener
  }

  /** The epoch it was taken under last. */
  get epoch(): number {
    return this.#epoch
  }

  /** Whether nothing has been heard that says it is lost. */
  get isHeld(): boolean {
    return this.#stop !== undefined
  }

  /** Whether no other can have it yet. */
  get isSure(): boolean {
    return this.isHeld && this.#steady() < this.#sureUntil
  }

  /** Keeps a lease that was acquired by a call sent at `sent`, in milliseconds of the steady clock. */
  begin(epoch: number, sent: number): void {
    this.end()
    this.#epoch = epoch
    this.#sureUntil = sent + SURE_MS
    this.#stop = this.#timers.every(RENEW_MS, () => this.#tick())
  }

  /** Stops renewing: whoever waits is told. */
  end(): void {
    this.#stop?.()
    this.#stop = undefined
    this.#refuse(new EphorError('HOME_LOST', 'another sidecar may be home'))
  }

  /** Renews it now where it is not sure, as after the process was held up, and waits a little for that. */
  async makeSure(): Promise<void> {
    if (!this.isHeld || this.isSure) return
    await Promise.race([this.#renewOnce(), this.#timers.pause(RENEW_MS)])
  }

  assertHeld(): void {
    if (!this.isHeld) throw new EphorError('HOME_LOST', 'the lease was lost')
  }

  /** For `successor` alone for a while, where one is named. */
  async giveUp(successor?: string): Promise<void> {
    this.end()
    await this.#lease.release(this.#epoch, successor)
  }

  /** Resolves when no renewal is on its way. */
  async renewed(): Promise<void> {
    await this.#renewing
  }

  /** What `done` comes to, unless the lease is not surely held any more before. */
  whileSure(done: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject)
      done.then(resolve, reject).finally(() => this.#waiting.delete(reject))
    })
  }

  #steady(): number {
    return this.#clock.steadyMicros() / 1000
  }

  #tick(): void {
    if (!this.isSure)
      this.#refuse(
        new EphorError(
          'CLUSTER_UNREACHABLE',
          'the lease could not be renewed in time; what was recorded is not in the log yet, so ask again with the same id',
        ),
      )
    void this.#renewOnce()
  }

  #renewOnce(): Promise<void> {
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined
    })
    return this.#renewing
  }

  async #renew(): Promise<void> {
    const epoch = this.#epoch
    const sent = this.#steady()
    const renewed = await this.#lease.renew(epoch)
    if (!this.isHeld) return
    if (renewed.kind === 'renewed') this.#sureUntil = sent + SURE_MS
    else if (renewed.kind === 'lost') this.#listener.lost(`epoch ${renewed.epoch} came after ${epoch}`)
    else if (renewed.kind === 'restarted') await this.#retake()
  }

  async #retake(): Promise<void> {
    const sent = this.#steady()
    const acquired = await this.#lease.acquire(this.#epoch)
    if (!this.isHeld || acquired.kind === 'unreachable') return
    if (acquired.kind !== 'acquired') {
      this.#listener.lost(`\`${acquired.holder}\` has the lease`)
      return
    }
    this.#epoch = acquired.epoch
    this.#sureUntil = sent + SURE_MS
    // Not waited for: it is durable only once the log is reached, which takes renewals.
    void this.#listener.retaken().catch(() => undefined)
  }

  #refuse(error: EphorError): void {
    for (const reject of this.#waiting) reject(error)
    this.#waiting.clear()
  }
}
