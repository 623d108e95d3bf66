/** Holds the ledger's running sums against the naive model's, all of them. */
import { committedOf as committedIn } from '../../src/ledger/committed.ts'
import { parentKey, type Ledger, type PortfolioState } from '../../src/ledger/ledger.ts'
import type { State } from '../../src/engine/state.ts'
import { must } from './broken.ts'
import { isMarketOpen } from './calendar.ts'
import { ACCOUNTS, INSTRUMENTS } from './constitution.ts'
import type { Kept } from './core.ts'
import { lotsOf, quantityOf } from './lots.ts'
import { filledToday, sentToday } from './model-days.ts'
import { committed, difference, findEntry, ofBasket, ofParent, open, position } from './model-rules.ts'
import { isOpen, openSizes, type Entry } from './model-state.ts'
import type { Model } from './model.ts'

const SIDES = ['buy', 'sell'] as const

export function compare({ ledger, permits, lastAt }: State, model: Model): void {
  const same = (what: string, found: unknown, expected: unknown): void =>
    must(
      Object.is(found, expected),
      'sums',
      () => `${what} is ${String(found)} and adds up to ${String(expected)}`,
    )
  for (const account of ACCOUNTS) {
    same(`committed of ${account}`, committedOf(ledger, account), committed(model, account))
    for (const { name } of INSTRUMENTS) {
      const where = `${account} ${name}`
      for (const side of SIDES)
        same(
          `open ${side} of ${where}`,
          BigInt(ledger.exposures.get(account)?.get(name)?.[side] ?? 0),
          open(model, account, name, side),
        )
      const portfolio = ledger.portfolios.get(account)
      same(`position of ${where}`, held(portfolio, name), position(model, account, name))
      same(
        `difference of ${where}`,
        lotsOf(name, portfolio?.broker?.differences.get(name) ?? 0),
        difference(model, account, name),
      )
    }
  }
  for (const key of model.parents.keys()) {
    const [account = '', agent = '', id = ''] = key.split(' ')
    same(
      `parent ${key}`,
      BigInt(ledger.parents.get(parentKey(account, agent, id))?.committed ?? -1),
      ofParent(model, key),
    )
  }
  for (const key of model.baskets.keys()) {
    const [account = '', agent = '', id = ''] = key.split(' ')
    const found = ledger.baskets.get(parentKey(account, agent, id))?.committed
    same(`basket ${key}`, found?.unknown === 0 ? found.micro : undefined, ofBasket(model, key))
  }
  same('live orders', ledger.live, model.entries.filter(isOpen).length)
  for (const { name } of INSTRUMENTS)
    for (const side of SIDES)
      same(`resting ${name} ${side}`, resting(ledger, name, side), prices(model, name, side))
  same(
    'permits',
    [...permits.ends].filter((decision) => permits.open.has(decision)).join(' '),
    [...model.passes].flatMap(([decision, { spent }]) => (spent ? [] : [decision])).join(' '),
  )
  same(
    'halts',
    [...ledger.halts.keys()].toSorted().join(' '),
    model.stops
      .map(({ id }) => id)
      .toSorted()
      .join(' '),
  )
  same(
    'sign-offs',
    [...ledger.signoffs.values()]
      .map(({ id, usedBy, revokedBy, superseded }) =>
        [id, usedBy, revokedBy !== undefined, superseded].join(),
      )
      .join(' '),
    model.words.all
      .map(({ id, usedBy, takenBack, outdated }) => [id, usedBy, takenBack, outdated].join())
      .join(' '),
  )
  same('last time', lastAt, model.lastAt)
  same('orders', ledger.orders.size, model.entries.length)
}

/** Holds what a verdict read of days and sign-offs against the model, which has not heard of it yet; answers the names of what it held. */
export function compareFacts({ event }: Kept, model: Model): readonly string[] {
  if (event.type !== 'decided') return []
  const { decision, evidence } = event
  const { action, at, request } = decision
  const expected = new Map<string, number | string>()
  if (action.type === 'transfer')
    expected.set('transfer.approvers', model.words.people(request.agent, action, at).length)
  if (action.type === 'order' || action.type === 'replace') {
    const { account, instrument } = action
    const side = action.type === 'order' ? action.side : findEntry(model, action.order)?.side
    expected.set('market.session', isMarketOpen(instrument, at) ? 'regular' : 'closed')
    expected.set('agent.sentToday', sentToday(model.days, request.agent, instrument, at))
    if (side !== undefined) {
      const lots = filledToday(model.days, { account, instrument, side }, at)
      expected.set('account.filledToday', quantityOf(instrument, lots))
    }
  }
  const held = [...expected].filter(([name]) => evidence.facts[name] !== undefined)
  for (const [name, value] of held) {
    const found = evidence.facts[name]?.[0]
    // Of an order that it cannot replace a replacement knows nothing.
    const isNothing = found === null && action.type === 'replace' && decision.verdict === 'deny'
    must(
      found === value || isNothing,
      'facts',
      () =>
        `${name} was ${String(found)} for ${decision.decision}, and is ${value}: ${JSON.stringify(action)}`,
    )
  }
  return held.flatMap(([name, value]) => (value === 0 || value === 'regular' ? [] : [name]))
}

/** In micro-units, spent and open. */
export function committedOf(ledger: Ledger, account: string): bigint | undefined {
  const { micro, unknown } = committedIn(ledger, account)
  return unknown > 0 ? undefined : micro
}

function held(portfolio: PortfolioState | undefined, name: string): bigint | undefined {
  if (portfolio?.completeAt === undefined) return undefined
  return lotsOf(name, portfolio.positions.get(name)?.quantity ?? 0)
}

function resting(ledger: Ledger, name: string, side: 'buy' | 'sell'): string {
  const levels = ledger.resting.get(name)?.[side]
  const counts = [...(levels?.counts ?? [])].map(([price, count]) => `${price}×${count}`)
  return `${counts.toSorted().join(' ')} best ${levels?.best}`
}

function prices(model: Model, name: string, side: 'buy' | 'sell'): string {
  const all = model.entries
    .filter((entry: Entry) => entry.instrument === name && entry.side === side && isOpen(entry))
    .flatMap((entry) => openSizes(entry).map(({ price }) => price ?? Number.NaN))
  const counts = new Map<number, number>()
  for (const price of all) counts.set(price, (counts.get(price) ?? 0) + 1)
  const best = all.length === 0 ? undefined : side === 'buy' ? Math.max(...all) : Math.min(...all)
  return `${[...counts]
    .map(([price, count]) => `${price}×${count}`)
    .toSorted()
    .join(' ')} best ${best}`
}
