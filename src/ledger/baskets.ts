/** Baskets: orders in many instruments that together may be worth so much, and no more, as the first of them declared. */
import { multiply, rational, toNumber, toNumberUp } from '../base/rational.ts'
import type { Constitution } from '../constitution/model.ts'
import { changed, weightOf } from './exposure.ts'
import type { BasketState, Ledger } from './ledger.ts'
import { strategyOf, type Subject } from './subject.ts'

const MICRO = 1_000_000n

/** What an order says of its basket, rounded down to what is counted in; `undefined` where it says nothing, as a replacement does. */
export function declaredBasket(
  { order }: Subject,
  { currency }: Pick<Constitution, 'currency'>,
): Pick<BasketState, 'value' | 'currency'> | undefined {
  if (order?.basket?.value === undefined) return undefined
  const { numerator, denominator } = multiply(rational(order.basket.value), rational(Number(MICRO)))
  return { value: numerator / denominator, currency }
}

/** Whether an order can be one of the basket it names: of the strategy and worth that its first order declared. A replacement stays what its order was. */
export function fitsBasket(ledger: Ledger, subject: Subject, constitution: Constitution): boolean {
  const { order } = subject
  if (order?.basket === undefined || order.replaces !== undefined) return true
  const known = ledger.baskets.get(order.basket.key)
  const declared = declaredBasket(subject, constitution)
  if (known === undefined) return declared !== undefined && declared.value > 0n
  return (
    known.value === declared?.value &&
    known.currency === declared.currency &&
    known.strategy === strategyOf(ledger, subject)
  )
}

/** What the basket may come to, in the constitution's currency; `undefined` where it was declared in another, or there is none. */
export function basketValue(ledger: Ledger, subject: Subject, currency: string): number | undefined {
  const key = subject.order?.basket?.key
  if (key === undefined) return undefined
  const known = ledger.baskets.get(key) ?? declaredBasket(subject, { currency })
  return known?.currency === currency ? toNumber({ numerator: known.value, denominator: MICRO }) : undefined
}

/** What its orders filled and have open come to, without what is open of the order that is replaced; `undefined` where nobody can say of one of them. */
export function basketCommitted(ledger: Ledger, { order }: Subject, currency: string): number | undefined {
  if (order?.basket === undefined) return undefined
  const known = ledger.baskets.get(order.basket.key)
  if (known === undefined) return 0
  const { micro, unknown } =
    order.replaces === undefined
      ? known.committed
      : changed(known.committed, weightOf(order.replaces).basketWorth, order.replaces.filledValue)
  if (known.currency !== currency || unknown > 0) return undefined
  return toNumberUp({ numerator: micro, denominator: MICRO })
}
