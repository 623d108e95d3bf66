/** The simulated venue and broker: what was really sent, what filled, and what could still fill. Knows nothing of the ledger. */
import type { Action } from '../../src/protocol/action.ts'
import type { Execution } from '../../src/protocol/execution.ts'
import { lotsOf, most, quantityOf, sum } from './lots.ts'

/** A size as it was allowed, with its worth in micro-units. */
export interface Sized {
  readonly id: string
  readonly lots: bigint
  readonly worth: bigint
}

interface Filled {
  readonly at: number
  readonly lots: bigint
  /** What each of them was allowed to cost by what was in force, in micro-units, rounded down. */
  readonly each: bigint
}

export interface Working {
  readonly root: string
  readonly account: string
  readonly instrument: string
  readonly side: 'buy' | 'sell'
  readonly parent: string | undefined
  current: Sized
  filled: bigint
  /** Filled beyond what it was for. */
  over: bigint
  live: boolean
  readonly fills: Filled[]
}

/** On its way to the venue. */
export interface Message {
  readonly root: string
  readonly agent: string
  readonly kind: 'order' | 'replace' | 'cancel'
  readonly action: Action
  readonly sized: Sized
}

/** On its way back. */
export interface Word {
  readonly execution: Execution
  readonly root: string
}

/** What it says of an order. What ends or replaces one tells what filled, since it may overtake the words that told it. */
type Said =
  | Pick<Extract<Execution, { filled: number }>, 'event' | 'filled'>
  | { readonly event: 'accepted' | 'rejected' }

export interface Habits {
  /** Takes a replacement only of what is in force; else of whatever the order is by now. */
  readonly strict: boolean
  /** Names an order in reports as it was first called; else by its latest replacement. */
  readonly byRoot: boolean
}

const filledOf = ({ instrument, filled }: Working): number => quantityOf(instrument, filled)

export class Venue {
  readonly orders = new Map<string, Working>()
  readonly wire: Message[] = []
  readonly words: Word[] = []
  /** By account and instrument: what was there before anything filled. */
  readonly opening = new Map<string, bigint>()
  readonly #habits: Habits
  #serial = 0

  constructor(habits: Habits) {
    this.#habits = habits
  }

  send(message: Message): void {
    this.wire.push(message)
  }

  /** Takes the next message about one of the orders that have any. */
  take(pick: number, at: number): void {
    const roots = [...new Set(this.wire.map(({ root }) => root))]
    const root = roots[pick % Math.max(roots.length, 1)]
    const place = this.wire.findIndex((message) => message.root === root)
    const [message] = place < 0 ? [] : this.wire.splice(place, 1)
    if (message === undefined) return
    const order = this.orders.get(message.root)
    const refuses = pick % 7 === 6
    if (message.kind === 'order') return this.#open(message, refuses, at)
    if (message.kind === 'cancel') {
      if (order?.live === true && !refuses) this.end(order, 'cancelled', at)
      return
    }
    const { sized, action } = message
    const replaces = action.type === 'replace' ? action.order : ''
    const known = order?.live === true && (!this.#habits.strict || order.current.id === replaces)
    if (order === undefined || !known || refuses) {
      this.#say(message.root, sized.id, { event: 'rejected' }, at)
      return
    }
    order.current = sized
    // What it becomes is filled already.
    if (sized.lots <= order.filled) order.live = false
    this.#say(message.root, sized.id, { event: 'replaced', filled: filledOf(order) }, at)
  }

  #open({ root, agent, action, sized }: Message, refuses: boolean, at: number): void {
    if (action.type !== 'order' && action.type !== 'transfer') return
    const instrument = action.type === 'order' ? action.instrument : action.asset
    const parent =
      action.type === 'order' && action.parent !== undefined
        ? `${action.account} ${agent} ${action.parent.id}`
        : undefined
    const side = action.type === 'order' ? action.side : 'sell'
    const { account } = action
    const order: Working = {
      root,
      account,
      instrument,
      side,
      parent,
      current: sized,
      filled: 0n,
      over: 0n,
      live: !refuses,
      fills: [],
    }
    this.orders.set(root, order)
    this.#say(root, root, { event: refuses ? 'rejected' : 'accepted' }, at)
  }

