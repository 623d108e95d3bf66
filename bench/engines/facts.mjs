/** The vocabulary of the comparison: 24 numbers and the instrument. All numbers are whole: minor units, ticks, parts per million. */

/**
 * What Ephor reads for one whole unit, and how a rule writes an amount of it.
 * Money is counted in cents, prices in 0.0001, ratios in parts per million, durations in milliseconds.
 */
export const KINDS = {
  money: { type: 'money', perUnit: 100, literal: (amount) => `${amount / 100} USD` },
  price: { type: 'price', perUnit: 10_000 },
  quantity: { type: 'quantity', perUnit: 1 },
  ratio: { type: 'ratio', perUnit: 1_000_000, literal: (amount) => `${amount / 10_000}%` },
  duration: { type: 'duration', perUnit: 1, literal: (amount) => `${amount}ms` },
  count: { type: 'count', perUnit: 1, literal: String },
}

/** Each fact with its kind, the range of a quiet day, and the step it moves in. */
export const FACTS = {
  'order.quantity': { kind: 'quantity', low: 100, high: 20_000, step: 100 },
  'order.value': { kind: 'money', low: 100_000, high: 10_000_000, step: 1 },
  'order.limitPrice': { kind: 'price', low: 990_000, high: 1_010_000, step: 100 },
  'position.worst': { kind: 'quantity', low: 0, high: 80_000, step: 100 },
  'position.worstValue': { kind: 'money', low: 0, high: 50_000_000, step: 1 },
  'position.filled5min': { kind: 'quantity', low: 0, high: 20_000, step: 100 },
  'instrument.adv': { kind: 'quantity', low: 4_000_000, high: 20_000_000, step: 1_000_000 },
  'instrument.sharesOutstanding': { kind: 'quantity', low: 100e6, high: 900e6, step: 1_000_000 },
  'market.reference': { kind: 'price', low: 1_000_000, high: 1_000_000, step: 1_000_000 },
  'market.age': { kind: 'duration', low: 0, high: 900, step: 1 },
  'market.disagreement': { kind: 'ratio', low: 0, high: 4_000, step: 1 },
  'market.move5min': { kind: 'ratio', low: 0, high: 20_000, step: 1 },
  'market.volume5min': { kind: 'quantity', low: 1_000_000, high: 2_000_000, step: 1_000_000 },
  'account.equity': { kind: 'money', low: 1_000_000_000, high: 2_000_000_000, step: 1_000_000 },
  'account.cash': { kind: 'money', low: 800_000_000, high: 900_000_000, step: 1 },
  'account.dayLoss': { kind: 'money', low: 0, high: 10_000_000, step: 1 },
  'account.drawdown': { kind: 'money', low: 0, high: 50_000_000, step: 1 },
  'account.gross': { kind: 'money', low: 0, high: 1_200_000_000, step: 1 },
  'account.net': { kind: 'money', low: 0, high: 400_000_000, step: 1 },
  'account.marginUsed': { kind: 'money', low: 0, high: 300_000_000, step: 1 },
  'strategy.exposure': { kind: 'money', low: 0, high: 90_000_000, step: 1 },
  'sector.exposure': { kind: 'money', low: 0, high: 150_000_000, step: 1 },
  'agent.orders1s': { kind: 'count', low: 0, high: 15, step: 1 },
  'agent.heartbeatAge': { kind: 'duration', low: 0, high: 800, step: 1 },
}

export const INSTRUMENT = 'instrument.id'

/** A fact's name where dots mean something else: `order_value`. */
export function flat(name) {
  return name.replace('.', '_')
}
