/** Runs the core: takes inputs, records their events in groups, and performs effects only once the events are durable. */
import { EphorError } from '../base/errors.ts'
import type { Constitution } from '../constitution/model.ts'
import { heldBack } from '../engine/handle.ts'
import { answerOf, digestOf } from '../engine/memory.ts'
import { decisionOfPermit, lapses, permitId, type OpenPermit } from '../engine/permits.ts'
import type { State } from '../engine/state.ts'
import type { Activating, Effect, Input } from '../engine/step.ts'
import type { Recovery } from '../journal/journal.ts'
import type { RecordedDecision } from '../journal/query.ts'
import type { SetAside } from '../journal/set-aside.ts'
import { unsupportedLive } from '../ledger/measure.ts'
import type { PermitSigner } from '../permit/sign.ts'
import type { ProposalView } from '../protocol/answers.ts'
import type { ActionAnswer, DecisionCore } from '../protocol/decision.ts'
import { ConstitutionStore } from './constitutions.ts'
import { Feed, type Happened } from './feed.ts'
import { Forwarding } from './forwarding.ts'
import { Lookout, risks } from './lookout.ts'
import { Member } from './member.ts'
import { ModelStore } from './models.ts'
import { Recorder, type OpenedRecorder } from './recorder.ts'
import type { Restart } from './restart.ts'
import { concernedBy, openProposals, proposalOf, type Concerned } from './rounds-view.ts'
import { sealedCluster } from './sealed-inbox.ts'
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
const NO_PERMIT: Promise<string | null> = Promise.resolve(null)

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
export class Sidecar {
  readonly store: ConstitutionStore
  readonly models: ModelStore
  readonly #options: SidecarOptions
  readonly #permits: PermitSigner | undefined
  readonly #queueMax: number
  readonly #feed = new Feed()
  readonly #turns = new Turns()
  readonly #member: Member | undefined
  readonly #forwarding: Forwarding | undefined
  readonly #lookout: Lookout | undefined
  #recorder!: Recorder
  #pending = 0
  #closing = false

