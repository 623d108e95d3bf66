/** The naive model: says of each input what must come of it, and remembers it as plain lists. */
import type { Action, ActionRequest } from '../../src/protocol/action.ts'
import type { Execution } from '../../src/protocol/execution.ts'
import type { Observation } from '../../src/protocol/observation.ts'
import { decisionId } from '../../src/engine/memory.ts'
import type { Effect, Input } from '../../src/engine/step.ts'
import { must } from './broken.ts'
import type { Heard, Sent } from './model-days.ts'
import { lotsOf, most, quantityOf } from './lots.ts'
import { findEntry, heldAgainst, isExit, judge, open, tradingState, type Opinion } from './model-rules.ts'
import { Words } from './model-signoffs.ts'
import {
  ceil,
  isOpen,
  newestOf,
  openSizes,
  waiting,
  type Away,
  type Counted,
  type Entry,
  type Holdings,
  type Pass,
  type Size,
  type Stop,
} from './model-state.ts'

const PERMIT_MS = 5_000
/** How old an id may be, and by how much longer it is remembered. */
const ID_MS = 7 * 86_400_000
const SKEW_MS = 60_000
const REPORTS_KEPT = 64

/** What the core answered, in one word where there is one. */
function told(effect: Effect | undefined): string {
  switch (effect?.kind) {
    case 'answer':
      return effect.decision.verdict
    case 'refuse':
      return effect.code
    case 'executed':
      return (
        [...effect.refused, ...effect.anomalies.map(({ anomaly }) => ({ code: anomaly }))][0]?.code ??
        (effect.repeated > 0 ? 'repeated' : 'counted')
      )
    case 'observed':
      return effect.refused[0]?.code ?? 'observed'
    default:
      return effect?.kind ?? 'nothing'
  }
}

const BY_THE_CLOCK = ['action', 'observations', 'redeem', 'activate', 'signoff']

export class Model {
  lastAt = 0
  readonly entries: Entry[] = []
  readonly passes = new Map<string, Pass>()
  readonly fills: Counted[] = []
  readonly away: Away[] = []
  stops: Stop[] = []
  readonly began = new Map<string, Holdings>()
  readonly broker = new Map<string, Holdings>()
  readonly credit = new Map<string, { micro: bigint; at: number }>()
  readonly parents = new Map<
    string,
    { instrument: string; side: 'buy' | 'sell'; strategy: string; lots: bigint }
  >()
  readonly baskets = new Map<string, { strategy: string; micro: bigint }>()
  readonly strategies = new Map<string, readonly string[]>()
  readonly days = { sent: [] as Sent[], heard: [] as Heard[] }
  readonly words = new Words((name) => this.strategies.has(name))
  /** Hash of the constitution in force. */
  inForce = ''
  /** How often another came into force. */
  changes = 0
  readonly asked = new Map<string, { readonly text: string; readonly at: number }>()
  /** Agents by the decisions that allowed them something. */
  readonly given = new Map<string, string>()

  /** Holds the answer to one input against what it must be, and takes it in. `sequence` is that of the state before. */
  step(input: Input, now: number, effect: Effect | undefined, recorded: boolean): void {
    this.#lapse(now)
    const expected = this.#expect(input, now, effect)
    must(
      told(effect) === expected,
      'agreement',
      () => `${JSON.stringify(input)} at ${now}: ${JSON.stringify(effect)} where ${expected} was expected`,
    )
    if (recorded) this.lastAt = Math.max(this.lastAt, now)
    this.#void()
  }

