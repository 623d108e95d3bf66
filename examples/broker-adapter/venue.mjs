/**
 * A simulated venue: takes orders or rejects them, fills them in parts, cancels them. It has no book and no other side; chance says what
 * happens next, and chance and time are handed to it.
 */

/**
 * @typedef {{ execution: string, order: string, event: 'accepted' | 'filled' | 'cancelled' | 'rejected', filled?: number, price?: number, at: number }} Execution
 * @typedef {{ type: 'order', instrument: string, side: 'buy' | 'sell', quantity: number, limitPrice?: number }} Order
 */

/** How likely a thing is, from 0 to 1. */
const REJECTS = 0.1
const FILLS = 0.6

export class Venue {
  /** Orders that can still be filled, by the decision that allowed them. @type {Map<string, { action: Order, filled: number }>} */
  open = new Map()
  #reported = 0
  #random
  #now
  #report

  /** @param {{ random: () => number, now: () => number, report: (execution: Execution) => void, lot?: number, price?: number }} options */
  constructor({ random, now, report, lot = 1, price = 200 }) {
    this.#random = random
    this.#now = now
    this.#report = report
    this.lot = lot
    this.price = price
  }

  /** Takes an order under the name `order`, or rejects it. @param {string} order @param {Order} action */
  place(order, action) {
    if (this.open.has(order)) throw new Error(`the order ${order} is here already`)
    if (this.#random() < REJECTS) return this.#say(order, 'rejected', { filled: 0 })
    this.open.set(order, { action, filled: 0 })
    return this.#say(order, 'accepted', { filled: 0 })
  }

  /** Takes what is still open of an order away. One that is gone already has said so. @param {string} order */
  cancel(order) {
    const held = this.open.get(order)
    if (held === undefined) return
    this.open.delete(order)
    this.#say(order, 'cancelled', { filled: held.filled })
  }

  /** Lets time pass: each open order is filled a little further, or is not. */
  step() {
    for (const [order, held] of this.open) {
      const { action, filled } = held
      if (this.#random() >= FILLS) continue
      const lots = Math.round((action.quantity - filled) / this.lot)
      held.filled = filled + Math.max(1, Math.ceil(lots * this.#random())) * this.lot
      if (held.filled >= action.quantity) this.open.delete(order)
      this.#say(order, 'filled', { filled: held.filled, price: action.limitPrice ?? this.price })
    }
  }

  /** @param {string} order @param {Execution['event']} event @param {{ filled: number, price?: number }} more */
  #say(order, event, more) {
    this.#reported += 1
    this.#report({ execution: `x-${this.#reported}`, order, event, ...more, at: this.#now() })
  }
}
