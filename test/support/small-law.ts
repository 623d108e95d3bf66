/** A law small enough for agents to run into all the time: while halted nothing, and a position that has its bounds, open orders included. */

/** `facts.yaml`. */
export const FACTS = {
  actions: {
    order: ['order', 'replace'],
    position: ['order', 'replace'],
    instrument: ['order', 'replace', 'cancel'],
  },
  facts: {
    'trading.state': { type: ['active', 'reducing', 'halted'], source: 'ledger', always: true },
    'action.reducing': { type: 'boolean', source: 'ledger' },
    'order.side': { type: ['buy', 'sell'], source: 'action', always: true },
    'order.quantity': { type: 'quantity', source: 'action', always: true },
    'instrument.lot': { type: 'quantity', source: 'market', always: true },
    'position.quantity': { type: 'quantity', source: 'ledger' },
    'position.open': { type: 'quantity', source: 'ledger', always: true },
  },
}

export const ORDERS = { actions: ['order', 'replace'] }

/** No order while halted. */
export const HALTED = {
  id: 'halted',
  title: 'Halted',
  forbid: "trading.state == 'halted'",
  applies: ORDERS,
}

/** No more than so many lots, held and open together. */
export function longLimit(lots: number): object {
  return {
    id: 'long-limit',
    title: 'No more than so many lots',
    forbid: `position.quantity + position.open + order.quantity > instrument.lot * ${lots}`,
    applies: { ...ORDERS, 'order.side': ['buy'] },
    unless: 'action.reducing',
  }
}