  #expect(input: Input, now: number, effect: Effect | undefined): string {
    const cancels = input.kind === 'action' && input.request.action.type === 'cancel'
    if (now < this.lastAt && BY_THE_CLOCK.includes(input.kind) && !cancels) return 'CLOCK_BACKWARDS'
    switch (input.kind) {
      case 'action':
        return this.#action(input.request, Math.max(now, this.lastAt), effect)
      case 'observations':
        return this.#observed(input.observations, now)
      case 'executions':
        return this.#executed(input.executions[0] as Execution, Math.max(now, this.lastAt))
      case 'redeem':
        return this.#redeem(input.permit, input.agent, now)
      case 'adopt':
        return this.#adopt(input.account)
      case 'register':
        this.strategies.set(input.registration.agent, input.registration.strategies)
        return 'done'
      case 'halt':
        return this.#halt(input, effect)
      case 'signoff':
        return this.words.say(input, now, effect)
      case 'unsign':
        return this.words.takeBack(input.signoff)
      case 'activate':
        return this.#activate(input.program.constitution.hash)
      case 'resume':
        return this.#resume(input.halt, input.operator)
      default:
        return 'done'
    }
  }

  #activate(hash: string): string {
    if (hash !== this.inForce) this.changes += 1
    if (hash !== this.inForce) this.words.outdate()
    this.inForce = hash
    return 'done'
  }

  #action(request: ActionRequest, now: number, effect: Effect | undefined): string {
    const { agent, action, id } = request
    const decision = decisionId(agent, id)
    const text = JSON.stringify([action, request.accept ?? []])
    const known = this.asked.get(decision)
    if (known !== undefined) return known.text === text ? 'recall' : 'ID_CONFLICT'
    if (timeOf(id) < now - ID_MS) return 'ID_TOO_OLD'
    // Asked for the first time, or lost with what crashed, before the clock was set back.
    if (timeOf(id) > now + SKEW_MS) return 'ID_IN_FUTURE'
    for (const [other, { at }] of this.asked) if (at < now - ID_MS - SKEW_MS) this.asked.delete(other)
    this.asked.set(decision, { text, at: now })
    let opinion = judge(this, agent, action, now)
    let passed = action
    const narrows = request.accept?.includes('narrow') === true && !opinion.allowed
    if (narrows && effect?.kind === 'answer' && effect.decision.verdict === 'narrow') {
      passed = effect.decision.action
      opinion = this.#narrowed(action, passed, agent, now)
    }
    if (!opinion.allowed) return 'deny'
    this.#allow(decision, agent, passed, opinion, now)
    if (effect?.kind === 'answer')
      must(
        action.type === 'transfer' || action.type === 'cancel'
          ? effect.decision.expires === permitEnd(now)
          : effect.decision.reducing === opinion.reducing && effect.decision.expires === permitEnd(now),
        'agreement',
        () => `${JSON.stringify(effect)} where ${JSON.stringify(opinion.reducing)}`,
      )
    return passed === action ? 'allow' : 'narrow'
  }

  /** What was made of an action that was too large must be the same but smaller, and pass. */
  #narrowed(asked: Action, passed: Action, agent: string, now: number): Opinion {
    const [whole, smaller] = [asked, passed].map((one) => ('quantity' in one ? one.quantity : 0)) as [
      number,
      number,
    ]
    must(
      smaller < whole && JSON.stringify({ ...passed, quantity: whole }) === JSON.stringify(asked),
      'agreement',
      () => `${JSON.stringify(asked)} was narrowed to ${JSON.stringify(passed)}`,
    )
    return judge(this, agent, passed, now)
  }

  #allow(decision: string, agent: string, action: Action, opinion: Opinion, now: number): void {
    const { strategy, reducing, worth, exit, value } = opinion
    this.given.set(decision, agent)
    this.days.sent.push({ agent, at: now })
    if (action.type === 'transfer') this.words.use(agent, action, now, decision)
    this.passes.set(decision, {
      agent,
      action,
      reducing,
      strategy,
      expires: permitEnd(now),
      changes: this.changes,
      spent: false,
    })
    if (action.type === 'replace') {
      const entry = findEntry(this, action.order) as Entry
      const lots = lotsOf(action.instrument, action.quantity) as bigint
      const price = action.limitPrice ?? newestOf(entry)?.price
      entry.sizes.push({ id: decision, lots, price, worth, exit, value, gone: false })
    }
    if (action.type === 'transfer' && ['ONE', 'TENTH', 'FIVE'].includes(action.asset)) {
      const { account, asset: instrument, amount } = action
      // What is no whole number of lots is held as one lot more.
      let lots = 0n
      while (quantityOf(instrument, lots) < amount) lots += 1n
      const size: Size = {
        id: decision,
        lots,
        price: undefined,
        worth: 0n,
        exit: worth,
        value: 0n,
        gone: false,
      }
      this.entries.push(
        newEntry(
          {
            agent,
            account,
            instrument,
            side: 'sell',
            market: true,
            isTransfer: true,
            parent: undefined,
            basket: undefined,
            strategy,
            at: now,
          },
          size,
        ),
      )
    }
    if (action.type === 'transfer' && action.asset === 'USD')
      this.away.push({ id: decision, account: action.account, worth, at: undefined, settled: false })
    if (action.type === 'order') {
      const { account, instrument, side, parent, basket } = action
      const lots = lotsOf(instrument, action.quantity) as bigint
      const size: Size = { id: decision, lots, price: action.limitPrice, worth, exit, value, gone: false }
      const key = parent && `${account} ${agent} ${parent.id}`
      const market = action.orderType === 'market'
      const of = basket && `${account} ${agent} ${basket.id}`
      this.entries.push(
        newEntry(
          {
            agent,
            account,
            instrument,
            side,
            market,
            isTransfer: false,
            parent: key,
            basket: of,
            strategy,
            at: now,
          },
          size,
        ),
      )
      if (basket !== undefined && of !== undefined && !this.baskets.has(of))
        this.baskets.set(of, { strategy, micro: BigInt(basket.value) * 1_000_000n })
      if (parent !== undefined && key !== undefined && !this.parents.has(key))
        this.parents.set(key, {
          instrument,
          side,
          strategy,
          lots: lotsOf(instrument, parent.quantity) as bigint,
        })
    }
  }

  #observed([observation]: readonly Observation[], now: number): string {
    if (observation === undefined || (observation.kind !== 'account' && observation.kind !== 'portfolio'))
      return 'observed'
    const { account, at } = observation
    if (at > now) return 'OBSERVATION_IN_FUTURE'
    if (observation.kind === 'account') {
      if (at < (this.credit.get(account)?.at ?? 0)) return 'OBSERVATION_STALE'
      this.credit.set(account, { micro: BigInt(observation.credit ?? 0) * 1_000_000n, at })
      for (const fill of this.fills) if (fill.account === account && fill.at < at) fill.settled = true
      for (const one of this.away) if (one.account === account && (one.at ?? at) < at) one.settled = true
      return 'observed'
    }
    const ours = this.fills.filter((fill) => fill.account === account).map((fill) => fill.at)
    if (at < (this.broker.get(account)?.at ?? Math.max(0, ...ours))) return 'OBSERVATION_STALE'
    const lots = new Map(
      observation.positions.map(({ instrument, quantity }) => [
        instrument,
        lotsOf(instrument, quantity) as bigint,
      ]),
    )
    if (!this.began.has(account)) this.began.set(account, { at, lots })
    this.broker.set(account, { at, lots })
    return 'observed'
  }

  #adopt(account: string): string {
    const word = this.broker.get(account)
    if (word === undefined) return 'PORTFOLIO_UNKNOWN'
    this.began.set(account, word)
    return 'done'
  }

  #executed(execution: Execution, now: number): string {
    const { event, order: named, filled, at } = execution
    if (at > now) return 'OBSERVATION_IN_FUTURE'
    const entry = findEntry(this, named)
    if (entry === undefined) return 'EXECUTION_ORDER_UNKNOWN'
    const before = entry.reports.find((one) => one.execution === execution.execution)
    if (before !== undefined)
      return JSON.stringify(before) === JSON.stringify(execution) ? 'repeated' : 'EXECUTION_CONFLICT'
    const elsewhere = this.entries.filter((other) => other !== entry && other.account === entry.account)
    if (elsewhere.some(({ told }) => told.has(execution.execution))) return 'EXECUTION_CONFLICT'
    const size = entry.sizes.findIndex(({ id }) => id === named)
    const isWaiting = waiting(entry).some(({ id }) => id === named)
    const wasEnded = entry.reports.some(
      (one) => one.order === named && one.at >= at && (one.event === 'cancelled' || one.event === 'expired'),
    )
    if (event === 'replaced' && !isWaiting && !(wasEnded && size > entry.current)) return 'EXECUTION_CONFLICT'
    // The order by its first name, or as it is now.
    const isIt = size === 0 || size === entry.current
    if (event === 'rejected' && isIt && (entry.filled > 0n || size !== entry.current))
      return 'EXECUTION_CONFLICT'
    const said = filled === undefined ? entry.filled : lotsOf(entry.instrument, filled)
    if (said === undefined) return 'EXECUTION_OFF_LOT'
    if (said < entry.filled && event === 'filled') return 'EXECUTION_BACKWARDS'
    const lots = said > entry.filled ? said : entry.filled
    const sizes = openSizes(entry)
    const anomaly = sizes.every((each) => lots > each.lots)
      ? 'FILLED_OVER'
      : isOpen(entry)
        ? 'counted'
        : 'AFTER_END'
    const silent = entry.over === 'lapsed' && lots === entry.filled
    if (lots > entry.filled) {
      const { account, instrument, side } = entry
      this.days.heard.push({ account, instrument, side, lots: lots - entry.filled, at: now })
    }
    this.#count(entry, lots, Math.max(at, entry.at))
    this.#spend(entry, size)
    entry.reports = [...entry.reports, execution].slice(-REPORTS_KEPT)
    entry.told.add(execution.execution)
    become(entry, execution, { place: size, isWaiting, silent })
    return anomaly
  }

  /** Counts what is newly filled, at the dearest price that it may have had. */
  #count(entry: Entry, lots: bigint, at: number): void {
    const more = lots - entry.filled
    if (more === 0n) return
    const { account, instrument, side } = entry
    const began = this.began.get(account)
    // A fill that the positions began with tells nobody whether it opened one.
    const told = this.broker.get(account)
    const isKnown = told !== undefined && at < told.at
    const held = began === undefined || at < began.at ? 0n : heldAgainst(this, entry, isKnown)
    const opened = more > held ? more - held : 0n
    const worths = openSizes(entry).map(
      (size) => ceil(size.worth * more, size.lots) + ceil(size.exit * opened, size.lots),
    )
    this.fills.push({
      account,
      instrument,
      lots: side === 'buy' ? more : -more,
      at,
      worth: worths.reduce((greatest, worth) => (worth > greatest ? worth : greatest), 0n),
      settled: false,
    })
    entry.filledValue += most(...openSizes(entry).map(({ value, lots: of }) => ceil(value * more, of)))
    entry.filled = lots
  }

  #redeem(permit: string, agent: string, now: number): string {
    const decision = `d-${permit.slice(2)}`
    const pass = this.passes.get(decision)
    if (pass === undefined || pass.agent !== agent) return 'PERMIT_UNKNOWN'
    // One that is over may wait to lapse behind others.
    if (pass.spent || pass.expires <= now) return 'PERMIT_SPENT'
    const { action, strategy, reducing } = pass
    const entry = findEntry(this, decision)
    const place = entry?.sizes.findIndex(({ id }) => id === decision) ?? -1
    if (entry !== undefined && action.type === 'replace') {
      // One that would overtake what was sent after it.
      const later = waiting(entry).filter(({ id }) => entry.sizes.findIndex((size) => size.id === id) > place)
      if (later.some(({ id }) => this.passes.get(id)?.spent === true)) return 'PERMIT_SPENT'
    }
    const state = action.type === 'cancel' ? 'active' : tradingState(this, agent, action, strategy)
    if (state === 'halted' || (state === 'reducing' && !(reducing && this.#isExitStill(entry, decision))))
      return 'HALTED_SINCE'
    // It was counted for a strategy that its agent is registered with no more.
    if (entry !== undefined && action.type !== 'cancel' && !this.#isOwn(agent, entry.strategy))
      return 'AUTHORITY_ENDED'
    if (this.words.isTakenBack(decision)) return 'SIGNOFF_ENDED'
    if (action.type !== 'cancel' && pass.changes !== this.changes) return 'CONSTITUTION_CHANGED'
    if (this.words.isOutdated(decision)) return 'SIGNOFF_ENDED'
    pass.spent = true
    for (const one of this.away) if (one.id === decision) one.at = now
    if (entry !== undefined) this.#spend(entry, place)
    return 'done'
  }

  #isOwn(agent: string, strategy: string): boolean {
    return strategy === `agent:${agent}` || this.strategies.get(agent)?.includes(strategy) === true
  }

  #isExitStill(entry: Entry | undefined, decision: string): boolean {
    if (entry === undefined) return false
    const { account, instrument, side, filled } = entry
    const size = waiting(entry).find(({ id }) => id === decision) ?? entry.sizes[entry.current]
    const left = (size?.lots ?? 0n) - filled
    return isExit(this, entry, open(this, account, instrument, side, entry) + (left > 0n ? left : 0n))
  }

  /** What is sent, or spoken of, says that the order was. */
  #spend({ sizes, current }: Entry, place: number): void {
    for (const { id } of [sizes[place], sizes[current]] as Size[]) {
      const pass = this.passes.get(id)
      if (pass !== undefined) pass.spent = true
    }
  }

  /** Permits that were never redeemed are over in time, and what they reserved is free. */
  #lapse(now: number): void {
    // A few with each input, so that nobody waits for thousands.
    const over = [...this.passes].filter(([, pass]) => !pass.spent && pass.expires <= now).slice(0, 2)
    for (const [decision, pass] of over) {
      pass.spent = true
      this.lastAt = Math.max(this.lastAt, now)
      for (const one of this.away) if (one.id === decision) one.settled = true
      const entry = findEntry(this, decision)
      if (entry === undefined) continue
      const size = entry.sizes.find(({ id }) => id === decision) as Size
      if (pass.action.type === 'replace') {
        size.gone = true
        settle(entry)
      } else {
        entry.over = 'lapsed'
        for (const later of waiting(entry)) later.gone = true
      }
      this.#void()
    }
  }

  /** A replacement that nothing is reserved for any more cannot be sent any more. */
  #void(): void {
    for (const entry of this.entries) {
      const left = isOpen(entry) ? waiting(entry) : []
      for (const size of entry.sizes.slice(1)) {
        const pass = this.passes.get(size.id)
        if (pass !== undefined && !left.includes(size)) pass.spent = true
      }
    }
  }

  #halt({ request }: Input & { kind: 'halt' }, effect: Effect | undefined): string {
    const { scope, state } = request
    const same = this.stops.find(
      (stop) => stop.state === state && JSON.stringify(stop.scope) === JSON.stringify(scope),
    )
    if (same !== undefined) same.resumes = []
    else if (effect?.kind === 'done')
      this.stops.push({ id: String(effect.body.halt), scope, state, resumes: [] })
    return 'done'
  }

  #resume(halt: string, operator: string): string {
    const stop = this.stops.find(({ id }) => id === halt)
    if (stop === undefined) return 'HALT_UNKNOWN'
    if (stop.resumes.includes(operator)) return 'HALT_SECOND_OPERATOR'
    stop.resumes.push(operator)
    if (stop.resumes.length === 2) this.stops = this.stops.filter((other) => other !== stop)
    return 'done'
  }

  /** Whether a permit could still be redeemed at `now`, halts aside. */
  sendable(decision: string, now: number): boolean {
    const pass = this.passes.get(decision)
    return pass !== undefined && !pass.spent && pass.expires > now
  }
}

