/** Names what was meant by words and signs that other languages have and this one has not. */
import { didYouMean } from '../base/issue.ts'
import { DURATIONS } from '../base/literal.ts'
import type { Token } from './tokens.ts'

const INSTEAD: ReadonlyMap<string, string> = new Map([
  ['&&', 'and'],
  ['||', 'or'],
  ['!', 'not'],
])

/** Words for what has no literals of its own. */
const UNWRITTEN = /^(?:shares?|lots?|units?|contracts?|pieces|ticks?|points?|coins?)$/i

/** How an amount of what has no literals is written. */
const IN_STEPS =
  'quantities and prices are taken from a table, or written in lots and ticks, as in `10 * instrument.lot`'

/** What was meant by a token that stands where it means nothing, `before` being the one before it; `undefined` where nobody can tell. */
export function slipOf({ kind, text }: Token, before: Token | undefined): string | undefined {
  const instead = INSTEAD.get(text)
  if (instead !== undefined) return `\`${text}\` is written \`${instead}\` here`
  if (text === '=') return '`=` is written `==` here, between texts; numbers are compared with <, <=, > or >='
  if (text === ',') return 'unexpected `,`; numbers are written without thousands separators'
  if (before?.kind !== 'number' || (kind !== 'name' && text !== '%')) return undefined
  if (text === '%' || DURATIONS.has(text)) return `a unit touches its number: write \`${before.text}${text}\``
  return UNWRITTEN.test(text)
    ? `\`${text}\` is no unit; ${IN_STEPS}`
    : `\`${text}\` is no unit; write \`2%\`, \`2s\`, \`250000 USD\`, or \`10 * instrument.lot\` for a quantity`
}

/** Why a word that touches a number is no unit of it. */
export function noUnit(word: string): string {
  return UNWRITTEN.test(word)
    ? `\`${word}\` is no unit; ${IN_STEPS}`
    : `\`${word}\` is no unit of time; one of ms, s, min, h, d${didYouMean(word, DURATIONS.keys())}`
}
