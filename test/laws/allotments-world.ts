/** A home and two sidecars that are cut off, killed and told wrong times: what is set aside, through the real core, book and last look, with time that passes when it is told to. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { systemTimers } from '../../src/base/clock.ts'
import { generateKeyPair } from '../../src/base/ed25519.ts'
import { EphorError } from '../../src/base/errors.ts'
import { MemoryStore } from '../../src/cluster/memory.ts'
import { AllotmentAudit } from '../../src/engine/allotment-audit.ts'
import { handle } from '../../src/engine/handle.ts'
import { decisionId } from '../../src/engine/memory.ts'
import { permitId } from '../../src/engine/permits.ts'
import type { State } from '../../src/engine/state.ts'
import type { Effect, Input, Step } from '../../src/engine/step.ts'
import { handleDelivered } from '../../src/engine/tenure.ts'
import { nodeIo, type JournalIo } from '../../src/journal/io.ts'
import { AllotmentBook } from '../../src/sidecar/allotment-book.ts'
import { Allotting, allottingOf, type Usual } from '../../src/sidecar/allotting.ts'
import { HomeRefusal } from '../../src/sidecar/home-refusal.ts'
import { Lookout } from '../../src/sidecar/lookout.ts'
import type { Performed } from '../../src/sidecar/sidecar.ts'
import type { ActionRequest } from '../../src/protocol/action.ts'
import type { TimedEvent } from '../../src/protocol/event.ts'
import { allotting, LIFE } from '../support/allotments.ts'
import { idAt, NOW, programWith, QUIET, ready, run } from '../support/engine.ts'
import { dropLock } from '../support/scratch.ts'

/** Held at the beginning; it only becomes less. */
export const HELD = 1_000
const KEYS = generateKeyPair()
const PROGRAM = programWith(
  [
    {
      id: 'only-exits',
      title: 'Only what reduces',
      applies: { actions: ['order', 'replace'] },
      forbid: "not action.reducing and order.side == 'sell'",
    },
  ],
  {},
  ['off-lot', 'halted'],
)
const BEGIN = run(ready(PROGRAM), [allotting({ life: LIFE, perAgent: 256 })], NOW)

/** How the next call to the home ends: as it should, or with the line cut, before it arrives, before its answer does, or with it waiting in the inbox. */
export type Way = 'whole' | 'lost' | 'unanswered' | 'late'

/** What somebody was told to send. */
interface Sent {
  readonly lots: number
  times: number
  /** While cut off. */
  isHere: boolean
  isAccepted?: true
  /** It fills no more. */
  over?: 'filled' | 'unfilled'
}

interface Sidecar {
  /** Where its book lies, whatever it is called. */
  readonly path: string
  name: string
  skew: number
  isCut: boolean
  way: Way
  /** Calls of the disk until one fails; never where it is infinite. */
  failsIn: number
  /** Whether it is killed once a redemption is marked, before the home is asked. */
  dies: boolean
  /** What it is while it runs. */
  life:
    | {
        book: AllotmentBook
        lookout: Lookout
        allotting: Allotting
        state: State
        /** It knows that its history is not the log's, and has stopped. */
        hasStrayed: boolean
      }
    | undefined
}

export class World {
  /** Milliseconds of every steady clock. */
  steady = 0
  homeSkew = 0
  home: State = BEGIN.state
  readonly problems: string[] = []
  readonly sidecars: readonly Sidecar[]
  readonly asked: string[] = []
  /** Lots by decision that somebody was told to send, and how often. */
  readonly sent = new Map<string, Sent>()
  /** What is held in truth. */
  held = HELD
  writtenOff = 0
  /** What an operator wrote off and its sidecar had sent: until it is back and says so, nobody can know. */
  readonly erred = new Set<string>()
  readonly #lots = new Map<string, number>()
  readonly #directory = mkdtempSync(join(tmpdir(), 'ephor-allotments-'))
  readonly #store: MemoryStore
  readonly #lane: Lookout
  #audit = new AllotmentAudit()
  /** All that is in the log, and the states to which it could be cut back, with how much of it each has. */
  #log: TimedEvent[] = []
  #kept: { readonly state: State; readonly records: number }[] = []
  readonly #late: Input[] = []
  #sleepers: (() => void)[] = []
  #serial = 0

