/**
 * Canonical JSON: one value, one text, so that a hash of the text is a hash of the value.
 *
 * Follows RFC 8785 (JSON Canonicalization Scheme): members sorted by UTF-16 code units, numbers as ECMAScript
 * prints them, no white space.
 */

export type Json =
  null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined }

/** The canonical text of `value`. Members that are `undefined` are left out. Throws on a number that JSON lacks. */
export function canonicalJson(value: Json): string {
  if (typeof value === 'string') return quoted(value)
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new TypeError(`\`${value}\` is not a JSON number`)
    return String(value)
  }
  if (value === null || typeof value === 'boolean') return String(value)
  let text = ''
  if (isArray(value)) {
    for (const item of value) text += text === '' ? canonicalJson(item) : `,${canonicalJson(item)}`
    return `[${text}]`
  }
  for (const key of sorted(Object.keys(value))) {
    const member = value[key]
    if (member === undefined) continue
    if (text !== '') text += ','
    text += named(key)
    text += canonicalJson(member)
  }
  return `{${text}}`
}

/** What JSON writes as it is. */
const PLAIN = /^[\w .:/+-]*$/

/** What `JSON.stringify` gives for a text, faster for plain words. */
export function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text)
}

/** Names of members that are kept, and so many at most. */
const NAMES_MAX = 1_000
const names = new Map<string, string>()

/** A name as it stands before its value. Names are nearly always the same few, so they are kept. */
function named(key: string): string {
  const known = names.get(key)
  if (known !== undefined) return known
  const name = `${quoted(key)}:`
  if (names.size < NAMES_MAX) names.set(key, name)
  return name
}

/** Few keys, mostly: they are sorted where they are, without the copies that a general sort makes. */
function sorted(keys: string[]): string[] {
  if (keys.length > 16) return keys.toSorted()
  for (let at = 1; at < keys.length; at += 1) {
    const key = keys[at] as string
    let to = at
    for (; to > 0 && (keys[to - 1] as string) > key; to -= 1) keys[to] = keys[to - 1] as string
    keys[to] = key
  }
  return keys
}

function isArray(
  value: readonly Json[] | { readonly [key: string]: Json | undefined },
): value is readonly Json[] {
  return Array.isArray(value)
}
