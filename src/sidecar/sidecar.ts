/** Runs the core: takes inputs, records their events in groups, and performs effects only once the events are durable. */
import type { Clock } from '../base/clock.ts'
import { EphorError } from '../base/errors.ts'
import type { Constitution } from '../constitution/model.ts'
import { eventText } from '../engine/event-text.ts'
import { showGrant } from '../engine/grants.ts'
import { handle, heldBack } from '../engine/handle.ts'
import type { Activating, Effect, Input } from '../engine/step.ts'
import { answerOf } from '../engine/memory.ts'
import { lapses, permitId } from '../engine/permits.ts'
import type { PermitSigner } from '../permit/sign.ts'
import type { DecisionIndex } from '../journal/decision-index.ts'
import { nodeIo } from '../journal/io.ts'
import { decisionAt, type RecordedDecision } from '../journal/query.ts'
import type { ActionAnswer, DecisionCore } from '../protocol/decision.ts'
import type { State } from '../engine/state.ts'
import { openJournal, type Journal } from '../journal/journal.ts'
import type { Recovery } from '../journal/journal.ts'
import { unsupportedLive } from '../ledger/measure.ts'
import type { GrantAnswer } from '../protocol/grant.ts'
import type { ProposalView } from '../protocol/answers.ts'
import { CHECKPOINT_DEFAULTS, Checkpoints } from './checkpoints.ts'
import { ConstitutionStore } from './constitutions.ts'
import { Feed, type Happened } from './feed.ts'
import { index, restart, type Folded, type Restart } from './restart.ts'
import { openProposals, proposalOf } from './rounds-view.ts'
import type { SidecarOptions } from './sidecar-options.ts'
import { Turns } from './turns.ts'

export type { Happened } from './feed.ts'
export type { Input } from '../engine/step.ts'
export type { SidecarOptions } from './sidecar-options.ts'

const QUEUE_MAX = 10_000
/** What only agents send, in any number: it waits in line, in the order in which it came. Reports, halts and what else operators say go before it. */
const OF_AGENTS: ReadonlySet<Input['kind']> = new Set(['action', 'redeem', 'vote', 'delegate', 'beat'])
const NO_PERMIT: Promise<string | null> = Promise.resolve(null)
/** Milliseconds that the clock may step back unnoticed; further back nothing is decided. */
const CLOCK_SLACK_MS = 1_000

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

/** What became of one input, on its way to the disk. */
interface Made {
  readonly state: State
  readonly effect: Effect | undefined
  readonly permit: Promise<string | null>
  readonly durable: Promise<void>
  readonly happened: () => Happened[]
}

/** One owner's core with its journal. All inputs of a process go through one of these. */
export class Sidecar {
  readonly store: ConstitutionStore
  readonly #journal: Journal
  readonly #journalDirectory: string
  readonly #decisions: DecisionIndex
  readonly #clock: Clock
  readonly #permits: PermitSigner | undefined
  readonly #checkpoints: Checkpoints
  readonly #queueMax: number
  readonly #feed = new Feed()
  readonly #turns = new Turns()
  /** With every input handled: what the next one is judged by. */
  #state: State
  /** With every record that is durable: what may be shown. Behind `#state` while the disk works. */
  #durable: State
  #pending = 0
  #closing = false

  private constructor(
    store: ConstitutionStore,
    journal: Journal,
    { state, decisions }: Folded,
    checkpoints: Checkpoints,
    options: SidecarOptions,
  ) {
    this.store = store
    this.#journal = journal
    this.#decisions = decisions
    this.#journalDirectory = options.journalDirectory
    this.#state = state
    this.#durable = state
    this.#clock = options.clock
    this.#permits = options.permits
    this.#checkpoints = checkpoints
    this.#queueMax = options.queueMax ?? QUEUE_MAX
  }

