/** `ephor/permit`: what an adapter needs to check permits offline, and what a sidecar needs to give them. */
export { EphorError, type ErrorCode } from '../base/errors.ts'
export type { Action } from '../protocol/action.ts'
export { PERMIT_AUDIENCE, type Jwk, type Jwks, type PermitClaims } from '../protocol/permit.ts'
export { jwkOf, jwksOf, loadPermitKeys, type PermitKeys } from './keys.ts'
export {
  actionDigest,
  permitSigner,
  type Allowed,
  type PermitSigner,
  type PermitSignerOptions,
} from './sign.ts'
export { permitIdOf, verifyPermit, type VerifyOptions } from './verify.ts'
