/** Public keys of permits: named by their thumbprint, shown as a JWK set, loaded from one. */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { canonicalJson } from '../base/canonical-json.ts'
import { EphorError } from '../base/errors.ts'
import { describeIssues } from '../protocol/issues.ts'
import { Jwks, KEYS_MAX, PERMIT_ALGORITHM, type Jwk } from '../protocol/permit.ts'
import { bytesOf, textOf } from './base64url.ts'

/** Keys by their id, ready to check with. */
export type PermitKeys = ReadonlyMap<string, KeyObject>

/** The JWK of an Ed25519 public key. Its `kid` is the thumbprint, so a key has the same name everywhere. */
export function jwkOf(publicKey: KeyObject): Jwk {
  const { kty, crv, x } = publicKey.export({ format: 'jwk' })
  if (kty !== 'OKP' || crv !== 'Ed25519' || x === undefined)
    throw new TypeError('expected an Ed25519 public key')
  return { kty, crv, x, kid: thumbprint(x), use: 'sig', alg: PERMIT_ALGORITHM }
}

/** RFC 7638: the hash of the members that make the key, in canonical form. */
function thumbprint(x: string): string {
  return textOf(
    createHash('sha256')
      .update(canonicalJson({ crv: 'Ed25519', kty: 'OKP', x }))
      .digest(),
  )
}

/** The JWK set of `publicKeys`: the one that signs now first, then those that did. A key that is there twice is shown once. */
export function jwksOf(publicKeys: readonly KeyObject[]): Jwks {
  const keys = new Map(publicKeys.map((key) => [jwkOf(key).kid, jwkOf(key)]))
  if (keys.size > KEYS_MAX) throw new RangeError(`expected at most ${KEYS_MAX} keys, got ${keys.size}`)
  return { keys: [...keys.values()] }
}

/**
 * Loads a JWK set. Throws `PERMIT_KEYS_INVALID` on anything but Ed25519 public keys, each there once and named by its thumbprint: a name
 * that could stand for two keys is how a token comes to be checked with the wrong one.
 */
export function loadPermitKeys(jwks: unknown): PermitKeys {
  const parsed = Jwks.safeParse(jwks)
  if (!parsed.success) throw new EphorError('PERMIT_KEYS_INVALID', describeIssues(parsed.error))
  const keys = new Map<string, KeyObject>()
  for (const { kty, crv, x, kid } of parsed.data.keys) {
    if (keys.has(kid)) throw new EphorError('PERMIT_KEYS_INVALID', `the key \`${kid}\` is there twice`)
    if (bytesOf(x) === undefined || thumbprint(x) !== kid)
      throw new EphorError('PERMIT_KEYS_INVALID', `\`${kid}\` is not the thumbprint of its key`)
    keys.set(kid, createPublicKey({ key: { kty, crv, x }, format: 'jwk' }))
  }
  return keys
}