  /** Opens the journal, folds it, and is ready. Throws `EphorError` when the journal is locked, damaged or cut. */
  static async open(options: SidecarOptions): Promise<Opened> {
    const { journalDirectory: directory, keys, keyId, retiredKeys, clock, segmentBytesMax } = options
    const { fsync = true, io = nodeIo } = options
    const now = (): number => clock.now()
    const { journal, recovery } = await openJournal({
      directory,
      keys,
      keyId,
      publicKeyOf: (id) => retiredKeys?.get(id),
      now,
      ...(segmentBytesMax === undefined ? {} : { segmentBytesMax }),
      fsync,
      io,
    })
    try {
      const store = new ConstitutionStore(options.constitutionsDirectory)
      const { restart: how, ...folded } = await restart(
        {
          directory,
          journal: recovery.journal,
          sequence: recovery.sequence,
          publicKeyOf: (id) => (id === keyId ? keys.publicKey : retiredKeys?.get(id)),
        },
        (hash) => store.programOf(hash),
      )
      const signer = { journal: recovery.journal, keyId, privateKey: keys.privateKey, now }
      const parts = {
        ...CHECKPOINT_DEFAULTS,
        ...options.checkpoints,
        directory,
        journal,
        io,
        signer,
        fsync,
        clock,
      }
      const checkpoints = new Checkpoints(parts, how.checkpoint)
      const sidecar = new Sidecar(store, journal, folded, checkpoints, options)
      sidecar.#takeCheckpoint()
      return { sidecar, recovery, restart: how }
    } catch (error) {
      await journal.close()
      throw error
    }
  }

  get state(): State {
    return this.#state
  }

  /** The state as far as the journal holds it durably,: what may be shown. */
  get durableState(): State {
    return this.#durable
  }

