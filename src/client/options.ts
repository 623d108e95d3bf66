/** Options are looked at before anything rests on them: a misspelled `keys` would switch off the check of permits without a word. */
import { didYouMean } from '../base/issue.ts'

const KINDS = {
  text: { is: (value: unknown) => typeof value === 'string', expected: 'a text' },
  milliseconds: {
    is: (value: unknown) => isCount(value, 0),
    expected: 'milliseconds, a whole number from 0',
  },
  count: { is: (value: unknown) => isCount(value, 0), expected: 'a whole number from 0' },
  several: { is: (value: unknown) => isCount(value, 1), expected: 'a whole number from 1' },
  address: { is: isAddress, expected: 'an address such as http://127.0.0.1:7411' },
  function: { is: (value: unknown) => typeof value === 'function', expected: 'a function' },
  object: { is: (value: unknown) => typeof value === 'object' && value !== null, expected: 'an object' },
} as const

function isAddress(value: unknown): boolean {
  return (
    value instanceof URL || (typeof value === 'string' && /^https?:\/\//i.test(value) && URL.canParse(value))
  )
}

function isCount(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least
}

const TOKEN = /^[\x21-\x7e]{1,256}$/
const CLIENT_OPTIONS = {
  url: 'address',
  socketPath: 'text',
  token: 'text',
  agent: 'text',
  timeoutMs: 'milliseconds',
  retries: 'count',
  backoffMs: 'milliseconds',
  connections: 'several',
  pendingMax: 'several',
  answerBytesMax: 'several',
  keys: 'object',
  audience: 'text',
  issuer: 'text',
  clock: 'object',
  random: 'function',
} as const

/** Throws a `TypeError` that names the first option of `of` that is none, or is not of its kind. */
export function checkOptions(
  of: string,
  options: object,
  kinds: Readonly<Record<string, keyof typeof KINDS>>,
): void {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(`${of}: expected an object of options`)
  for (const [name, value] of Object.entries(options)) {
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined
    if (kind === undefined)
      throw new TypeError(`${of}: \`${name}\` is no option${didYouMean(name, Object.keys(kinds))}`)
    if (value !== undefined && !KINDS[kind].is(value))
      throw new TypeError(`${of}: \`${name}\` is ${shown(value)}; expected ${KINDS[kind].expected}`)
  }
}

/** The same of a client, which needs a place to call and a token. */
export function checkClientOptions(
  options: object & { readonly url?: unknown; readonly socketPath?: unknown; readonly token?: unknown },
): void {
  checkOptions('createClient', options, CLIENT_OPTIONS)
  const { url, socketPath, token } = options
  if ((url === undefined) === (socketPath === undefined))
    throw new TypeError('createClient: expected one of `url` and `socketPath`')
  if (typeof token !== 'string' || !TOKEN.test(token))
    throw new TypeError('createClient: `token` is not a token of visible ASCII characters')
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`
  return typeof value === 'number' ? String(value) : `of type ${typeof value}`
}