  constructor() {
    this.#store = new MemoryStore({
      now: () => this.steady,
      sleep: () => new Promise((done) => this.#sleepers.push(done)),
      fault: (_, name) => {
        const isLost = this.sidecars.some((each) => each.name === name && each.isCut)
        return { kind: isLost ? 'lost' : 'none', delayMs: 0 }
      },
    })
    this.sidecars = ['here', 'there'].map((name) => ({
      path: join(mkdtempSync(join(this.#directory, 'home-')), 'allotments.json'),
      name,
      skew: 0,
      isCut: false,
      way: 'whole',
      failsIn: Infinity,
      dies: false,
      life: undefined,
    }))
    this.#lane = new Lookout(this.#store.connect('home').halts, () => ({ state: this.home }))
    for (const event of BEGIN.events) this.#hear({ at: NOW, event })
    for (const each of this.sidecars) this.start(each)
  }

  end(): void {
    rmSync(this.#directory, { recursive: true, force: true })
  }

  pass(ms: number): void {
    this.steady += ms
    for (const wake of this.#sleepers.splice(0)) wake()
  }

  /** One that is cut off does not start. */
  start(sidecar: Sidecar): void {
    if (sidecar.life !== undefined || sidecar.isCut) return
    const cluster = this.#store.connect(sidecar.name)
    const io: JournalIo = {
      ...nodeIo,
      openFile: async (path, flags) => {
        const file = await nodeIo.openFile(path, flags)
        return { ...file, datasync: async () => this.#work(sidecar) }
      },
      rename: async (from, to) => {
        this.#work(sidecar)
        await nodeIo.rename(from, to)
      },
      syncDirectory: async () => this.#work(sidecar),
    }
    const book = AllotmentBook.open({
      path: sidecar.path,
      keyId: 'k',
      privateKey: KEYS.privateKey,
      publicKeyOf: () => KEYS.publicKey,
      io,
    })
    sidecar.failsIn = Infinity
    const pause = async (ms: number): Promise<void> => this.pass(ms)
    const state = (): State => sidecar.life?.state ?? this.home
    const lookout = new Lookout(cluster.halts, () => ({ state: state() }), { ...systemTimers, pause })
    const recorder = () => ({ state: state(), durable: state(), now: () => this.#clock(sidecar.skew) })
    const member = {
      isAbreast: () => sidecar.life?.hasStrayed === false,
      watch: { isDoubtful: false },
    }
    const made = allottingOf({ allotments: book, membership: { cluster } }, { lookout, recorder, member })
    if (made === undefined) throw new Error('it has a book')
    sidecar.dies = false
    sidecar.life = { book, lookout, allotting: made, state: this.home, hasStrayed: false }
  }

  #work(sidecar: Sidecar): void {
    sidecar.failsIn -= 1
    if (sidecar.failsIn === 0) throw new Error('EIO')
  }

  #clock(skew: number): number {
    return NOW + this.steady + skew
  }

  /** The home takes halts, and then the input. */
  #take(input: Input): Effect | undefined {
    const now = this.#clock(this.homeSkew)
    this.#kept.push({ state: this.home, records: this.#log.length })
    for (const each of this.#lane.untaken()) this.#record(handleDelivered(this.home, each, now), now)
    return this.#record(handle(this.home, input, now), now)
  }

  #record([state, events, [effect]]: Step, now: number): Effect | undefined {
    const at = Math.max(this.home.lastAt, now)
    this.home = state
    for (const event of events) this.#hear({ at, event })
    return effect
  }

  #hear(timed: TimedEvent): void {
    this.#log.push(timed)
    const problem = this.#audit.take(timed)
    if (problem !== undefined) this.problems.push(problem)
  }

  /**
   * Another home goes on without the last of the log. What was said of positions, and what was decided and is used, it has: that Redis loses that, too, is what an operator accepts with
   * `--accept-absence`. Who has read further and hears of it stops, and only then is what was decided for it lost.
   */
  failOver(count: number): void {
    const isKnown = this.sidecars.every(({ isCut }) => !isCut)
    const kept = this.#kept.slice(-count).find(({ state }) => {
      const had = ({ memory }: State, decision: string): boolean => memory.byDecision.has(decision)
      const lost = this.asked.filter((decision) => had(this.home, decision) && !had(state, decision))
      return lost.length === 0 || (isKnown && !lost.some((decision) => this.sent.has(decision)))
    })
    if (kept === undefined) return
    this.home = kept.state
    const log = this.#log.slice(0, kept.records)
    this.#log = []
    this.#kept = []
    this.#audit = new AllotmentAudit()
    for (const timed of log) this.#hear(timed)
    for (const { life, isCut } of this.sidecars) {
      if (life !== undefined && !isCut && life.state.sequence > this.home.sequence) life.hasStrayed = true
    }
    this.#take({ kind: 'promote', epoch: this.home.tenure.epoch + 1, by: 'home' })
    for (const each of this.sidecars) this.follow(each)
  }

  /** Nothing before this can be lost. */
  #keep(): void {
    this.#kept = []
  }

  /** What is held is closed by hand but for so much, and adopted. */
  adopt(left: number): void {
    this.held = Math.min(this.held, left)
    this.#freshen()
    this.#take({ kind: 'adopt', account: 'main', operator: 'operator-1', reason: 'test' })
    this.#keep()
  }

