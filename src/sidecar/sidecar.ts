/** Runs the core: takes inputs, records their events in groups, and performs effects only once the events are durable. */
import { EphorError } from '../base/errors.ts'
import type { Constitution } from '../constitution/model.ts'
import { lapses } from '../engine/permits.ts'
import type { State } from '../engine/state.ts'
import type { Activating, Effect, Input } from '../engine/step.ts'
import type { Recovery } from '../journal/journal.ts'
import type { RecordedDecision } from '../journal/query.ts'
import type { SetAside } from '../journal/set-aside.ts'
import { unsupportedLive } from '../ledger/measure.ts'
import type { Halt } from '../ledger/ledger.ts'
import type { ProposalView } from '../protocol/answers.ts'
import { nameOfPartition } from '../protocol/partition.ts'
import type { Saga } from '../protocol/saga.ts'
import type { ActionAnswer } from '../protocol/decision.ts'
import { ConstitutionStore } from './constitutions.ts'
import { Feed, type Happened } from './feed.ts'
import { Forwarding } from './forwarding.ts'
import type { Front } from './front.ts'
import { Lookout, risks } from './lookout.ts'
import { Member } from './member.ts'
import { ModelStore } from './models.ts'
import { Releasing } from './releasing.ts'
import { Recorder, type OpenedRecorder } from './recorder.ts'
import type { Restart } from './restart.ts'
import { concernedBy, openProposals, proposalOf, sagaOf, type Concerned } from './rounds-view.ts'
import { noneRefused, sealedCluster, type Refused } from './sealed-inbox.ts'
import { shownOf } from './shown.ts'
import type { SidecarOptions } from './sidecar-options.ts'
import { Turns } from './turns.ts'

export type { GuardView } from '../cluster/cluster.ts'
export type { Happened } from './feed.ts'
export type { Input } from '../engine/step.ts'
export type { SidecarOptions } from './sidecar-options.ts'

const QUEUE_MAX = 10_000
/** What only agents send, in any number: it waits in line, in the order in which it came. Reports, halts and what else operators say go before it. */
const OF_AGENTS: ReadonlySet<Input['kind']> = new Set(['action', 'redeem', 'vote', 'delegate', 'beat'])

/** An effect that was performed. */
export type Performed =
  | { readonly kind: 'answer'; readonly answer: ActionAnswer; readonly recalled: boolean }
  | Extract<Effect, { kind: 'observed' | 'executed' | 'done' }>

/** A sidecar that has started, and how it came to its state. */
export interface Opened {
  readonly sidecar: Sidecar
  readonly recovery: Recovery
  readonly restart: Restart
}

/** One partition's core with its journal. All inputs of a process go through one of these. */
export class Sidecar implements Front {
  readonly cores = [this]
  /** What its partition is called, where there are several. */
  readonly partition: string | undefined
  readonly store: ConstitutionStore
  readonly models: ModelStore
  readonly #options: SidecarOptions
  readonly #releasing: Releasing
  readonly #queueMax: number
  readonly #feed = new Feed()
  readonly #turns = new Turns()
  readonly #member: Member | undefined
  readonly #forwarding: Forwarding | undefined
  readonly #lookout: Lookout | undefined
  /** Entries of the inbox that were not taken for what they are, as home and since the start. */
  readonly refused: Readonly<Record<Refused, number>> = noneRefused()
  #recorder!: Recorder
  #pending = 0
  #closing = false