  /** Why nothing is decided now; `undefined` when all is well. */
  get unready(): string | undefined {
    if (this.#closing) return 'shutting down'
    if (this.#journal.failed !== null) return `the journal failed: ${this.#journal.failed.detail}`
    return this.#state.program === undefined ? 'no constitution is in force' : undefined
  }

  /** The grants that are durable, from the oldest, as they stand now. */
  get grants(): GrantAnswer[] {
    const now = this.#now()
    return Array.from(this.#durable.ledger.grants.values(), (grant) => showGrant(grant, now))
  }

  /** The last record that is durable: what may be shown. */
  get durableSequence(): number {
    return this.#durable.sequence
  }

  /** The decision `id` as it is recorded; `undefined` when none is durable, or it is out of the index's reach. */
  async findDecision(id: string): Promise<RecordedDecision | undefined> {
    for (const sequence of this.#decisions.candidates(id)) {
      if (sequence > this.durableSequence) continue
      const recorded = await decisionAt(this.#journalDirectory, sequence)
      if (recorded?.decision.decision === id) return recorded
    }
    return undefined
  }

  /** Hears of what happens from now on, once it is durable; the answer ends it. */
  listen(listener: (happened: Happened) => void): () => void {
    return this.#feed.listen(listener)
  }

  /** Resolves when the decision waits for no vote any more, or after `ms`. */
  async decided(decision: string, ms: number): Promise<void> {
    if (this.#durable.quorum.waiting.has(decision)) await this.#feed.decided(decision, ms)
  }

  openProposals(): ProposalView[] {
    return openProposals(this.#durable)
  }

  /** A proposal that is open, or was decided lately. */
  proposalOf(id: string): ProposalView | undefined {
    return proposalOf(this.#durable, id)
  }

  /** How many decisions, from the newest back, `findDecision` surely finds. */
  get findableDecisions(): number {
    return this.#decisions.reach
  }

  /** The sequence of the newest checkpoint; 0 when there is none. */
  get checkpointSequence(): number {
    return this.#checkpoints.last
  }

  /** Inputs taken and not yet durable. */
  get pending(): number {
    return this.#pending
  }

  /**
   * Handles one input. Resolves with its effect when everything that the effect rests on is durable; rejects with `EphorError` when
   * nothing was decided. What agents send is handled in the order of the calls; other inputs may go before it.
   */
  async submit(input: Input): Promise<Performed> {
    this.#refuseNow()
    if (this.#pending >= this.#queueMax)
      throw new EphorError('OVERLOADED', `${this.#pending} inputs are being recorded`)
    this.#pending += 1
    try {
      if (OF_AGENTS.has(input.kind) && !this.#turns.take()) {
        await this.#turns.next()
        this.#refuseNow()
      }
      return await this.#perform(input)
    } finally {
      this.#pending -= 1
    }
  }

  #refuseNow(): void {
    if (this.#closing) throw new EphorError('SHUTTING_DOWN', 'no new input is taken')
    if (this.#journal.failed !== null) throw new EphorError('JOURNAL_FAILED', this.#journal.failed.detail)
  }

  /**
   * Lets time pass: what nobody reports is looked for. Nobody waits for it, and no bound of the queue holds it up. What agents did not say before
   * `listeningSince` nobody could hear. Permits that are over lapse a few in each turn of the event loop, until none is left.
   */
  tick(listeningSince: number): void {
    if (this.#closing || this.#journal.failed !== null) return
    const made = this.#record({ kind: 'tick', listeningSince })
    // A journal that fails says so to everybody who asks from now on.
    void made.durable.then(
      () => this.#show(made),
      () => undefined,
    )
    if (lapses(this.#state.permits, this.#now(), 1).length > 0) setImmediate(() => this.tick(listeningSince))
  }

  async #perform(input: Input): Promise<Performed> {
    const made = this.#record(input)
    // An answer from memory, too, rests on records that may still be on their way to the disk.
    await made.durable
    this.#show(made)
    return this.#effected(input, made.effect, made.permit)
  }

  /** What is durable may be shown. Who begins to listen sees it or hears it, and never both or neither: all in one turn. */
  #show({ state, happened }: Made): void {
    if (state.sequence > this.#durable.sequence) {
      this.#durable = state
      this.#takeCheckpoint()
    }
    if (this.#feed.isHeard) this.#feed.publish(happened())
  }

  /** Handles one input and appends what happened; `durable` resolves once it is on the disk. */
  #record(input: Input): Made {
    const now = this.#now()
    const started = this.#clock.steadyMicros()
    const [state, events, [effect]] = handle(this.#state, input, now)
    const timingText = JSON.stringify({ handledMicros: this.#clock.steadyMicros() - started })
    const entries = events.map((event) => ({ at: now, eventText: eventText(event), timingText }))
    // Nothing may come between handling and appending: the journal's order is the order of the fold.
    const { durable } = this.#journal.append(entries)
    const first = this.#state.sequence + 1
    for (const [place, event] of events.entries()) index(this.#decisions, event, first + place)
    this.#state = state
    // Signed while the disk works; it leaves only once what it rests on is durable.
    const permit = effect?.kind === 'answer' ? this.#permitOf(effect.decision, effect.sequence) : NO_PERMIT
    return {
      state,
      effect,
      permit,
      durable,
      happened: () => events.map((event, place) => ({ sequence: first + place, at: now, event })),
    }
  }

  async #effected(
    input: Input,
    effect: Effect | undefined,
    permit: Promise<string | null>,
  ): Promise<Performed> {
    if (effect === undefined) throw new EphorError('INTERNAL', `\`${input.kind}\` was answered with nothing`)
    switch (effect.kind) {
      case 'refuse':
        throw new EphorError(effect.code, effect.detail)
      case 'answer':
        return this.#release(effect.decision, effect.sequence, await permit, false)
      case 'recall': {
        const recorded = await decisionAt(this.#journalDirectory, effect.sequence)
        if (recorded === undefined)
          throw new EphorError('INTERNAL', `record ${effect.sequence} is no decision`)
        return this.#release(
          recorded.decision,
          effect.sequence,
          await this.#permitOf(recorded.decision, effect.sequence),
          true,
        )
      }
      default:
        return effect
    }
  }

  #takeCheckpoint(): void {
    const { sequence } = this.#durable
    if (this.#checkpoints.isDue(sequence))
      this.#checkpoints.begin(this.#durable, this.#decisions.snapshot(sequence))
  }

  /** The clock, held at the last record through the small steps back that clocks take when they are set right. */
  #now(): number {
    const now = this.#clock.now()
    const { lastAt } = this.#state
    return now < lastAt && lastAt - now <= CLOCK_SLACK_MS ? lastAt : now
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
  #release(decision: DecisionCore, sequence: number, permit: string | null, recalled: boolean): Performed {
    const held = heldBack(this.#state, decision, this.#now())
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
    return this.submit({ kind: 'activate', program, by, ...more })
  }

  /** Takes no more inputs, waits for those taken, writes a last checkpoint, and closes the journal. */
  async close(): Promise<void> {
    this.#closing = true
    this.#feed.close()
    if (this.#journal.failed === null) await this.#journal.append([]).durable
    await this.#checkpoints.close(this.#durable, this.#decisions.snapshot(this.#durable.sequence))
    await this.#journal.close()
    this.#permits?.close()
  }
}
