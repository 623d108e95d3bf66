/** Checks a permit offline: that this sidecar gave it, for this action, and that it has not ended. */
import { EphorError, type ErrorCode } from '../base/errors.ts'
import { verifyText } from '../base/ed25519.ts'
import { parseStrictJsonBytes } from '../base/strict-json.ts'
import type { Action } from '../protocol/action.ts'
import { describeIssues } from '../protocol/issues.ts'
import {
  PERMIT_ALGORITHM,
  PERMIT_AUDIENCE,
  PERMIT_LIFE_SECONDS_MAX,
  PERMIT_TYPE,
  PermitClaims,
  PermitHeader,
  type Jwks,
} from '../protocol/permit.ts'
import { bytesOf } from './base64url.ts'
import { loadPermitKeys, type PermitKeys } from './keys.ts'
import { actionDigest } from './sign.ts'

/** A permit has about 800 characters; a longer text is not looked into. */
const LENGTH_MAX = 4096
const SIGNATURE_BYTES = 64
/** By how much a clock that gives may run ahead of one that checks, in milliseconds. */
const SKEW_MS_MAX = 1000

export interface VerifyOptions {
  /** Loaded once with `loadPermitKeys`, or a JWK set, which is loaded each time. */
  readonly keys: PermitKeys | Jwks
  readonly audience?: string
  /** The only sidecar whose permits are taken; any whose key is known where it is left out. */
  readonly issuer?: string
  /** What is about to be sent. */
  readonly action?: Action
  /** On whose behalf. */
  readonly agent?: string
  /** The clock reading, in milliseconds since 1970. */
  readonly now: number
}

/**
 * The claims of a permit that stands. Throws `EphorError` with a `PERMIT_…` code on any other; it throws so that a caller who forgets
 * to look at a result sends nothing.
 *
 * This proves origin only: that the sidecar signed this for this action. It does not know whether the permit was used before, or whether
 * trading was halted since. `POST /v1/permits/{id}/redeem` does, and is the last look before sending.
 */
export function verifyPermit(token: string, options: VerifyOptions): PermitClaims {
  const { header, claims, signed, signature } = split(token)
  const { kid } = checkHeader(header)
  const keys = options.keys instanceof Map ? (options.keys as PermitKeys) : loadPermitKeys(options.keys)
  const key = keys.get(kid)
  if (key === undefined) refuse('PERMIT_KEY_UNKNOWN', `no key \`${kid}\` is known`)
  if (!verifyText(key, signed, signature)) refuse('PERMIT_SIGNATURE_INVALID', `\`${kid}\` did not sign this`)
  // Nothing that the token claims is looked at before its signature is known to be good.
  const claimed = checkClaims(claims)
  checkPurpose(claimed, options)
  checkTime(claimed, options.now)
  return claimed
}

/**
 * The id by which a permit is redeemed, read without checking anything but its form. It proves nothing, and needs to prove nothing: the
 * sidecar that is asked to redeem it knows its own permits.
 */
export function permitIdOf(token: string): string {
  return checkClaims(split(token).claims).jti
}

interface Parts {
  readonly header: string
  readonly claims: string
  /** What the signature is over. */
  readonly signed: string
  readonly signature: string
}

function split(token: string): Parts {
  // Callers in plain JavaScript can hand over anything, `null` above all.
  if (typeof token !== 'string') refuse('PERMIT_MALFORMED', 'expected text')
  if (token.length > LENGTH_MAX)
    refuse('PERMIT_MALFORMED', `it has ${token.length} characters; at most ${LENGTH_MAX} are read`)
  const [header, claims, signature, ...more] = token.split('.')
  if (header === undefined || claims === undefined || signature === undefined || more.length > 0)
    refuse('PERMIT_MALFORMED', 'expected three parts with a dot between them')
  if (bytesOf(signature)?.length !== SIGNATURE_BYTES)
    refuse('PERMIT_MALFORMED', `expected a signature of ${SIGNATURE_BYTES} bytes in base64url`)
  return { header, claims, signed: `${header}.${claims}`, signature }
}

