/** Says what units do not fit together, and how the number that was meant is written. */
import type { Expression } from './expression.ts'
import { dimensionName, sameDimension, type Dimension } from './units.ts'

/** A number's unit while it is inferred: `bare` fits ratio and count, `zero` fits all. */
export type Unit = Dimension | 'bare' | 'zero'

/** The unit in the words of messages. */
export function unitName(unit: Unit): string {
  if (unit === 'bare') return 'a bare number'
  return unit === 'zero' ? '0' : dimensionName(unit)
}

/** How a number that is written out, in no or another unit, is given the unit `wanted`; `undefined` where `expression` is none. */
export function literalHint(
  expression: Expression,
  unit: Unit,
  wanted: Unit,
  currency: string,
): string | undefined {
  if ((expression.kind !== 'number' && unit !== 'bare') || typeof wanted === 'string') return undefined
  switch (dimensionName(wanted)) {
    case 'duration':
      return '; give the number a unit, as in `2s` or `5min`'
    case 'money':
      return `; give the number its currency, as in \`250000 ${currency}\``
    case 'count':
      return '; a count is a bare number, as in `10`'
    case 'ratio':
      return '; a ratio is written `2%` or `0.02`'
    case 'quantity':
      return '; there are no literals of quantity: take it from a table, or write it in lots, as in `10 * instrument.lot`'
    case 'price':
      return '; there are no literals of price: take it from a table, or write it in ticks, as in `10 * instrument.tick`'
    default:
      return `; there are no literals of ${dimensionName(wanted)}: take it from a table`
  }
}

/** Local and constitution's currency swapped: the commonest way to be wrong by a factor of a hundred. */
export function fxHint(a: Unit, b: Unit): string {
  if (typeof a === 'string' || typeof b === 'string') return ''
  const toMoney = (from: Dimension): Dimension => ({ ...from, local: 0, money: from.money + from.local })
  if (!sameDimension(toMoney(a), toMoney(b))) return ''
  return '; local is the instrument’s currency: multiply by instrument.fx to get money'
}