  private constructor(options: SidecarOptions) {
    this.store = options.store ?? new ConstitutionStore(options.constitutionsDirectory)
    this.models = options.models ?? new ModelStore(options.modelsDirectory)
    this.#options = options
    this.#queueMax = options.queueMax ?? QUEUE_MAX
    const { membership, clock } = options
    const { halts, place: of } = membership?.cluster ?? {}
    const lookout = halts && new Lookout(halts, () => this.#recorder, undefined, of?.number)
    this.#lookout = lookout
    this.#releasing = new Releasing({
      permits: options.permits,
      lookout,
      book: () => this.#recorder,
      findDecision: (id) => this.findDecision(id),
    })
    if (membership === undefined || lookout === undefined) return
    const { place } = membership.cluster
    this.partition = place.of === 1 ? undefined : nameOfPartition(place.number)
    const { cluster, hear, refused, ...vouching } = sealedCluster(
      membership,
      clock,
      () => this.durableSequence,
    )
    this.refused = refused
    const seat = {
      recorder: () => this.#recorder,
      reopen: (keepTo: number | undefined) => this.#reopen(keepTo),
    }
    this.#member = new Member(
      { ...membership, cluster, ...vouching, lookout, store: this.store, clock },
      seat,
    )
    const forwarding = new Forwarding(cluster.inbox, lookout)
    this.#forwarding = forwarding
    this.#feed.listen(({ event, sequence }) => hear(event, sequence))
    this.#feed.listen(({ event }) => forwarding.hear(event))
  }

  /** Opens the journal, folds it, and is ready; one of several has to `join` then. Throws `EphorError` when the journal is locked, damaged or cut. */
  static async open(options: SidecarOptions): Promise<Opened> {
    const sidecar = new Sidecar(options)
    const { recovery, restart } = await sidecar.#openRecorder(undefined)
    return { sidecar, recovery, restart }
  }

  /** Takes part in the cluster; resolves once inputs are taken. Rejects when the journal is of another history. By itself there is nothing to join. */
  async join(): Promise<void> {
    await this.#member?.join()
  }

  async #openRecorder(keepTo: number | undefined): Promise<OpenedRecorder> {
    const opened = await Recorder.open(this.#options, {
      store: this.store,
      feed: this.#feed,
      modelOf: (hash) => this.models.modelOf(hash),
      beforeRelease: this.#member?.beforeRelease,
      keepTo,
    })
    this.#recorder = opened.recorder
    return opened
  }

  /** Opens the journal again, without what comes after `keepTo`. Until then the state is as it was. */
  async #reopen(keepTo: number | undefined): Promise<SetAside | null> {
    await this.#recorder.abandon()
    const { recovery } = await this.#openRecorder(keepTo)
    return recovery.setAside
  }

  get state(): State {
    return this.#recorder.state
  }

  /** The state as far as the journal holds it durably: what may be shown. */
  get durableState(): State {
    return this.#recorder.durable
  }

  /** Why nothing is decided now; `undefined` when all is well. */
  get unready(): string | undefined {
    if (this.#closing) return 'shutting down'
    const { failed } = this.#recorder
    if (failed !== null) return `the journal failed: ${failed.detail}`
    return (
      this.#member?.unready?.detail ??
      (this.#lookout?.isInTouch === false ? 'halts are not heard' : undefined) ??
      (this.state.program === undefined ? 'no constitution is in force' : undefined)
    )
  }

  /** Whether this sidecar decides by itself now, and the name of the one that does, or did last. */
  get home(): { readonly isHere: boolean; readonly name: string; readonly epoch: number } | undefined {
    const { home: name, epoch } = this.#recorder.durable.tenure
    return this.#member && { isHere: this.#member.isHome, name, epoch }
  }

  /** The grants and sign-offs that are durable, as they stand now. */
  get shown(): ReturnType<typeof shownOf> {
    return shownOf(this.durableState, this.#recorder.now())
  }

  /** The last record that is durable: what may be shown. */
  get durableSequence(): number {
    return this.durableState.sequence
  }

  /** The decision `id` as it is recorded; `undefined` when none is durable, or it is out of the index's reach. */
  async findDecision(id: string): Promise<RecordedDecision | undefined> {
    const found = await this.#recorder.findDecision(id)
    return found && this.partitioned(found)
  }

  /** With the partition that it is of, where there are several. */
  partitioned<T extends object>(what: T): T & { readonly partition?: string } {
    return this.partition === undefined ? what : { ...what, partition: this.partition }
  }

  get journalDirectory(): string {
    return this.#options.journalDirectory
  }

  /** Hears of what happens from now on, once it is durable; the answer ends it. */
  listen(listener: (happened: Happened) => void): () => void {
    return this.#feed.listen((happened) => listener(this.partitioned(happened)))
  }

  /** Resolves when the decision waits for no vote any more, or after `ms`. */
  async decided(decision: string, ms: number): Promise<void> {
    if (this.durableState.quorum.waiting.has(decision)) await this.#feed.decided(decision, ms)
  }

  openProposals(): ProposalView[] {
    return openProposals(this.durableState)
  }

  /** A proposal that is open, or was decided lately. */
  proposalOf(id: string): ProposalView | undefined {
    return proposalOf(this.durableState, id)
  }

  /** The halts in force, as far as they are durable. */
  get halts(): readonly (Halt & { readonly partitions?: readonly string[] })[] {
    return [...this.durableState.ledger.halts.values()]
  }

  /** How far what a decision allowed has come. */
  sagaOf({ decision }: RecordedDecision): Saga {
    return sagaOf(this.durableState, decision)
  }

  /** Who is concerned by a round that is open, or was decided lately. */
  roundConcerns(id: string): Concerned | undefined {
    return concernedBy(this.durableState, id)
  }

  /** How many decisions, from the newest back, `findDecision` surely finds. */
  get findableDecisions(): number {
    return this.#recorder.reach
  }

  /** The sequence of the newest checkpoint; 0 when there is none. */
  get checkpointSequence(): number {
    return this.#recorder.checkpoint
  }

  /** Inputs taken and not yet durable. */
  get pending(): number {
    return this.#pending
  }

  /**
   * Handles one input, or has the home handle it. Resolves with its effect when everything that the effect rests on is durable; rejects with `EphorError`
   * when nothing was decided, or nothing is known of it. What agents send is handled in the order of the calls; other inputs may go before it. `request` names a halt
   * that several partitions raise as one.
   */
  async submit(input: Input, request?: string): Promise<Performed> {
    this.#refuseNow()
    // A halt fits into every queue.
    if (this.#pending >= this.#queueMax && input.kind !== 'halt')
      throw new EphorError('OVERLOADED', `${this.#pending} inputs are being recorded`)
    this.#pending += 1
    try {
      if (OF_AGENTS.has(input.kind)) {
        await this.#turns.next()
        this.#refuseNow()
      }
      const member = this.#member
      if (member === undefined) return await this.#perform(input)
      if (input.kind === 'halt') return await this.#forward(input, request)
      await member.ready()
      if (risks(input)) await this.#lookout?.inTouch()
      this.#refuseNow()
      return await (member.isHome ? this.#perform(input) : this.#forward(input))
    } finally {
      this.#pending -= 1
    }
  }

  #refuseNow(): void {
    if (this.#closing) throw new EphorError('SHUTTING_DOWN', 'no new input is taken')
    const { failed } = this.#recorder
    // What a home could not bring into the log is offered or set aside; the journal is opened again for that.
    if (failed !== null && failed.code !== 'HOME_LOST') throw new EphorError('JOURNAL_FAILED', failed.detail)
  }

  /**
   * Lets time pass: what nobody reports is looked for. Nobody waits for it, and no bound of the queue holds it up. What agents did not say before
   * `listeningSince` nobody could hear. Permits that are over lapse a few in each turn of the event loop, until none is left. Only the home looks.
   */
  tick(listeningSince: number): void {
    const member = this.#member
    if (this.#closing || this.#recorder.failed !== null) return
    if (member !== undefined && (!member.isHome || member.unready !== undefined)) return
    const recorder = this.#recorder
    const made = recorder.record({
      kind: 'tick',
      listeningSince: Math.max(listeningSince, member?.promotedAt ?? 0),
    })
    this.#lookout?.tell(made)
    this.#lookout?.spread(made.state)
    // A journal that fails says so to everybody who asks from now on.
    void made.durable.then(
      () => recorder.show(made),
      () => undefined,
    )
    if (lapses(this.state.permits, recorder.now(), 1).length > 0)
      setImmediate(() => this.tick(listeningSince))
  }

  async #perform(input: Input): Promise<Performed> {
    const recorder = this.#recorder
    this.#member?.takeHalts()
    this.#member?.watch.assertFree(input)
    const permitted = this.#releasing.permittedTo(input)
    const made = recorder.record(input)
    const { effect, durable } = made
    this.#lookout?.tell(made)
    // Signed while the disk works; it leaves only once what it rests on is durable.
    const permit =
      effect?.kind === 'answer' ? this.#releasing.permitOf(effect.decision, effect.sequence) : null
    // An answer from memory, too, rests on records that may still be on their way to the disk.
    await (this.#member === undefined ? durable : this.#member.whileHome(durable))
    recorder.show(made)
    this.#member?.assertHome()
    if (effect === undefined) throw new EphorError('INTERNAL', `\`${input.kind}\` was answered with nothing`)
    switch (effect.kind) {
      case 'refuse':
        throw new EphorError(effect.code, effect.detail)
      case 'answer':
        return this.#releasing.release(effect.decision, effect.sequence, await permit, false)
      case 'recall':
        return this.#releasing.recall(effect.sequence, true, input)
      default:
        if (input.kind === 'redeem') await this.#releasing.lookAtRedeemed(input.permit, permitted)
        return effect
    }
  }

  async #forward(input: Input, request?: string): Promise<Performed> {
    if (this.#forwarding === undefined) throw new Error('invariant: a sidecar by itself forwards nothing')
    const permitted = this.#releasing.permittedTo(input)
    const forwarded = await (input.kind === 'halt'
      ? this.#forwarding.raise(input, request)
      : this.#forwarding.forward(input))
    if (forwarded.kind === 'verdict')
      return this.#releasing.recall(forwarded.sequence, forwarded.recalled, input)
    if (input.kind === 'redeem') await this.#releasing.lookAtRedeemed(input.permit, permitted)
    return forwarded.effect
  }

  /**
   * Puts a checked constitution in force, or asks those whose word that takes. Refuses one whose enforced rules read what this version does not measure
   * live, or in several partitions not over all of them.
   */
  async activate(constitution: Constitution, by: string, more: Activating = {}): Promise<Performed> {
    const unsupported = unsupportedLive(constitution, this.partition !== undefined)
    if (unsupported.length > 0) {
      const list = unsupported.map(({ rule, facts }) => `${rule.id} reads ${facts.join(', ')}`).join('; ')
      throw new EphorError('CONSTITUTION_UNSUPPORTED', list)
    }
    const program = this.store.keep(constitution)
    // Whoever reads in the log that it is in force finds its text.
    const kept = await this.#options.membership?.cluster.texts.keep(constitution.hash, constitution.text)
    if (kept?.kind === 'unreachable') throw new EphorError('CLUSTER_UNREACHABLE', kept.detail)
    return this.submit({ kind: 'activate', program, by, ...more })
  }

  /** Takes no more inputs, waits for those taken, writes a last checkpoint, and closes the journal. A home gives up its lease. */
  async close(): Promise<void> {
    this.#closing = true
    this.#feed.close()
    if (this.#member === undefined) await this.#recorder.close()
    else {
      await this.#member.leave(() => this.#recorder.flushed())
      // What did not reach the log is offered at the next start.
      await this.#recorder.abandon()
    }
    this.#options.permits?.close()
  }
}
