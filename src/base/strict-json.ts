/**
 * JSON at the door: what `JSON.parse` would quietly repair or drop is refused, with the path to it.
 *
 * One pass over the text looks for what it accepts silently: duplicate keys (the last one wins), numbers that a double cannot hold (rounded, or infinite),
 * −0, and nesting without end. Then `JSON.parse` vouches for the syntax; a text without it is refused for that, whatever the pass made of it.
 */
import type { Json } from './canonical-json.ts'

export type StrictJson =
  | { readonly ok: true; readonly value: Json }
  | { readonly ok: false; readonly path: string; readonly message: string }

/** Nesting deeper than this is refused; no message of Ephor's needs more than 8. */
export const NESTING_MAX = 32

/** Keys that reach an object's prototype in careless code; no message of Ephor's has them. */
const PROTOTYPE_KEYS = new Set(['__proto__', 'constructor', 'prototype'])

/** Parses `text`. A refusal names the JSON path (`/action/quantity`) and what was wrong there. */
export function parseStrictJson(text: string): StrictJson {
  const refusal = scan(text)
  // Nothing is parsed that nests too deep: `JSON.parse` recurses.
  if (refusal === TOO_DEEP) return { ok: false, ...TOO_DEEP }
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch (error) {
    return {
      ok: false,
      path: '',
      message: `is not JSON: ${error instanceof Error ? error.message : String(error)}`,
    }
  }
  return refusal === undefined ? { ok: true, value } : { ok: false, ...refusal }
}

/** Parses bytes that must be UTF-8, without a byte order mark. */
export function parseStrictJsonBytes(bytes: Uint8Array): StrictJson {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    return { ok: false, path: '', message: 'is not UTF-8' }
  }
  return parseStrictJson(text)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const COMMA = 0x2c
const COLON = 0x3a
const MINUS = 0x2d
const ZERO = 0x30

interface Level {
  /** The keys met so far in an object; `undefined` in an array. */
  readonly keys: Set<string> | undefined
  /** The key or index of the value being read. */
  at: string | number
}

interface Refusal {
  readonly path: string
  readonly message: string
}

const TOO_DEEP: Refusal = { path: '', message: `nests deeper than ${NESTING_MAX} levels` }

/** What is to be refused first, in a text that is JSON; in any text, whether it nests too deep. */
function scan(text: string): Refusal | undefined {
  let refusal: Refusal | undefined
  const levels: Level[] = []
  const path = (): string => levels.map((level) => `/${level.at}`).join('')
  for (let index = 0; index < text.length; index++) {
    const char = text.charCodeAt(index)
    const level = levels.at(-1)
    if (char === QUOTE) {
      const end = stringEnd(text, index)
      if (level?.keys !== undefined && nextVisible(text, end + 1) === COLON) {
        const key = keyAt(text, index, end)
        level.at = key
        if (level.keys.has(key)) refusal ??= { path: path(), message: 'is there twice' }
        if (PROTOTYPE_KEYS.has(key)) refusal ??= { path: path(), message: 'is not a key that Ephor accepts' }
        level.keys.add(key)
      }
      index = end
    } else if (char === OPEN_BRACE || char === OPEN_BRACKET) {
      if (levels.length === NESTING_MAX) return TOO_DEEP
      levels.push(char === OPEN_BRACE ? { keys: new Set(), at: '' } : { keys: undefined, at: 0 })
    } else if (char === CLOSE_BRACE || char === CLOSE_BRACKET) levels.pop()
    else if (char === COMMA) {
      if (level !== undefined && typeof level.at === 'number') level.at += 1
    } else if (char === MINUS || isDigit(char)) {
      const end = numberEnd(text, index)
      const message = numberProblem(text.slice(index, end))
      if (message !== undefined) refusal ??= { path: path(), message }
      index = end - 1
    }
  }
  return refusal
}

/** The index of the closing quote of the string that opens at `start`; the text's end when it never closes. */
function stringEnd(text: string, start: number): number {
  const end = text.indexOf('"', start + 1)
  if (end < 0) return text.length
  if (text.charCodeAt(end - 1) !== BACKSLASH) return end
  let index = start + 1
  while (index < text.length && text.charCodeAt(index) !== QUOTE)
    index += text.charCodeAt(index) === BACKSLASH ? 2 : 1
  return index
}

function keyAt(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end)
  if (!raw.includes('\\')) return raw
  try {
    return JSON.parse(`"${raw}"`) as string
  } catch {
    // What is no JSON here is none as a whole.
    return raw
  }
}

function nextVisible(text: string, from: number): number {
  let index = from
  while (index < text.length && text.charCodeAt(index) <= 0x20) index += 1
  return text.charCodeAt(index)
}

function numberEnd(text: string, start: number): number {
  let index = start
  while (index < text.length && isOfNumber(text.charCodeAt(index))) index += 1
  return index
}

/** Whether it can stand in a number: digits, `-`, `+`, `.`, `e` and `E`. */
function isOfNumber(char: number): boolean {
  return isDigit(char) || char === MINUS || char === 0x2b || char === 0x2e || char === 0x65 || char === 0x45
}

function isDigit(char: number): boolean {
  return char >= ZERO && char <= 0x39
}

/** Why the number written as `token` cannot be taken as written; `undefined` when it can. */
function numberProblem(token: string): string | undefined {
  const value = Number(token)
  if (!Number.isFinite(value)) return `\`${token}\` is too large for a number`
  if (value === 0)
    return token.startsWith('-')
      ? 'is minus zero'
      : /[1-9]/.test(token.split(/e/i)[0] ?? '')
        ? `\`${token}\` is too small for a number`
        : undefined
  if (token.length <= 15 && !/e/i.test(token)) return undefined
  return sameDecimal(token, String(value)) ? undefined : `\`${token}\` has more digits than a number can hold`
}

function sameDecimal(a: string, b: string): boolean {
  const left = normalDecimal(a)
  const right = normalDecimal(b)
  return left.digits === right.digits && left.exponent === right.exponent
}

/** Digits without leading and trailing zeros, and the power of ten of the last of them. */
function normalDecimal(token: string): { digits: string; exponent: number } {
  const [mantissa = '', exponent = '0'] = token.replace(/^-/, '').split(/e/i)
  const [whole = '', fraction = ''] = mantissa.split('.')
  const digits = `${whole}${fraction}`.replace(/^0+/, '')
  // A loop, because `/0+$/` takes quadratic time on a long run of zeros in the middle.
  let length = digits.length
  while (length > 0 && digits.charCodeAt(length - 1) === ZERO) length -= 1
  return {
    digits: digits.slice(0, length),
    exponent: Number(exponent) - fraction.length + (digits.length - length),
  }
}