/** The JSON of a part, read as strictly as a body: two readers must not see two different things. */
function jsonOf(name: string, part: string): unknown {
  const bytes = bytesOf(part)
  if (bytes === undefined) refuse('PERMIT_MALFORMED', `the ${name} is not base64url without padding`)
  const parsed = parseStrictJsonBytes(bytes)
  if (!parsed.ok) refuse('PERMIT_MALFORMED', `the ${name}: ${parsed.path || '/'}: ${parsed.message}`)
  return parsed.value
}

/** The algorithm is ours to choose and not the token's: `none` and HMAC with a public key as its secret end here. */
function checkHeader(part: string): PermitHeader {
  const header = jsonOf('header', part)
  const { alg, typ } = Object(header) as Partial<Record<keyof PermitHeader, unknown>>
  if (alg !== PERMIT_ALGORITHM)
    refuse('PERMIT_ALGORITHM_FORBIDDEN', `\`alg\` is ${quote(alg)}; expected \`${PERMIT_ALGORITHM}\``)
  if (typ !== PERMIT_TYPE)
    refuse('PERMIT_TYPE_FORBIDDEN', `\`typ\` is ${quote(typ)}; expected \`${PERMIT_TYPE}\``)
  const parsed = PermitHeader.safeParse(header)
  if (!parsed.success) refuse('PERMIT_MALFORMED', `the header: ${describeIssues(parsed.error)}`)
  return parsed.data
}

function checkClaims(part: string): PermitClaims {
  const parsed = PermitClaims.safeParse(jsonOf('claims', part))
  if (!parsed.success) refuse('PERMIT_MALFORMED', `the claims: ${describeIssues(parsed.error)}`)
  const { iat, nbf, exp } = parsed.data
  if (nbf < iat || exp <= nbf || exp - iat > PERMIT_LIFE_SECONDS_MAX)
    refuse(
      'PERMIT_MALFORMED',
      `expected iat ≤ nbf < exp ≤ iat + ${PERMIT_LIFE_SECONDS_MAX}, got ${iat}, ${nbf}, ${exp}`,
    )
  return parsed.data
}

function checkPurpose(claims: PermitClaims, options: VerifyOptions): void {
  const { audience = PERMIT_AUDIENCE, issuer, agent, action } = options
  if (claims.aud !== audience)
    refuse('PERMIT_AUDIENCE_DIFFERS', `it is for \`${claims.aud}\`, not for \`${audience}\``)
  if (issuer !== undefined && claims.iss !== issuer)
    refuse('PERMIT_ISSUER_DIFFERS', `it is by \`${claims.iss}\`, not by \`${issuer}\``)
  if (agent !== undefined && claims.sub !== agent)
    refuse('PERMIT_AGENT_DIFFERS', `it is \`${claims.sub}\`’s, not \`${agent}\`’s`)
  if (action !== undefined && claims.action !== actionDigest(action))
    refuse('PERMIT_ACTION_DIFFERS', `\`${claims.decision}\` allowed another action than this`)
}

/** A clock that runs behind may see a permit too early, by a little. The end is never put off. */
function checkTime({ nbf, exp }: PermitClaims, now: number): void {
  // A `now` that is not a number must refuse, so the comparisons say what may pass.
  if (!(now < exp * 1000)) refuse('PERMIT_EXPIRED', `it ended at ${timeText(exp)}`)
  if (!(now >= nbf * 1000 - SKEW_MS_MAX)) refuse('PERMIT_NOT_YET_VALID', `it begins at ${timeText(nbf)}`)
}

/** Seconds need not be a date that can be written. */
function timeText(seconds: number): string {
  return seconds < 1e11 ? new Date(seconds * 1000).toISOString() : `second ${seconds}`
}

function quote(value: unknown): string {
  return value === undefined ? 'not there' : `\`${JSON.stringify(value).slice(0, 64)}\``
}

function refuse(code: Extract<ErrorCode, `PERMIT_${string}`>, detail: string): never {
  throw new EphorError(code, detail)
}
