/** The cores of several partitions in one process, as callers reach them: each input goes where it is decided, and is answered once the answer is true everywhere. */
import { randomUUID } from 'node:crypto'
import { EphorError } from '../base/errors.ts'
import type { Cluster } from '../cluster/cluster.ts'
import type { Constitution } from '../constitution/model.ts'
import { haltsFull } from '../engine/halts.ts'
import type { State } from '../engine/state.ts'
import { ratingDue } from '../engine/rating.ts'
import { whyStopped } from '../engine/steer.ts'
import type { Activating, Input } from '../engine/step.ts'
import type { RecordedDecision } from '../journal/query.ts'
import { findOrder } from '../ledger/orders.ts'
import type { ProposalView } from '../protocol/answers.ts'
import { nameOfPartition } from '../protocol/partition.ts'
import { doorOf, type Door } from './door.ts'
import type { Happened } from './feed.ts'
import type { Front } from './front.ts'
import { merged, mergedLists, partsOfExecutions, partsOfObservations } from './parts.ts'
import type { Performed, Sidecar } from './sidecar.ts'

/** Milliseconds for the others to follow what the first recorded, and for this sidecar to read what a log holds. */
const FOLLOWED_MS = 2_000
/** Ticks between two cuts of the lane of halts. */
const TRIM_TICKS = 1_024
/** Ticks between two looks for days that are over. */
const RATE_TICKS = 32

export class Several implements Front {
  readonly cores: readonly Sidecar[]
  readonly #clusters: readonly Pick<Cluster, 'log' | 'halts'>[]
  #ticks = 0
  /** Cores whose agents’ days are being told. */
  readonly #rating = new Set<Sidecar>()
  readonly #close: () => void

  /** Both by the numbers of their partitions; `close` ends what they share. */
  constructor(
    cores: readonly Sidecar[],
    clusters: readonly Pick<Cluster, 'log' | 'halts'>[],
    close: () => void,
  ) {
    this.cores = cores
    this.#clusters = clusters
    this.#close = close
  }

