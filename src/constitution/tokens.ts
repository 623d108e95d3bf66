/** Cuts the text of an expression into tokens that know their offsets. */

/** Where a node stands in its expression: offsets of its first character and past its last. */
export interface Span {
  readonly start: number
  readonly end: number
}

/** A complaint about an expression at an offset of its text. */
export class ExpressionError extends Error {
  readonly offset: number

  constructor(offset: number, message: string) {
    super(message)
    this.offset = offset
  }
}

export interface Token extends Span {
  readonly kind: 'number' | 'name' | 'text' | 'symbol' | 'end'
  readonly text: string
}

const NUMBER = /^\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?/
const NAME = /^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*/
const SYMBOL = /^(?:<=|>=|==|!=|&&|\|\||[-+*/<>()[\],%!=])/

/** The tokens of `text`, with one of kind `end` behind them. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  let index = 0
  while (index < text.length) {
    const rest = text.slice(index)
    const space = /^\s+/.exec(rest)
    if (space !== null) {
      index += space[0].length
      continue
    }
    if (rest.startsWith('--'))
      throw new ExpressionError(index, '`--` is a slip or a plus; write `+`, `-` or brackets')
    const quote = rest[0]
    if (quote === "'" || quote === '"') {
      const close = rest.indexOf(quote, 1)
      if (close < 0) throw new ExpressionError(index, `the text that opens here with ${quote} never closes`)
      tokens.push({ kind: 'text', text: rest.slice(1, close), start: index, end: index + close + 1 })
      index += close + 1
      continue
    }
    const match =
      (
        [
          ['number', NUMBER],
          ['name', NAME],
          ['symbol', SYMBOL],
        ] as const
      )
        .map(([kind, pattern]) => ({ kind, found: pattern.exec(rest)?.[0] }))
        .find(({ found }) => found !== undefined) ?? undefined
    if (match?.found === undefined)
      throw new ExpressionError(index, `\`${rest[0] ?? ''}\` has no meaning here`)
    tokens.push({ kind: match.kind, text: match.found, start: index, end: index + match.found.length })
    index += match.found.length
  }
  tokens.push({ kind: 'end', text: '', start: text.length, end: text.length })
  return tokens
}