  private constructor(options: SidecarOptions, store: ConstitutionStore) {
    this.store = store
    this.models = new ModelStore(options.modelsDirectory)
    this.#options = options
    this.#permits = options.permits
    this.#queueMax = options.queueMax ?? QUEUE_MAX
    const { membership, clock } = options
    if (membership === undefined) return
    const { cluster, hear, ...vouching } = sealedCluster(membership, clock, () => this.durableSequence)
    const seat = {
      recorder: () => this.#recorder,
      reopen: (keepTo: number | undefined) => this.#reopen(keepTo),
    }
    const lookout = new Lookout(cluster.halts, () => this.#recorder.state)
    this.#lookout = lookout
    this.#member = new Member({ ...membership, cluster, ...vouching, lookout, store, clock }, seat)
    const forwarding = new Forwarding(cluster.inbox, lookout)
    this.#forwarding = forwarding
    this.#feed.listen(({ event, sequence }) => hear(event, sequence))
    this.#feed.listen(({ event }) => forwarding.hear(event))
  }

  /** Opens the journal, folds it, and is ready; one of several has to `join` then. Throws `EphorError` when the journal is locked, damaged or cut. */
  static async open(options: SidecarOptions): Promise<Opened> {
    const sidecar = new Sidecar(options, new ConstitutionStore(options.constitutionsDirectory))
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
  findDecision(id: string): Promise<RecordedDecision | undefined> {
    return this.#recorder.findDecision(id)
  }

  /** Hears of what happens from now on, once it is durable; the answer ends it. */
  listen(listener: (happened: Happened) => void): () => void {
    return this.#feed.listen(listener)
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
   * when nothing was decided, or nothing is known of it. What agents send is handled in the order of the calls; other inputs may go before it.
   */
  async submit(input: Input): Promise<Performed> {
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
      if (input.kind === 'halt') return await this.#forward(input)
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
    const permitted = this.#permittedTo(input)
    const made = recorder.record(input)
    const { effect, durable } = made
    this.#lookout?.tell(made)
    // Signed while the disk works; it leaves only once what it rests on is durable.
    const permit = effect?.kind === 'answer' ? this.#permitOf(effect.decision, effect.sequence) : NO_PERMIT
    // An answer from memory, too, rests on records that may still be on their way to the disk.
    await (this.#member === undefined ? durable : this.#member.whileHome(durable))
    recorder.show(made)
    this.#member?.assertHome()
    if (effect === undefined) throw new EphorError('INTERNAL', `\`${input.kind}\` was answered with nothing`)
    switch (effect.kind) {
      case 'refuse':
        throw new EphorError(effect.code, effect.detail)
      case 'answer':
        return this.#release(effect.decision, effect.sequence, await permit, false)
      case 'recall':
        return this.#recall(effect.sequence, true, input)
      default:
        if (input.kind === 'redeem') await this.#lookAtRedeemed(input.permit, permitted)
        return effect
    }
  }

  async #forward(input: Input): Promise<Performed> {
    if (this.#forwarding === undefined) throw new Error('invariant: a sidecar by itself forwards nothing')
    const permitted = this.#permittedTo(input)
    const forwarded = await (input.kind === 'halt'
      ? this.#forwarding.raise(input)
      : this.#forwarding.forward(input))
    if (forwarded.kind === 'verdict') return this.#recall(forwarded.sequence, forwarded.recalled, input)
    if (input.kind === 'redeem') await this.#lookAtRedeemed(input.permit, permitted)
    return forwarded.effect
  }

  /** What a permit that is about to be redeemed allows, as far as it is known here. */
  #permittedTo(input: Input): OpenPermit | undefined {
    if (this.#lookout === undefined || input.kind !== 'redeem') return undefined
    return this.state.permits.open.get(decisionOfPermit(input.permit) ?? '')
  }

  /** The last look before a redemption is answered: what came meanwhile and is not in the state yet, here as at a verdict. */
  async #lookAtRedeemed(permit: string, permitted: OpenPermit | undefined): Promise<void> {
    const lookout = this.#lookout
    if (lookout === undefined || permitted?.action.type === 'cancel') return
    await lookout.inTouch()
    if (!lookout.isHolding) return
    const id = decisionOfPermit(permit) ?? ''
    if (permitted !== undefined) lookout.assertFree(id, permitted)
    else {
      const found = await this.findDecision(id)
      if (found === undefined) throw new EphorError('HALTED_SINCE', `a halt was heard of since ${id}`)
      const { request, action, reducing } = found.decision
      lookout.assertFree(id, { agent: request.agent, action, reducing })
    }
  }

  /** The verdict on `input` of the record at `sequence`, as this sidecar tells it. */
  async #recall(sequence: number, recalled: boolean, input: Input): Promise<Performed> {
    const recorded = await this.#recorder.decisionAt(sequence)
    if (recorded === undefined) throw new EphorError('INTERNAL', `record ${sequence} is no decision`)
    // Whatever the inbox made of places, nobody is told the verdict on what another asked.
    if (input.kind !== 'action' || recorded.decision.digest !== digestOf(input.request))
      throw new EphorError('HOME_LOST', `record ${sequence}, which the log names, decides something else`)
    const permit = await this.#permitOf(recorded.decision, sequence)
    return this.#release(recorded.decision, sequence, permit, recalled)
  }

  /** The permit of what was allowed: asked again, the same text, since nothing in it changes. */
  #permitOf(decision: DecisionCore, sequence: number): Promise<string | null> {
    const { verdict, request, action, constitution, at } = decision
    if (this.#permits === undefined || (verdict !== 'allow' && verdict !== 'narrow')) return NO_PERMIT
    const permit = this.#permits.signLater({
      permit: permitId(decision.decision),
      decision: decision.decision,
      agent: request.agent,
      action,
      constitution,
      sequence,
      at,
    })
    // Whoever waits for it sees it fail; where the journal fails first nobody waits.
    permit.catch(() => {})
    return permit
  }

  /** The last look before a verdict leaves. */
  async #release(
    decision: DecisionCore,
    sequence: number,
    permit: string | null,
    recalled: boolean,
  ): Promise<Performed> {
    const { verdict, request, action, reducing } = decision
    const lookout = this.#lookout
    if (lookout !== undefined && (verdict === 'allow' || verdict === 'narrow') && action.type !== 'cancel') {
      await lookout.inTouch()
      lookout.assertFree(decision.decision, { agent: request.agent, action, reducing })
    }
    const held = heldBack(this.state, decision, this.#recorder.now())
    if (held !== undefined) throw new EphorError(held.code, held.detail)
    return {
      kind: 'answer',
      answer: answerOf(decision, sequence, permit),
      recalled,
    }
  }

  /**
   * Puts a checked constitution in force, or asks those whose word that takes. Refuses one whose enforced rules read what this version does not measure
   * live.
   */
  async activate(constitution: Constitution, by: string, more: Activating = {}): Promise<Performed> {
    const unsupported = unsupportedLive(constitution)
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
    this.#permits?.close()
  }
}