  get #first(): Sidecar {
    return this.#core(0)
  }

  #core(number: number): Sidecar {
    const core = this.cores[number]
    if (core === undefined) throw new Error(`invariant: there is no partition ${number}`)
    return core
  }

  get store(): Front['store'] {
    return this.#first.store
  }

  get models(): Front['models'] {
    return this.#first.models
  }

  get state(): State {
    return this.#first.state
  }

  get durableState(): State {
    return this.#first.durableState
  }

  get durableSequence(): number {
    return this.#first.durableSequence
  }

  get unready(): string | undefined {
    const why = this.cores.flatMap(({ unready }, number) =>
      unready === undefined ? [] : [`${nameOfPartition(number)}: ${unready}`],
    )
    return why.length === 0 ? undefined : why.join('; ')
  }

  get home(): Front['home'] {
    return this.#first.home
  }

  get shown(): Front['shown'] {
    const all = this.cores.map(({ shown }) => shown)
    return {
      grants: all.flatMap(({ grants }) => grants),
      signoffs: all.flatMap(({ signoffs }) => signoffs),
    }
  }

  get halts(): Front['halts'] {
    const all = new Map<string, Front['halts'][number]>()
    for (const [number, { halts }] of this.cores.entries())
      for (const halt of halts) {
        const partitions = [...(all.get(halt.id)?.partitions ?? []), nameOfPartition(number)]
        all.set(halt.id, { ...halt, partitions })
      }
    return [...all.values()]
  }

  get pending(): number {
    return this.cores.reduce((sum, { pending }) => sum + pending, 0)
  }

  get checkpointSequence(): number {
    return this.#first.checkpointSequence
  }

  get findableDecisions(): number {
    return Math.min(...this.cores.map(({ findableDecisions }) => findableDecisions))
  }

  async findDecision(id: string): Promise<RecordedDecision | undefined> {
    for (const core of this.cores) {
      const found = await core.findDecision(id)
      if (found !== undefined) return found
    }
    return undefined
  }

  listen(listener: (happened: Happened) => void): () => void {
    const stops = this.cores.map((core) => core.listen(listener))
    return () => {
      for (const stop of stops) stop()
    }
  }

  async decided(decision: string, ms: number): Promise<void> {
    // One that waits for no vote in a partition does not wait there.
    await Promise.all(this.cores.map((core) => core.decided(decision, ms)))
  }

  openProposals(): ProposalView[] {
    return this.cores.flatMap((core) => core.openProposals()).toSorted((a, b) => a.opened - b.opened)
  }

  proposalOf(id: string): ProposalView | undefined {
    return this.cores.map((core) => core.proposalOf(id)).find((found) => found !== undefined)
  }

  roundConcerns(id: string): ReturnType<Front['roundConcerns']> {
    return this.cores.map((core) => core.roundConcerns(id)).find((found) => found !== undefined)
  }

  sagaOf(recorded: RecordedDecision): ReturnType<Front['sagaOf']> {
    const { partition } = recorded
    const core = this.cores.find((_, number) => nameOfPartition(number) === partition)
    return (core ?? this.#first).sagaOf(recorded)
  }

  async join(): Promise<void> {
    await Promise.all(this.cores.map((core, number) => at(number, core.join())))
  }

  tick(listeningSince: number): void {
    for (const core of this.cores) core.tick(listeningSince)
    this.#ticks += 1
    if (this.#ticks % TRIM_TICKS === 0) this.#trimHalts()
    if (this.#ticks % RATE_TICKS === 0) this.#rate()
  }

  /** Where a day is over, the home of each partition tells all of them how its agents did: whoever asks them next weighs them by it. */
  #rate(): void {
    for (const core of this.cores) {
      if (core.home?.isHere !== true || this.#rating.has(core)) continue
      const rating = ratingDue(core.durableState)
      if (rating === undefined) continue
      this.#rating.add(core)
      // What could not be told now is due as before.
      void this.#first
        .submit(rating)
        .catch(() => undefined)
        .finally(() => this.#rating.delete(core))
    }
  }

  /** Tells what every home has taken, as far as its log was read here. */
  #trimHalts(): void {
    for (const [number, { durableState }] of this.cores.entries())
      void this.#clusters[number]?.halts.trim(durableState.tenure.taken.halts)
  }

  async close(): Promise<void> {
    await Promise.all(this.cores.map((core) => core.close()))
    this.#close()
  }

  async activate(constitution: Constitution, by: string, more?: Activating): Promise<Performed> {
    const done = await at(0, this.#first.activate(constitution, by, more))
    await this.#followed()
    return done
  }

  async submit(input: Input): Promise<Performed> {
    this.#refuseForAll(input)
    const asked = this.#withStops(input)
    const door = await this.#doorOf(asked)
    switch (door.to) {
      case 'one':
        return at(door.number, this.#core(door.number).submit(asked))
      case 'unknown':
        return this.#first.submit(asked)
      case 'first': {
        const done = await at(0, this.#first.submit(asked))
        await this.#followed()
        return done
      }
      case 'lane': {
        // One entry for all, and one halt: each holds it at once, and each home takes it.
        const request = randomUUID()
        return merged(await this.#all((core) => core.submit(asked, request)))
      }
      case 'all':
        return merged(await this.#all((core) => core.submit(asked)))
      case 'holder': {
        const holders = await this.#holdersOf(door)
        const numbers = holders.length === 0 ? [0] : holders
        return merged(await settled(numbers.map((number) => at(number, this.#core(number).submit(asked)))))
      }
      case 'each':
        return this.#submitEach(asked as Input & { kind: 'observations' | 'executions' })
    }
  }

  /** What the partition that takes it cannot know of the others, or has to be known before it is in the lane. */
  #refuseForAll(input: Input): void {
    const full = input.kind === 'halt' ? haltsFull(this.durableState, input.request) : undefined
    if (full !== undefined) throw new EphorError('LIMIT_REACHED', full)
    if (input.kind !== 'steer' || input.reason !== undefined) return
    for (const [number, { durableState }] of this.cores.entries()) {
      const stopped = whyStopped(durableState)
      if (stopped !== undefined)
        throw new EphorError('OPTIMIZER_STOPPED', `${nameOfPartition(number)}: ${stopped}`)
    }
  }

  /** Names what stopped by itself in any of them, where an author says why it may go on: the first, which takes that for all, knows of its own alone. */
  #withStops(input: Input): Input {
    if (input.kind !== 'steer' || input.reason === undefined) return input
    const stops = this.cores.flatMap(({ durableState }) => durableState.optimizer.stops)
    return stops.length === 0 ? input : { ...input, stops: stops.map(({ decision }) => decision) }
  }

  /** What was registered through another sidecar may not be known here yet. */
  async #doorOf(input: Input): Promise<Door> {
    const door = doorOf(this.durableState, input)
    if (door.to !== 'unknown') return door
    await this.#caughtUp(0)
    return doorOf(this.durableState, input)
  }

  #all(call: (core: Sidecar) => Promise<Performed>): Promise<Performed[]> {
    return settled(this.cores.map((core, number) => at(number, call(core))))
  }

  /** The partitions that have what is called so. */
  async #holdersOf({ what, id }: Door & { to: 'holder' }): Promise<number[]> {
    const holds = (core: Sidecar): boolean =>
      what === 'round' ? core.proposalOf(id) !== undefined : core.durableState.ledger.halts.has(id)
    const holders = (): number[] => this.cores.flatMap((core, number) => (holds(core) ? [number] : []))
    // A round is in one; a halt in as many as took it.
    if (what === 'round' && holders().length > 0) return holders()
    await this.#allCaughtUp()
    return holders()
  }

  async #submitEach(input: Input & { kind: 'observations' | 'executions' }): Promise<Performed> {
    const parts =
      input.kind === 'observations'
        ? partsOfObservations(await this.#knowingAccounts(input), input, this.cores.length)
        : partsOfExecutions(await this.#ordersOf(input), input)
    return mergedLists(
      await settled(
        parts.map(async (part) => ({
          part,
          effect: await at(part.number, this.#core(part.number).submit(part.input)),
        })),
      ),
    )
  }

  async #knowingAccounts({ observations }: Input & { kind: 'observations' }): Promise<State> {
    const isKnown = ({ ledger: { owners } }: State): boolean =>
      observations.every((each) => !('account' in each) || owners.has(each.account))
    if (!isKnown(this.durableState)) await this.#caughtUp(0)
    return this.durableState
  }

  /** Where each order is: the first takes note of what nobody has. */
  async #ordersOf({ executions }: Input & { kind: 'executions' }): Promise<readonly number[]> {
    const find = (order: string): number =>
      this.cores.findIndex(({ state }) => findOrder(state.ledger, order) !== undefined)
    if (executions.some(({ order }) => find(order) < 0)) await this.#allCaughtUp()
    return executions.map(({ order }) => Math.max(0, find(order)))
  }

  async #allCaughtUp(): Promise<void> {
    await Promise.all(this.cores.map((_, number) => this.#caughtUp(number)))
  }

  /** Resolves once all is here that the log of a partition held when this was called. */
  async #caughtUp(number: number): Promise<void> {
    const core = this.#core(number)
    const ended = await this.#clusters[number]?.log.end()
    if (ended === undefined || ended.kind === 'unreachable')
      throw new EphorError(
        'CLUSTER_UNREACHABLE',
        `${nameOfPartition(number)}: ${ended?.detail ?? 'it has no log'}`,
      )
    const { sequence } = ended.end
    if (await until(core, (state) => state.sequence >= sequence)) return
    throw new EphorError(
      'HOME_UNKNOWN',
      `${nameOfPartition(number)}: its log ends at record ${sequence}, and this sidecar has read ${core.durableSequence} of it`,
    )
  }

  /** Resolves once every partition goes by what the first has recorded for all. */
  async #followed(): Promise<void> {
    const { fixed } = this.durableState.tenure
    for (const [number, core] of this.cores.entries()) {
      if (number > 0 && !(await until(core, ({ tenure }) => tenure.followed.sequence >= fixed)))
        throw new EphorError(
          'HOME_SILENT',
          `${nameOfPartition(number)} has not followed it within ${FOLLOWED_MS} ms; it is on record, and holds there as soon as that has a home`,
        )
    }
  }
}

/** Whether what is durable of a core came to be so within `FOLLOWED_MS`. */
function until(core: Sidecar, is: (state: State) => boolean): Promise<boolean> {
  if (is(core.durableState)) return Promise.resolve(true)
  return new Promise((done) => {
    const end = (found: boolean): void => {
      clearTimeout(timer)
      stop()
      done(found)
    }
    const timer = setTimeout(() => end(false), FOLLOWED_MS)
    const stop = core.listen(() => {
      if (is(core.durableState)) end(true)
    })
  })
}

/** What came of all; the first failure only after all have ended. */
async function settled<T>(calls: readonly Promise<T>[]): Promise<T[]> {
  const ended = await Promise.allSettled(calls)
  return ended.map((one) => {
    if (one.status === 'rejected') throw one.reason
    return one.value
  })
}

/** What it came to, with the partition in what is said of a failure. */
async function at<T>(number: number, call: Promise<T>): Promise<T> {
  try {
    return await call
  } catch (error) {
    if (!(error instanceof EphorError)) throw error
    throw new EphorError(error.code, `${nameOfPartition(number)}: ${error.detail}`, { cause: error })
  }
}
