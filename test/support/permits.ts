/** Permits and keys for tests: one signer, and tokens bent in any way but signed for real. */
import { generateKeyPair, signText, type KeyPair } from '../../src/base/ed25519.ts'
import { permitSigner, type Allowed, type PermitSigner } from '../../src/permit/sign.ts'
import type { Order } from '../../src/protocol/action.ts'

/** Keys are slow to make and nothing here depends on which they are. */
export const KEYS: KeyPair = generateKeyPair()
export const OTHER_KEYS: KeyPair = generateKeyPair()

export const SIGNER: PermitSigner = permitSigner({ keys: KEYS, issuer: 'sidecar-1' })

/** A moment within a second. */
export const GIVEN = Date.parse('2026-12-01T17:00:00Z') + 250

export const ORDER: Order = {
  type: 'order',
  account: 'main',
  instrument: 'AAPL',
  side: 'buy',
  quantity: 100,
  orderType: 'limit',
  limitPrice: 200,
}

export const ALLOWED: Allowed = {
  permit: 'd-c64b89c7c0657e18c93be4f5',
  decision: 'd-c64b89c7c0657e18c93be4f5',
  agent: 'alpha',
  action: ORDER,
  constitution: 'c0'.repeat(32),
  sequence: 14,
  at: GIVEN,
}

const text = (part: string): string => Buffer.from(part, 'base64url').toString('utf8')
const part = (of: string | Uint8Array): string => Buffer.from(of as string).toString('base64url')

/** The header and the claims of a token, as text. */
export function readParts(token: string): { header: string; claims: string } {
  const [header = '', claims = ''] = token.split('.')
  return { header: text(header), claims: text(claims) }
}

/** A token of these texts (or bytes), signed by `keys`. */
export function forge(header: string, claims: string | Uint8Array, keys: KeyPair = KEYS): string {
  const signed = `${part(header)}.${part(claims)}`
  return `${signed}.${signText(keys.privateKey, signed)}`
}

/** A permit whose header or claims have members replaced, signed well. `undefined` leaves a member out. */
export function bend(
  changes: { header?: Record<string, unknown>; claims?: Record<string, unknown> },
  keys?: KeyPair,
): string {
  const { header, claims } = readParts(SIGNER.sign(ALLOWED))
  const changed = (json: string, more: Record<string, unknown> = {}): string =>
    JSON.stringify({ ...(JSON.parse(json) as object), ...more })
  return forge(changed(header, changes.header), changed(claims, changes.claims), keys)
}