/** The first ten of an id's letters are its time, in base 32. */
function timeOf(id: string): number {
  let time = 0
  for (const letter of id.slice(0, 10)) time = time * 32 + '0123456789ABCDEFGHJKMNPQRSTVWXYZ'.indexOf(letter)
  return time
}

const permitEnd = (at: number): number => Math.floor((at + PERMIT_MS) / 1000) * 1000

function newEntry(
  of: Omit<Entry, 'id' | 'sizes' | 'current' | 'filled' | 'filledValue' | 'over' | 'reports' | 'told'>,
  size: Size,
): Entry {
  return {
    ...of,
    id: size.id,
    sizes: [size],
    current: 0,
    filled: 0n,
    filledValue: 0n,
    over: 'no',
    reports: [],
    told: new Set(),
  }
}

/** An order that has filled all it may come to is over. */
function settle(entry: Entry): void {
  if (isOpen(entry) && openSizes(entry).every(({ lots }) => entry.filled >= lots)) entry.over = 'ended'
}

/** What a report makes of an order; its fills are counted already. */
function become(
  entry: Entry,
  { event }: Execution,
  { place, isWaiting, silent }: { place: number; isWaiting: boolean; silent: boolean },
): void {
  const size = entry.sizes[place] as Size
  if (entry.over === 'lapsed') entry.over = 'no'
  switch (event) {
    case 'accepted':
    case 'filled':
      settle(entry)
      return
    case 'replaced':
      if (!isWaiting) {
        // It had ended as this, and only now we hear that it had become it.
        entry.over = 'ended'
        return
      }
      for (const earlier of entry.sizes.slice(0, place)) earlier.gone = true
      entry.current = place
      settle(entry)
      return
    default:
      if (isWaiting) {
        size.gone = true
        settle(entry)
      } else if (place !== 0 && place !== entry.current) {
        // Of a replacement that is no longer asked for: it says nothing of the order.
        if (silent) entry.over = 'lapsed'
        else settle(entry)
      } else {
        // What it was to become next is not gone: what we hear of later may have filled at its price.
        entry.over = 'ended'
      }
  }
}