  /** The venue tells that an order which was sent has filled, as far as anything is held. */
  fill(decision: string): void {
    const sent = this.sent.get(decision)
    if (sent === undefined || sent.over !== undefined || sent.lots > this.held) return
    const filled = this.#lots.get(decision) ?? 0
    this.#venue(decision, 'filled', filled)
    if (this.home.ledger.orders.get(decision)?.filled !== filled) return
    sent.over = 'filled'
    this.held -= sent.lots
    this.#keep()
  }

  /** The venue tells of the end of an order that nobody sent. */
  venueEnds(decision: string): void {
    if (!this.sent.has(decision)) this.#venue(decision, 'cancelled')
  }

  /** The venue tells that it has an order that was sent, or that it is over without a fill. */
  venueTells(decision: string, event: 'accepted' | 'cancelled'): void {
    const sent = this.sent.get(decision)
    if (sent === undefined || sent.over !== undefined || this.home.ledger.orders.get(decision) === undefined)
      return
    this.#venue(decision, event)
    if (event === 'accepted') sent.isAccepted = true
    else sent.over = 'unfilled'
    this.#keep()
  }

  /** The venue’s word comes late that an order was over before it was sent. */
  venueWasLate(decision: string): void {
    const order = this.home.ledger.orders.get(decision)
    if (order !== undefined && this.sent.get(decision)?.over === undefined)
      this.#venue(decision, 'cancelled', undefined, order.at - 1)
  }

  /** An operator says that a sidecar is gone which does not run, and may be wrong on what it sent. */
  writeOff({ life, name }: Sidecar, decision: string): void {
    if (life !== undefined) return
    const gone = { to: name, reason: 'gone' }
    const effect = this.#take({ kind: 'return', permit: permitId(decision), by: 'operator-1', gone })
    if (effect?.kind !== 'done') return
    this.writtenOff += 1
    if (this.sent.get(decision)?.over === undefined && this.sent.has(decision)) this.erred.add(decision)
    this.#keep()
  }

