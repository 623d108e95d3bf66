/** One world: agents, adapters, a venue and the real core, with every invariant held after every input. */
import type { Action, ActionRequest } from '../../src/protocol/action.ts'
import type { Execution } from '../../src/protocol/execution.ts'
import { decisionId } from '../../src/engine/memory.ts'
import type { DecisionCore } from '../../src/protocol/decision.ts'
import { EMPTY_STATE, type State } from '../../src/engine/state.ts'
import type { SignoffRequest } from '../../src/protocol/signoff.ts'
import type { Effect, Input } from '../../src/engine/step.ts'
import { differenceOf } from '../support/difference.ts'
import { idAt } from '../support/engine.ts'
import { Broken, must } from './broken.ts'
import { compare, compareFacts } from './compare.ts'
import { ACCOUNTS, AGENTS, INSTRUMENTS, market, PROGRAM } from './constitution.ts'
import { keep, type Core, type Kept } from './core.ts'
import { lotsOf, quantityOf } from './lots.ts'
import { Model } from './model.ts'
import { findEntry } from './model-rules.ts'
import { Truth } from './truth.ts'
import { lotsFor, Venue, type Habits, type Message } from './venue.ts'

/** Reasons of denials that are counted. */
const NOTED = /^(?:BASKET_|MARKET_CLOSED|SENT_TODAY|FILLED_TODAY|TRANSFER_APPROVERS)/

export const START = Date.parse('2026-12-01T15:00:00Z')

/** Whether the naive model is heard, or the venue alone. */
export type Senses = 'all' | 'venue'

/** What was allowed, as the agent's adapter holds it. */
interface Permitted extends Omit<Message, 'kind'> {
  readonly kind: Message['kind'] | 'cash'
  readonly decision: string
  readonly reducing: boolean
}

export class World {
  readonly core: Core
  readonly model = new Model()
  readonly venue: Venue
  readonly truth: Truth
  readonly records: Kept[] = []
  readonly permitted: Permitted[] = []
  readonly requests: ActionRequest[] = []
  /** What was reached, to show that the steps go where they should. */
  readonly seen = new Map<string, number>()
  state: State = EMPTY_STATE
  now = START
  inputs = 0
  /** Redeemed by adapters that died before they sent it. */
  readonly #unsent: Permitted[] = []
  readonly #senses: Senses
  /** Every word that was taken on a transfer, and every transfer that left. */
  readonly #said: { readonly by: string; readonly what: string }[] = []
  readonly #left: string[] = []
  #latest = START
  #losing = false
  #serial = 0

  constructor(core: Core, habits: Habits, senses: Senses = 'all') {
    this.core = core
    this.#senses = senses
    this.venue = new Venue(habits)
    this.truth = new Truth(this)
  }

  /** The time at the venue: it never goes back. */
  get time(): number {
    return this.#latest
  }

  /** Puts the constitution in force, and says what there is. `late`: nobody says what the second account holds. */
  begin(opening: readonly number[], late = false): this {
    this.submit({ kind: 'activate', program: PROGRAM, by: 'author' })
    for (const agent of AGENTS.slice(0, 2)) this.register(agent, ['fast', 'slow'])
    for (const observation of market(START))
      this.submit({ kind: 'observations', observations: [observation], feeder: 'feed' })
    for (const [place, account] of ACCOUNTS.entries()) {
      for (const [at, { name }] of INSTRUMENTS.entries())
        this.venue.opening.set(`${account} ${name}`, BigInt(opening[at] ?? 0))
      this.account(account, 5_000)
      if (place === 0 || !late) this.portfolio(account)
    }
    return this
  }

  register(agent: string, strategies: string[]): void {
    this.submit({ kind: 'register', registration: { agent, role: 'trader', strategies }, by: 'operator' })
  }

  account(account: string, credit: number): void {
    const report = { kind: 'account', account, currency: 'USD', equity: credit, cash: 0, credit } as const
    this.submit({ kind: 'observations', observations: [{ ...report, at: this.now }], feeder: 'feed' })
  }