  get living(): Working[] {
    return [...this.orders.values()].filter(({ live }) => live)
  }

  fill(order: Working, lots: bigint, at: number): void {
    order.filled += lots
    const beyond = order.filled - order.current.lots
    if (beyond > order.over) order.over = beyond
    if (beyond >= 0n) order.live = false
    const { current } = order
    order.fills.push({ at, lots, each: current.worth / current.lots })
    this.#say(order.root, this.#nameOf(order), { event: 'filled', filled: filledOf(order) }, at)
  }

  end(order: Working, event: 'cancelled' | 'expired', at: number): void {
    order.live = false
    this.#say(order.root, this.#nameOf(order), { event, filled: filledOf(order) }, at)
  }

  /** Says once more what it has said of a replacement that it refused. */
  repeatRefusal(word: Word): void {
    this.words.push({ ...word, execution: { ...word.execution, execution: this.#next() } })
  }

  /** What an adapter hears that asks for what the venue has never seen. */
  denyKnowing(root: string, id: string, at: number): void {
    this.#say(root, id, { event: 'rejected' }, at)
  }

  #nameOf({ root, current }: Working): string {
    return this.#habits.byRoot ? root : current.id
  }

  #next(): string {
    return `x-${(this.#serial += 1)}`
  }

  #say(root: string, order: string, said: Said, at: number): void {
    this.words.push({ root, execution: { execution: this.#next(), order, ...said, at } })
  }

  /** The position at the broker's: as of `at`, without what filled then or later. */
  position(account: string, instrument: string, at = Number.POSITIVE_INFINITY): bigint {
    const filled = [...this.orders.values()]
      .filter((order) => order.account === account && order.instrument === instrument)
      .map(({ side, fills }) => {
        const lots = sum(fills.filter((fill) => fill.at < at).map((fill) => fill.lots))
        return side === 'buy' ? lots : -lots
      })
    return (this.opening.get(`${account} ${instrument}`) ?? 0n) + sum(filled)
  }

  /** Sizes that an order could still come to: in force, on the wire, and those of `sendable`, which may yet be sent. */
  #reach(root: string, sendable: readonly Sized[]): Sized[] {
    const order = this.orders.get(root)
    if (order !== undefined && !order.live) return []
    const sent = this.wire.filter((message) => message.root === root && message.kind !== 'cancel')
    const known = order === undefined ? [] : [order.current]
    // A replacement reaches nothing while the order it replaces is neither here nor on its way.
    const first =
      order !== undefined || [...sent.map(({ sized }) => sized), ...sendable].some(({ id }) => id === root)
    return first ? [...known, ...sent.map(({ sized }) => sized), ...sendable] : []
  }

  /** Lots of an order that could still fill. */
  couldFill(root: string, sendable: readonly Sized[]): bigint {
    const filled = this.orders.get(root)?.filled ?? 0n
    return most(...this.#reach(root, sendable).map(({ lots }) => lots - filled))
  }

  /** Their worth at worst, rounded down. */
  couldCost(root: string, sendable: readonly Sized[]): bigint {
    const filled = this.orders.get(root)?.filled ?? 0n
    const reach = this.#reach(root, sendable).filter(({ lots }) => lots > filled)
    return most(...reach.map(({ lots, worth }) => (worth * (lots - filled)) / lots))
  }

  /** What was spent on an order after `at`, in micro-units: each lot by what was in force when it filled. */
  spent(root: string, at: number): bigint {
    const fills = (this.orders.get(root)?.fills ?? []).filter((fill) => fill.at > at)
    return sum(fills.map(({ lots, each }) => lots * each))
  }
}

/** The lots that an action is for, whole; what is no whole number of them is one more. */
export function lotsFor(instrument: string, quantity: number): bigint {
  const whole = lotsOf(instrument, quantity)
  if (whole !== undefined) return whole
  let lots = 0n
  while (quantityOf(instrument, lots) < quantity) lots += 1n
  return lots
}
