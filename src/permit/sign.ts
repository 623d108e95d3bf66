/** Signs permits: a compact JWS over the claims of one allowed action. */
import { canonicalJson, quoted } from '../base/canonical-json.ts'
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
    const claims: Written<PermitClaims> = {
      action: quoted(actionDigest(allowed.action)),
      aud: quoted(audience),
      constitution: quoted(allowed.constitution),
      decision: quoted(allowed.decision),
      exp: permitEnd(allowed.at, lifeMs) / 1000,
      iat: issued,
      iss: quoted(issuer),
      jti: quoted(allowed.permit),
      nbf: issued,
      partition: allowed.partition === undefined ? undefined : quoted(allowed.partition),
      sequence: allowed.sequence,
      sub: quoted(allowed.agent),
    }
    return `${head}.${textOf(claimsText(claims))}`
  }
  const sign = (allowed: Allowed): string => {
    const signed = signedPart(allowed)
    return `${signed}.${signText(keys.privateKey, signed)}`
  }
  return {
    keyId: kid,
    issuer,
    audience,
    expiresAt: (at) => permitEnd(at, lifeMs),
    sign,
    signLater: (allowed) => thread.token(() => signedPart(allowed)),
    close: () => thread.close(),
  }
}

/** Claims with their values as JSON writes them. */
type Written<T> = {
  readonly [Name in keyof Required<T>]: string | number | (undefined extends T[Name] ? undefined : never)
}

/** Their canonical JSON. The names are known, so their order is written down here instead of being found each time. */
function claimsText(claims: Written<PermitClaims>): string {
  const { action, aud, constitution, decision, exp, iat, iss, jti, nbf, partition, sequence, sub } = claims
  const place = partition === undefined ? '' : `,"partition":${partition}`
  return `{"action":${action},"aud":${aud},"constitution":${constitution},"decision":${decision},"exp":${exp},"iat":${iat},"iss":${iss},"jti":${jti},"nbf":${nbf}${place},"sequence":${sequence},"sub":${sub}}`
}

/** The SHA-256 of the action's canonical JSON: the same for any order of its members. */
export function actionDigest(action: Action): string {
  return digestOf(action)
}
