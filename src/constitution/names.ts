/** Texts that stand for what agents and feeders name: one that no name can be matches nothing, and the row or rule that was meant holds for nobody. */
import { Name } from '../protocol/common.ts'
import type { ReadFact } from './draft.ts'

/** What is wrong with `text` as a value of `fact`; `undefined` where nothing is, or the fact is not one whose texts are names. */
export function nameProblem(fact: ReadFact | undefined, text: string): string | undefined {
  if (fact?.type.kind !== 'text' || fact.origin.kind !== 'measured') return undefined
  if (Name.safeParse(text).success) return undefined
  return `${shown(text)} can be no \`${fact.name}\`, so it would match nothing: names are up to 128 letters, digits and . _ : @ / + -, beginning with a letter or digit`
}

/** With what cannot be seen written out. */
function shown(text: string): string {
  const seen = text.replace(/[^\x21-\x7e]/gu, (sign) => `\\u{${(sign.codePointAt(0) ?? 0).toString(16)}}`)
  return seen === text ? `\`${text}\`` : `\`${seen}\` (with signs beyond ASCII, or blanks)`
}
