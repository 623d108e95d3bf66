/** Signs permits: a compact JWS over the claims of one allowed action. */
import { canonicalJson } from '../base/canonical-json.ts'
import { signText, type KeyPair } from '../base/ed25519.ts'
import { digestOf } from '../base/hash.ts'
import type { Action } from '../protocol/action.ts'
import {
  PERMIT_ALGORITHM,
  PERMIT_AUDIENCE,
  PERMIT_LIFE_MS,
  PERMIT_LIFE_SECONDS_MAX,
  PERMIT_TYPE,
  permitEnd,
  type PermitClaims,
} from '../protocol/permit.ts'
import { textOf } from './base64url.ts'
import { jwkOf } from './keys.ts'
import { SigningThread } from './signing-thread.ts'

export interface PermitSignerOptions {
  readonly keys: KeyPair
  /** Names the sidecar. */
  readonly issuer: string
  readonly audience?: string
  /** Milliseconds that a permit lives, between 2,000 and 60,000. */
  readonly lifeMs?: number
}

/** What was allowed. */
export interface Allowed {
  /** The permit's id. */
  readonly permit: string
  readonly decision: string
  readonly agent: string
  /** The action as it may be sent: narrowed, where it was. */
  readonly action: Action
  readonly constitution: string
  readonly sequence: number
  /** Whose record that is, where there are several partitions. */
  readonly partition?: string | undefined
  /** The decision's clock reading, in milliseconds since 1970. */
  readonly at: number
}

export interface PermitSigner {
  readonly keyId: string
  readonly issuer: string
  readonly audience: string
  /** When a permit given at `at` ends, in milliseconds since 1970. */
  readonly expiresAt: (at: number) => number
  /** The permit: `header.claims.signature`. */
  readonly sign: (allowed: Allowed) => string
  /** The same permit, signed beside other work: many at once by a thread of its own. */
  readonly signLater: (allowed: Allowed) => Promise<string>
  /** Ends that thread. */
  readonly close: () => void
}

/** Makes the signer of one key. The header never changes, so it is written once. */
export function permitSigner({
  keys,
  issuer,
  audience = PERMIT_AUDIENCE,
  lifeMs = PERMIT_LIFE_MS,
}: PermitSignerOptions): PermitSigner {
  // Below two seconds, one given late in a second would be over before it is read.
  if (!Number.isInteger(lifeMs) || lifeMs < 2000 || lifeMs > PERMIT_LIFE_SECONDS_MAX * 1000)
    throw new RangeError(`expected a life of 2000 to ${PERMIT_LIFE_SECONDS_MAX * 1000} ms, got ${lifeMs}`)
  const { kid } = jwkOf(keys.publicKey)
  const head = textOf(canonicalJson({ alg: PERMIT_ALGORITHM, typ: PERMIT_TYPE, kid }))
  const thread = new SigningThread(keys.privateKey)
  const signedPart = (allowed: Allowed): string => {
    const issued = Math.floor(allowed.at / 1000)
    const claims: PermitClaims = {
      iss: issuer,
      aud: audience,
      sub: allowed.agent,
      jti: allowed.permit,
      iat: issued,
      nbf: issued,
      exp: permitEnd(allowed.at, lifeMs) / 1000,
      action: actionDigest(allowed.action),
      decision: allowed.decision,
      constitution: allowed.constitution,
      sequence: allowed.sequence,
      ...(allowed.partition === undefined ? {} : { partition: allowed.partition }),
    }
    return `${head}.${textOf(canonicalJson(claims))}`
  }
  const sign = (allowed: Allowed): string => {
    const signed = signedPart(allowed)
    return `${signed}.${signText(keys.privateKey, signed)}`
  }
  const signLater = async (allowed: Allowed): Promise<string> => {
    const signed = signedPart(allowed)
    return `${signed}.${await thread.sign(signed)}`
  }
  return {
    keyId: kid,
    issuer,
    audience,
    expiresAt: (at) => permitEnd(at, lifeMs),
    sign,
    signLater,
    close: () => thread.close(),
  }
}

/** The SHA-256 of the action's canonical JSON: the same for any order of its members. */
export function actionDigest(action: Action): string {
  return digestOf(action)
}
