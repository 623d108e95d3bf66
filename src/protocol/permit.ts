/** The permit: a JSON Web Token (RFC 7519) in compact form, and the public keys (RFC 7517) that check it. */
import { z } from 'zod'
import { Hash, Name } from './common.ts'
import { PartitionName } from './partition.ts'

/** Explicit typing (RFC 8725, 3.11): a token made for another purpose is no permit, whoever signed it. */
export const PERMIT_TYPE = 'ephor-permit+jwt'
export const PERMIT_ALGORITHM = 'EdDSA'
/** For whom permits are: the adapter that stands before a venue. */
export const PERMIT_AUDIENCE = 'ephor:venue'
/** Who gives permits. Which sidecar it was is told by the key. */
export const PERMIT_ISSUER = 'ephor'
/** Milliseconds that a permit lives, unless told otherwise. */
export const PERMIT_LIFE_MS = 5_000
/** No permit lives longer; what claims to is none of Ephor's. */
export const PERMIT_LIFE_SECONDS_MAX = 60

/**
 * When a permit given at `at` ends, in milliseconds since 1970.
 *
 * Always a whole second, rounded down, against the actor: the token carries whole seconds, and the reservation behind it ends at the same
 * moment. So no second, finer time is needed in the token.
 */
export function permitEnd(at: number, lifeMs: number = PERMIT_LIFE_MS): number {
  return Math.floor((at + lifeMs) / 1000) * 1000
}

const Base64url32Bytes = z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'expected 32 bytes in base64url')

/** These three and no others: a header that brings its own key, or asks for more, is refused. */
export const PermitHeader = z.strictObject({
  alg: z.literal(PERMIT_ALGORITHM),
  typ: z.literal(PERMIT_TYPE),
  kid: Base64url32Bytes.describe('The key’s thumbprint (RFC 7638)'),
})
export type PermitHeader = z.infer<typeof PermitHeader>

/** Whole seconds since 1970: NumericDate allows fractions, and not every library reads them. */
const Seconds = z.int().nonnegative()

/** The first seven are registered names. `act` would be one too, for who acts on whose behalf, so the action is spelled out. */
export const PermitClaims = z.strictObject({
  iss: Name.describe('The sidecar that allowed it'),
  aud: Name,
  sub: Name.describe('The agent'),
  jti: Name.describe('The permit’s id, by which it is redeemed'),
  iat: Seconds,
  nbf: Seconds,
  exp: Seconds,
  action: Hash.describe('Of the canonical JSON of the exact action that may be sent'),
  decision: Name,
  constitution: Hash,
  sequence: z.int().nonnegative().describe('Of the decision’s record in the journal'),
  partition: PartitionName.optional().describe('Whose journal that is, where there are several'),
})
export type PermitClaims = z.infer<typeof PermitClaims>

/** One public key, as RFC 8037 writes Ed25519. */
export const Jwk = z.strictObject({
  kty: z.literal('OKP'),
  crv: z.literal('Ed25519'),
  x: Base64url32Bytes,
  kid: Base64url32Bytes,
  use: z.literal('sig'),
  alg: z.literal(PERMIT_ALGORITHM),
})
export type Jwk = z.infer<typeof Jwk>

/** Keys that a set may hold at most. */
export const KEYS_MAX = 64

/** The answer to `GET /.well-known/jwks.json`: the key that signs now comes first, then those that did. */
export const Jwks = z.strictObject({ keys: z.array(Jwk).max(KEYS_MAX) })
export type Jwks = z.infer<typeof Jwks>