  /** The broker's word as of now; `lie` lots of the first instrument are not there. */
  portfolio(account: string, lie = 0): void {
    const at = Math.min(this.now, this.time)
    const first = this.model.began.has(account) ? BigInt(lie) : 0n
    const positions = INSTRUMENTS.map(({ name: instrument }, place) => ({
      instrument,
      quantity: quantityOf(
        instrument,
        this.venue.position(account, instrument, at) + (place === 0 ? first : 0n),
      ),
    })).filter(({ quantity }) => quantity !== 0)
    this.submit({
      kind: 'observations',
      observations: [{ kind: 'portfolio', account, positions, at }],
      feeder: 'broker',
    })
  }

  /** An operator takes the broker's word; then that is the truth. */
  adopt(account: string): void {
    const word = this.model.broker.get(account)
    const effect = this.submit({ kind: 'adopt', account, operator: 'operator', reason: 'looked at' })
    if (effect?.kind !== 'done' || word === undefined) return this.truth.hold()
    for (const { name } of INSTRUMENTS) {
      const key = `${account} ${name}`
      const lie = (word.lots.get(name) ?? 0n) - this.venue.position(account, name, word.at)
      this.venue.opening.set(key, (this.venue.opening.get(key) ?? 0n) + lie)
    }
    this.truth.hold(true)
  }

  clock(by: number): void {
    this.now += by
    this.#latest = Math.max(this.#latest, this.now)
    // What was over by the later reading can be sent again by the earlier one, if it has not lapsed. All of it is reserved, and a transfer is under no limit.
    if (by < 0) this.truth.hold(true)
  }

