/** Permits are plain JWTs: `jose`, written by others, reads ours, and what it writes is read by us. */
import * as jose from 'jose'
import { expect, test } from 'vitest'
import { ALLOWED, GIVEN, KEYS, ORDER, OTHER_KEYS, readParts, SIGNER } from '../../test/support/permits.ts'
import { jwkOf, jwksOf } from './keys.ts'
import { verifyPermit } from './verify.ts'

const JWKS = jwksOf([OTHER_KEYS.publicKey, KEYS.publicKey])
const TOKEN = SIGNER.sign(ALLOWED)
const CHECKS: jose.JWTVerifyOptions = {
  algorithms: ['EdDSA'],
  typ: 'ephor-permit+jwt',
  audience: 'ephor:venue',
  issuer: 'sidecar-1',
  subject: 'alpha',
  requiredClaims: ['exp', 'nbf', 'iat', 'jti'],
  currentDate: new Date(GIVEN),
}
const keySet = jose.createLocalJWKSet(JWKS)

test('jose takes a permit by the key set, and sees the same claims', async () => {
  const { payload, protectedHeader } = await jose.jwtVerify(TOKEN, keySet, CHECKS)
  expect(payload).toEqual(verifyPermit(TOKEN, { keys: JWKS, action: ORDER, agent: 'alpha', now: GIVEN }))
  expect(protectedHeader).toEqual({ alg: 'EdDSA', typ: 'ephor-permit+jwt', kid: SIGNER.keyId })
})

test.each([
  ['another audience', { audience: 'ephor:other' }, 'aud'],
  ['another type', { typ: 'JWT' }, 'typ'],
  ['later', { currentDate: new Date(GIVEN + 5000) }, 'exp'],
])('jose refuses it for %s', async (_, change, claim) => {
  await expect(jose.jwtVerify(TOKEN, keySet, { ...CHECKS, ...change })).rejects.toMatchObject({ claim })
})

test('jose refuses it when a character was changed', async () => {
  const changed = TOKEN.replace(/\.(.)/, (_, first: string) => `.${first === 'e' ? 'f' : 'e'}`)
  await expect(jose.jwtVerify(changed, keySet, CHECKS)).rejects.toThrow('signature verification failed')
})

test('what jose signs with our key is a permit', async () => {
  const claims = JSON.parse(readParts(TOKEN).claims) as jose.JWTPayload
  const token = await new jose.SignJWT(claims)
    .setProtectedHeader({ alg: 'EdDSA', typ: 'ephor-permit+jwt', kid: SIGNER.keyId })
    .sign(KEYS.privateKey)
  expect(verifyPermit(token, { keys: JWKS, action: ORDER, agent: 'alpha', now: GIVEN })).toEqual(claims)
})

test('the thumbprints are those of jose', async () => {
  for (const { kid, ...jwk } of JWKS.keys) expect(kid).toBe(await jose.calculateJwkThumbprint(jwk))
  expect(jwkOf(KEYS.publicKey)).toMatchObject(await jose.exportJWK(KEYS.publicKey))
})
