/** A simulated venue: takes orders, fills what the market reaches in parts by chance from a seed, cancels, and keeps what was traded. */
import { seeded } from '../base/random.ts'
import type { Action, Order } from '../protocol/action.ts'
import type { Execution } from '../protocol/execution.ts'

export interface VenueOptions {
  readonly seed: number
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** What the instrument trades at. */
  readonly priceOf: (instrument: string) => number
  /** Worth of one unit at a price of 1. */
  readonly multiplier?: number
}

/** What was traded in one instrument. */
export interface Traded {
  readonly bought: number
  readonly sold: number
  /** Worth of both. */
  readonly notional: number
}

const NOTHING: Traded = { bought: 0, sold: 0, notional: 0 }

interface Held {
  readonly order: Order
  readonly filled: number
}

/** Of what is still open, an order is filled whole as often as in part. */
const WHOLE = 0.5

export class Venue {
  readonly #options: VenueOptions
  readonly #open = new Map<string, Held>()
  readonly #traded = new Map<string, Traded>()
  #reports: Execution[] = []
  #said = 0
  readonly #random: () => number

  constructor(options: VenueOptions) {
    this.#options = options
    this.#random = seeded(options.seed)
  }

  /** Orders that can still be filled or cancelled, by the decisions that allowed them. */
  get open(): readonly string[] {
    return [...this.#open.keys()]
  }

  get traded(): ReadonlyMap<string, Traded> {
    return this.#traded
  }

  /** Of all instruments together. */
  get total(): Traded {
    return [...this.#traded.values()].reduce(plus, NOTHING)
  }

  /** Takes what was allowed by `decision`. */
  send(decision: string, action: Action): void {
    if (action.type === 'order') {
      this.#open.set(decision, { order: action, filled: 0 })
      this.#say(decision, 'accepted', 0)
    } else if (action.type === 'cancel') {
      const held = this.#open.get(action.order)
      if (held === undefined) return
      this.#open.delete(action.order)
      this.#say(action.order, 'cancelled', held.filled)
    } else throw new Error(`this venue takes orders and cancels, not a ${action.type}`)
  }

  /** Lets the market reach each open order once: those without a limit, or with one as good as the price, are filled, in part or whole. */
  step(): void {
    for (const [decision, held] of this.#open) {
      const { order, filled } = held
      const price = this.#options.priceOf(order.instrument)
      if (order.limitPrice !== undefined && !isReached(order, price)) continue
      const left = order.quantity - filled
      const more = this.#random() < WHOLE ? left : Math.max(1, Math.floor(left * this.#random()))
      this.#fill(decision, { order, filled: filled + more }, more, price)
    }
  }

  /** Fills all that the market reaches. */
  finish(): void {
    for (let before = -1; before !== this.#said;) {
      before = this.#said
      this.step()
    }
  }

  /** What the venue has said since it was last asked. */
  takeReports(): Execution[] {
    const reports = this.#reports
    this.#reports = []
    return reports
  }

  #fill(decision: string, held: Held, more: number, price: number): void {
    const { order, filled } = held
    if (filled >= order.quantity) this.#open.delete(decision)
    else this.#open.set(decision, held)
    const notional = more * price * (this.#options.multiplier ?? 1)
    const fill =
      order.side === 'buy' ? { bought: more, sold: 0, notional } : { bought: 0, sold: more, notional }
    this.#traded.set(order.instrument, plus(this.#traded.get(order.instrument) ?? NOTHING, fill))
    this.#say(decision, 'filled', filled, price)
  }

  #say(order: string, event: Execution['event'], filled: number, price?: number): void {
    this.#said += 1
    const at = this.#options.now()
    this.#reports.push({
      execution: `x-${this.#said}`,
      order,
      event,
      filled,
      ...(price === undefined ? {} : { price }),
      at,
    })
  }
}

function isReached({ side, limitPrice = 0 }: Order, price: number): boolean {
  return side === 'buy' ? limitPrice >= price : limitPrice <= price
}

function plus(a: Traded, b: Traded): Traded {
  return { bought: a.bought + b.bought, sold: a.sold + b.sold, notional: a.notional + b.notional }
}
