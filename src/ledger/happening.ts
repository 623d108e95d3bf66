/** What windows count: an action that was judged, or a fill; with the names it is told apart by, and how much it was. */
import type { Origin } from '../constitution/model.ts'
import { toNumberUp, type Rational } from '../base/rational.ts'

type WindowOrigin = Origin & { readonly kind: 'window' }

/** What happenings can be told apart by: the names of facts. */
export type Field =
  | 'agent.id'
  | 'account.id'
  | 'strategy.id'
  | 'instrument.id'
  | 'order.side'
  | 'order.orderType'
  | 'order.quantity'
  | 'order.price'
  | 'transfer.asset'
  | 'transfer.destination'

export type Fields = Readonly<Partial<Record<Field, string>>>

export interface Happening {
  /** Never before that of the one before. */
  readonly at: number
  readonly type: 'order' | 'replace' | 'cancel' | 'transfer' | 'change' | 'fill'
  /** Where it was put to the vote: it is a message when it is asked, and everything else once it is decided. */
  readonly part: 'whole' | 'asked' | 'decided'
  readonly denied: boolean
  readonly fields: Fields
  /** For a narrowed order, the quantity that was asked for: it counts under that one and under its own. */
  readonly asked: string | undefined
  /** Of a fill in instrument units, of a transfer in `currency`; both in `UNITS`. Undefined for what has none or one nobody knows. */
  readonly amount: bigint | undefined
  readonly currency: string | undefined
}

const WHO: readonly Field[] = ['agent.id', 'account.id', 'strategy.id', 'instrument.id']

/** What each stream over own actions can be told apart by. */
export const FIELDS: Readonly<Record<string, readonly Field[]>> = {
  messages: WHO,
  orders: [...WHO, 'order.side', 'order.orderType', 'order.quantity', 'order.price'],
  cancels: WHO,
  fills: [...WHO, 'order.side'],
  'fill.quantity': [...WHO, 'order.side'],
  'transfer.value': ['agent.id', 'account.id', 'strategy.id', 'transfer.asset', 'transfer.destination'],
}

/** Amounts are whole numbers of this share of one, rounded up. */
const UNITS = 10n ** 18n

export function amountOf({ numerator, denominator }: Rational): bigint {
  const scaled = numerator * UNITS
  return scaled % denominator === 0n ? scaled / denominator : scaled / denominator + 1n
}

/** How much a window of `origin` holds, from its total: a count, or the least number that is not below the sum. */
export function numberOf({ function: kind }: WindowOrigin, total: bigint): number {
  return kind === 'count' ? Number(total) : toNumberUp({ numerator: total, denominator: UNITS })
}

const STREAM_TYPES: Readonly<Record<string, readonly Happening['type'][]>> = {
  messages: ['order', 'replace', 'cancel', 'transfer', 'change'],
  orders: ['order', 'replace'],
  cancels: ['cancel'],
  fills: ['fill'],
  'fill.quantity': ['fill'],
  'transfer.value': ['transfer'],
}

/** What `happening` adds to a window; `undefined` when it is of no concern to it, and `unknown` when nobody knows how much it was. */
export function weightOf(
  { function: kind, of, denied }: WindowOrigin,
  happening: Happening,
  currency: string,
): bigint | 'unknown' | undefined {
  if (happening.part !== 'whole' && (happening.part === 'asked') !== (of === 'messages')) return undefined
  if (STREAM_TYPES[of]?.includes(happening.type) !== true || (happening.denied && !denied)) return undefined
  if (kind === 'count') return 1n
  if (of === 'transfer.value' && happening.currency !== currency) return 'unknown'
  return happening.amount ?? 'unknown'
}

/** The keys under which `happening` counts: none where it lacks a name, two where it was asked for in another quantity. */
export function keysOf({ by }: WindowOrigin, { fields, asked }: Happening): readonly string[] {
  const key = keyIn(by, fields)
  if (key === undefined) return []
  if (asked === undefined || !by.includes('order.quantity')) return [key]
  const other = keyIn(by, { ...fields, 'order.quantity': asked })
  return other === undefined ? [key] : [key, other]
}

/** The values of `by` as one key; names hold no control characters. */
export function keyIn(by: readonly string[], fields: Fields): string | undefined {
  let key = ''
  for (const name of by) {
    // The checks of a constitution's supply let no other names in.
    const value = fields[name as Field]
    if (value === undefined) return undefined
    key += `${value}\u0000`
  }
  return key
}