  #venue(
    order: string,
    event: 'accepted' | 'filled' | 'cancelled',
    filled?: number,
    at = this.home.lastAt,
  ): void {
    this.#serial += 1
    const report = {
      execution: `x-${this.#serial}`,
      order,
      event,
      at,
      ...(filled === undefined ? {} : { filled }),
    }
    this.#take({ kind: 'executions', executions: [report], feeder: null })
  }

  rename(sidecar: Sidecar): void {
    this.kill(sidecar)
    sidecar.isCut = false
    sidecar.name = sidecar.name.endsWith('-2') ? sidecar.name.slice(0, -2) : `${sidecar.name}-2`
    this.start(sidecar)
  }

  /** The home takes what waited. */
  takeLate(): void {
    for (const input of this.#late.splice(0)) this.#take(input)
  }

  heal(sidecar: Sidecar): void {
    sidecar.isCut = false
    this.pass(50)
    this.follow(sidecar)
  }

  follow({ life, isCut }: Sidecar): void {
    if (life === undefined || isCut || life.hasStrayed) return
    // Who was cut off meanwhile hears now that the log went on otherwise.
    if (life.state.sequence > this.home.sequence) {
      life.hasStrayed = true
      return
    }
    life.state = this.home
  }

  #usual(sidecar: Sidecar): Usual {
    return async (input, before) => {
      const { way, life } = sidecar
      sidecar.way = 'whole'
      if (sidecar.isCut) throw new EphorError('CLUSTER_UNREACHABLE', 'cut off')
      if (life?.hasStrayed === true) throw new EphorError('HOME_UNKNOWN', 'the log went on otherwise')
      await before?.()
      if (before !== undefined && sidecar.dies) {
        sidecar.dies = false
        this.kill(sidecar)
        throw new EphorError('SHUTTING_DOWN', 'killed')
      }
      if (way !== 'whole') {
        if (way === 'unanswered') this.#take(input)
        if (way === 'late') this.#late.push(input)
        sidecar.isCut = true
        // Somebody waited for the answer.
        this.pass(2_000)
        throw new EphorError('HOME_SILENT', 'no answer')
      }
      const effect = this.#take(input)
      this.follow(sidecar)
      if (effect?.kind === 'refuse') throw new HomeRefusal(effect.code, effect.detail)
      if (effect?.kind !== 'done') return { kind: 'done', body: {} }
      return effect
    }
  }

  async #call(sidecar: Sidecar, input: Input): Promise<Performed | EphorError> {
    const { life } = sidecar
    if (life === undefined) return new EphorError('SHUTTING_DOWN', 'it does not run')
    const usual = this.#usual(sidecar)
    try {
      return await (life.allotting.concerns(input) ? life.allotting.handle(input, usual) : usual(input))
    } catch (error) {
      if (error instanceof EphorError) return error
      throw error
    }
  }

  /** Prices and positions are told anew, so that nothing is denied for its age. */
  #freshen(): void {
    const at = this.#clock(this.homeSkew)
    const observations = QUIET.filter(({ kind }) => kind === 'portfolio').map(
      (each) => ({ ...each, at, positions: [{ instrument: 'AAPL', quantity: this.held }] }) as never,
    )
    this.#take({ kind: 'observations', observations, feeder: null })
  }

  #request(lots: number): { readonly decision: string; readonly request: ActionRequest } {
    this.#serial += 1
    const id = idAt(this.#clock(this.homeSkew), `${this.#serial}`)
    const decision = decisionId('alpha', id)
    this.#lots.set(decision, lots)
    const sale = { account: 'main', instrument: 'AAPL', side: 'sell', orderType: 'market' } as const
    return { decision, request: { id, agent: 'alpha', action: { type: 'order', ...sale, quantity: lots } } }
  }

  async ask(sidecar: Sidecar, lots: number): Promise<void> {
    this.#freshen()
    const { decision, request } = this.#request(lots)
    this.asked.push(decision)
    await this.#call(sidecar, { kind: 'action', request: { ...request, allot: true } })
  }

  /** An order of the usual kind, through the home. */
  order(lots: number): void {
    this.#freshen()
    const { decision, request } = this.#request(lots)
    this.#take({ kind: 'action', request })
    const effect = this.#take({ kind: 'redeem', permit: permitId(decision), agent: 'alpha' })
    if (effect?.kind === 'done') this.#told(decision, this.home)
    this.#keep()
  }

  async redeem(sidecar: Sidecar, decision: string, times = 1): Promise<void> {
    const input: Input = { kind: 'redeem', permit: permitId(decision), agent: 'alpha' }
    const all = await Promise.all(Array.from({ length: times }, () => this.#call(sidecar, input)))
    for (const one of all) {
      if (one instanceof EphorError || one.kind !== 'done') continue
      const isHere = one.body.cutOff === true
      const state = isHere ? sidecar.life?.state : this.home
      if (state?.ledger.halts.some((halt) => halt.state === 'halted') === true)
        this.problems.push(`${decision} under a halt`)
      this.#told(decision, state ?? this.home, isHere)
    }
  }

  /** Somebody may send it, by what `state` holds. */
  #told(decision: string, state: State, isHere = false): void {
    const { portfolios, exposures } = state.ledger
    const portfolio = portfolios.get('main')
    const ours = portfolio?.positions.get('AAPL')?.quantity ?? 0
    const certain = Math.min(ours, ours + (portfolio?.broker?.differences.get('AAPL') ?? 0))
    const open = exposures.get('main')?.get('AAPL')?.sell ?? 0
    if (open > certain) this.problems.push(`${decision} was sent, and ${open} are open of ${certain}`)
    const before = this.sent.get(decision)
    const times = (before?.times ?? 0) + 1
    this.sent.set(decision, { ...before, lots: this.#lots.get(decision) ?? 0, times, isHere })
  }

  async giveBack(sidecar: Sidecar, decision: string): Promise<void> {
    await this.#call(sidecar, { kind: 'return', permit: permitId(decision), by: 'alpha' })
  }

  async halt({ life }: Sidecar, state: 'halted' | 'reducing'): Promise<void> {
    const request = { scope: { kind: 'instrument', name: 'AAPL' }, state, reason: 'test' } as const
    this.#serial += 1
    await life?.lookout.raise(`r-${this.#serial}`, { kind: 'halt', by: 'operator-1', request })
  }

  lift(): void {
    for (const halt of this.home.ledger.halts.keys())
      for (const operator of ['operator-1', 'operator-2'])
        this.#take({ kind: 'resume', halt, operator, reason: 'test' })
  }

  /** Lets it tell, and waits until it has. */
  async tick(sidecar: Sidecar): Promise<void> {
    const { life } = sidecar
    if (life === undefined || sidecar.isCut) return
    this.follow(sidecar)
    await life.allotting.tell(this.#usual(sidecar))
  }

  kill(sidecar: Sidecar): void {
    sidecar.life = undefined
    dropLock(dirname(sidecar.path))
  }

  /** Lots that were sent and may still fill, with or without those of which an operator was wrong. */
  unfilled(which: 'all' | 'known'): number {
    let sum = 0
    for (const [decision, { lots, over }] of this.sent)
      if (over === undefined && (which === 'all' || !this.erred.has(decision))) sum += lots
    return sum
  }

  get selling(): number {
    return this.home.ledger.exposures.get('main')?.get('AAPL')?.sell ?? 0
  }
}