  /** An agent asks; what is allowed is kept by its adapter. */
  ask(agent: string, action: Action, accept: readonly 'narrow'[] = []): Effect | undefined {
    const id = idAt(this.now, String((this.#serial += 1)))
    return this.request({ id, agent, action, ...(accept.length === 0 ? {} : { accept: [...accept] }) })
  }

  request(request: ActionRequest): Effect | undefined {
    this.requests.push(request)
    const effect = this.submit({ kind: 'action', request })
    if (effect?.kind === 'answer') this.#permit(request, effect.decision)
    this.truth.hold(request.action.type === 'transfer')
    return effect
  }

  #permit({ agent }: ActionRequest, of: DecisionCore): void {
    const { decision, verdict, action, worth, reducing, reasons } = of
    this.note(`${action.type} ${verdict}`)
    for (const { code } of reasons) if (NOTED.test(code)) this.note(code)
    if (verdict === 'allow' && action.type === 'order' && action.basket !== undefined)
      this.note('in a basket')
    if (verdict !== 'allow' && verdict !== 'narrow') return
    if (action.type === 'change') return
    if (action.type === 'cancel') {
      const root = findEntry(this.model, action.order)?.id
      const sized = { id: decision, lots: 0n, worth: 0n }
      if (root !== undefined)
        this.permitted.push({ decision, agent, root, kind: 'cancel', action, sized, reducing })
      return
    }
    if (action.type === 'transfer' && action.asset === 'USD') {
      const sized = { id: decision, lots: 0n, worth: BigInt(action.amount) * 1_000_000n }
      this.permitted.push({ decision, agent, root: decision, kind: 'cash', action, sized, reducing })
      return
    }
    const instrument = action.type === 'transfer' ? action.asset : action.instrument
    const lots = lotsFor(instrument, action.type === 'transfer' ? action.amount : action.quantity)
    const sized = { id: decision, lots, worth: BigInt(Math.round((worth ?? 0) * 1e6)) }
    const root = findEntry(this.model, decision)?.id ?? decision
    const kind = action.type === 'replace' ? 'replace' : 'order'
    this.permitted.push({ decision, agent, root, kind, action, sized, reducing })
  }

  /** The last look; what passes it is sent, unless the adapter dies in between. */
  redeem(permitted: Permitted, agent = permitted.agent, dies = false): Effect | undefined {
    const permit = permitted.decision.replace(/^d-/, 'p-')
    const effect = this.submit({ kind: 'redeem', permit, agent })
    if (effect?.kind === 'done') {
      this.note('redeemed')
      this.#leaves(permitted)
      if (dies) this.#unsent.push(permitted)
      else if (permitted.kind !== 'cash') this.venue.send({ ...permitted, kind: permitted.kind })
    } else if (effect?.kind === 'refuse') this.note(effect.code)
    this.truth.hold()
    return effect
  }

  /** An operator's word on a transfer. */
  signOff(request: SignoffRequest, by: string): Effect | undefined {
    const effect = this.submit({ kind: 'signoff', request, by })
    if (effect?.kind === 'done') {
      this.note('signed off')
      this.#said.push({ by, what: JSON.stringify([request.agent, request.action]) })
    } else if (effect?.kind === 'refuse') this.note(effect.code)
    return effect
  }

  /** Behind every transfer that leaves stand the words of two people, who spoke for no other one. */
  #leaves({ agent, action }: Permitted): void {
    if (action.type !== 'transfer') return
    this.note('transferred')
    const what = JSON.stringify([agent, action])
    this.#left.push(what)
    const said = this.#said.filter((word) => word.what === what)
    const most = Math.max(0, ...said.map(({ by }) => said.filter((word) => word.by === by).length))
    const pairs = Math.min(Math.floor(said.length / 2), said.length - most)
    const times = this.#left.filter((one) => one === what).length
    must(times <= pairs, 'two people', () => `${what} left ${times} times, and ${pairs} pairs signed it off`)
  }

  /** Delivers one of the venue's words; `again`: it comes once more later. */
  deliver(pick: number, again = false): Effect | undefined {
    const place = pick % Math.max(this.venue.words.length, 1)
    const word = this.venue.words[place]
    if (word === undefined) return undefined
    const before = findEntry(this.model, word.root)?.filled ?? 0n
    const effect = this.execution(word.execution)
    const early = effect?.kind === 'executed' && effect.refused[0]?.code === 'OBSERVATION_IN_FUTURE'
    if (!early && !again && effect !== undefined) this.venue.words.splice(place, 1)
    this.truth.attribute(word, before)
    return effect
  }

  execution(execution: Execution): Effect | undefined {
    if (process.env.TRACE) console.log(JSON.stringify(execution))
    const effect = this.submit({ kind: 'executions', executions: [execution], feeder: 'venue' })
    if (effect?.kind === 'executed')
      this.note(
        effect.refused[0]?.code ??
          effect.anomalies[0]?.anomaly ??
          (effect.repeated > 0 ? 'repeated' : execution.event),
      )
    return effect
  }

  /** The next input is handled, and the process dies before anything of it is durable. */
  crash(): void {
    this.#losing = true
  }

  restart(): void {
    const state = this.core.restart(this.records)
    if (state === undefined) return
    const difference = differenceOf(this.state, state)
    must(difference === undefined, 'restart', () => `became another: ${difference}`)
    this.state = state
    this.note('restart')
  }

  submit(input: Input): Effect | undefined {
    const { sequence } = this.state
    const [state, events, [effect]] = this.core.handle(this.state, input, this.now)
    this.inputs += 1
    if (this.#losing) {
      this.#losing = false
      this.note('crash')
      this.restart()
      return undefined
    }
    const kept = keep(events, this.now)
    this.records.push(...kept)
    this.state = state
    must(state.sequence === sequence + events.length, 'sequence', () => `${state.sequence} after ${sequence}`)
    this.#agree(() => {
      for (const one of kept) for (const fact of compareFacts(one, this.model)) this.note(fact)
    })
    this.#agree(() => this.model.step(input, this.now, effect, events.length > 0))
    this.#agree(() => compare(state, this.model))
    this.#holdHalts(input, effect)
    this.#holdIds(effect)
    // What an answer lets go is on its way only once its adapter has it.
    if (!['action', 'redeem', 'adopt'].includes(input.kind)) this.truth.hold()
    return effect
  }

  /** What the naive model finds, unless it is not to be heard. */
  #agree(hold: () => void): void {
    try {
      hold()
    } catch (error) {
      if (this.#senses === 'all' || !(error instanceof Broken)) throw error
    }
  }

  note(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1)
  }

  /** Nothing leaves under a halt of everything but cancels, and what certainly reduces while trading reduces. */
  #holdHalts(input: Input, effect: Effect | undefined): void {
    const stop = this.model.stops.filter(({ scope }) => scope.kind === 'everything')
    if (stop.length === 0) return
    const halted = stop.some(({ state }) => state === 'halted')
    if (effect?.kind === 'answer') {
      const { verdict, action, reducing } = effect.decision
      const leaves = (verdict === 'allow' || verdict === 'narrow') && action.type !== 'cancel'
      must(!leaves || (!halted && reducing), 'halt', () => `${JSON.stringify(effect)} under a halt`)
    }
    if (input.kind === 'redeem' && effect?.kind === 'done') {
      const decision = input.permit.replace(/^p-/, 'd-')
      const one = this.permitted.find((other) => other.decision === decision)
      const leaves = one !== undefined && one.kind !== 'cancel'
      must(!leaves || (!halted && one.reducing), 'halt', () => `${input.permit} was redeemed`)
    }
  }

  /** One id reserves once at most. */
  #holdIds(effect: Effect | undefined): void {
    if (effect?.kind !== 'answer') return
    const { decision, request } = effect.decision
    must(decision === decisionId(request.agent, request.id), 'one id', () => decision)
    const earlier = this.permitted.some((one) => one.decision === decision)
    must(!earlier, 'one id', () => `${request.id} was decided twice`)
  }

  /** Everything ends: what is on its way arrives, what is open ends, every permit is over. Then every sum must be nothing. */
  drain(pick: (below: number) => number): void {
    while (this.now < this.time) this.clock(this.time - this.now)
    this.clock(10_000)
    while (this.venue.wire.length > 0) this.venue.take(pick(100), this.time)
    for (const order of this.venue.living) {
      const left = order.current.lots - order.filled
      if (pick(3) === 0 && left > 0n) this.venue.fill(order, left, this.time)
      else this.venue.end(order, 'expired', this.time)
    }
    // Permits lapse with whatever comes next, a few each time.
    do this.submit({ kind: 'beat', agent: 'ada' })
    while ([...this.model.passes.values()].some(({ spent }) => !spent))
    for (const { id } of this.model.entries)
      if (!this.venue.orders.has(id) && this.state.ledger.orders.get(id)?.state !== 'lapsed')
        this.venue.denyKnowing(id, id, this.time)
    for (const { kind, root, decision } of this.#unsent)
      if (kind === 'replace') this.venue.denyKnowing(root, decision, this.time)
    while (this.venue.words.length > 0) this.deliver(pick(100))
    this.clock(1)
    for (const account of ACCOUNTS) this.account(account, 5_000)
    const { exposures, committed, spent, resting, live, parents } = this.state.ledger
    const left = JSON.stringify({ exposures, resting, live, spent })
    const empty =
      exposures.size + committed.size + spent.size + resting.size + live + this.state.permits.open.size
    must(empty === 0, 'leaked', () => `when all has ended there is left ${left}`)
    for (const [key, parent] of parents)
      must(
        BigInt(parent.committed) === this.truth.ofParent(key.replaceAll('\u0000', ' ')),
        'leaked',
        () => `${parent.committed} of ${key}`,
      )
    this.truth.settled()
    this.restart()
  }

  /** The lots of the ledger's position. */
  held(account: string, instrument: string): bigint | undefined {
    const portfolio = this.state.ledger.portfolios.get(account)
    if (portfolio?.completeAt === undefined) return undefined
    return lotsOf(instrument, portfolio.positions.get(instrument)?.quantity ?? 0)
  }
}
