/** Permits: what is signed is read back, and whatever differs from it is refused by its own code. */
import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson } from '../base/canonical-json.ts'
import { generateKeyPair, publicKeyToPem } from '../base/ed25519.ts'
import { EphorError, type ErrorCode } from '../base/errors.ts'
import {
  ALLOWED,
  bend,
  forge,
  GIVEN,
  KEYS,
  ORDER,
  OTHER_KEYS,
  readParts,
  SIGNER,
} from '../../test/support/permits.ts'
import { jwkOf, jwksOf, loadPermitKeys } from './keys.ts'
import { actionDigest, permitSigner } from './sign.ts'
import { permitIdOf, verifyPermit, type VerifyOptions } from './verify.ts'

const JWKS = jwksOf([KEYS.publicKey])
const LOADED = loadPermitKeys(JWKS)
const GOOD: VerifyOptions = { keys: LOADED, action: ORDER, agent: 'alpha', now: GIVEN }
const TOKEN = SIGNER.sign(ALLOWED)
const KID = SIGNER.keyId

/** The code with which a token is refused; `undefined` when it stands. */
function codeOf(token: string, options: Partial<VerifyOptions> = {}): ErrorCode | undefined {
  try {
    verifyPermit(token, { ...GOOD, ...options })
    return undefined
  } catch (error) {
    if (error instanceof EphorError) return error.code
    throw error
  }
}

const part = (value: string): string => Buffer.from(value).toString('base64url')
const [HEAD = '', CLAIMS = '', SIGNATURE = ''] = TOKEN.split('.')

test('what was signed is read back', () => {
  expect(verifyPermit(TOKEN, GOOD)).toEqual({
    iss: 'sidecar-1',
    aud: 'ephor:venue',
    sub: 'alpha',
    jti: ALLOWED.permit,
    iat: Math.floor(GIVEN / 1000),
    nbf: Math.floor(GIVEN / 1000),
    exp: Math.floor(GIVEN / 1000) + 5,
    action: actionDigest(ORDER),
    decision: ALLOWED.decision,
    constitution: ALLOWED.constitution,
    sequence: 14,
  })
  expect(JSON.parse(readParts(TOKEN).header)).toEqual({ alg: 'EdDSA', typ: 'ephor-permit+jwt', kid: KID })
  expect(verifyPermit(TOKEN, { ...GOOD, keys: JWKS }).jti).toBe(ALLOWED.permit)
  expect(permitIdOf(TOKEN)).toBe(ALLOWED.permit)
  expect(TOKEN.length).toBeLessThan(1000)
})

test('the claims are canonical JSON, whatever names hold', async () => {
  const name = fc.string({ unit: 'binary', minLength: 1 })
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        agent: name,
        permit: name,
        decision: name,
        constitution: name,
        partition: fc.option(name, { nil: undefined }),
      }),
      name,
      name,
      fc.nat(),
      async (names, issuer, audience, sequence) => {
        const signer = permitSigner({ keys: KEYS, issuer, audience })
        const allowed = { ...ALLOWED, ...names, sequence }
        const token = signer.sign(allowed)
        const { claims } = readParts(token)
        const { agent: sub, permit: jti, decision, constitution, partition } = names
        const issued = Math.floor(ALLOWED.at / 1000)
        const when = { iat: issued, nbf: issued, exp: issued + 5 }
        const what = { action: actionDigest(ALLOWED.action), decision, constitution, sequence, partition }
        expect(claims).toBe(canonicalJson({ iss: issuer, aud: audience, sub, jti, ...when, ...what }))
        expect(await signer.signLater(allowed)).toBe(token)
      },
    ),
  )
})

describe('any other token', () => {
  test('with one character changed is refused', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \u0000é'
    fc.assert(
      fc.property(fc.nat(TOKEN.length - 1), fc.constantFrom(...alphabet.split('')), (at, character) => {
        fc.pre(TOKEN[at] !== character)
        expect(codeOf(TOKEN.slice(0, at) + character + TOKEN.slice(at + 1))).toMatch(/^PERMIT_/)
      }),
      { numRuns: 3000 },
    )
  })

  test('with one bit flipped is refused, each of them', () => {
    const bytes = Buffer.from(TOKEN, 'latin1')
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(codeOf(flipped.toString('latin1')), `bit ${bit}`).toMatch(/^PERMIT_/)
    }
  })

  test('cut short, doubled or with anything put in is refused', () => {
    fc.assert(
      fc.property(fc.nat(TOKEN.length), fc.string({ minLength: 1, maxLength: 8 }), (at, extra) => {
        expect(codeOf(TOKEN.slice(0, at) + extra + TOKEN.slice(at))).toMatch(/^PERMIT_/)
        if (at < TOKEN.length) expect(codeOf(TOKEN.slice(0, at))).toMatch(/^PERMIT_/)
      }),
      { numRuns: 1000 },
    )
  })

  test('of any text is refused and never breaks the reader', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => {
        expect(codeOf(text)).toMatch(/^PERMIT_/)
      }),
    )
    fc.assert(
      fc.property(fc.json(), fc.json(), (header, claims) => {
        expect(codeOf(forge(header, claims))).toMatch(/^PERMIT_/)
      }),
    )
    for (const nothing of [null, undefined, 7, {}]) expect(codeOf(nothing as string)).toBe('PERMIT_MALFORMED')
  })
})

describe('each difference has its code', () => {
  const publicPem = publicKeyToPem(KEYS.publicKey)
  const hmacHead = part(JSON.stringify({ alg: 'HS256', typ: 'ephor-permit+jwt', kid: KID }))
  const hmac = createHmac('sha256', publicPem).update(`${hmacHead}.${CLAIMS}`).digest('base64url')
  const seconds = Math.floor(GIVEN / 1000)
  const { header, claims } = readParts(TOKEN)

  test.each<[ErrorCode, string, string, Partial<VerifyOptions>?]>([
    ['PERMIT_ALGORITHM_FORBIDDEN', 'none', bend({ header: { alg: 'none' } })],
    [
      'PERMIT_MALFORMED',
      'none, unsigned',
      `${part(JSON.stringify({ alg: 'none', typ: 'ephor-permit+jwt', kid: KID }))}.${CLAIMS}.`,
    ],
    ['PERMIT_ALGORITHM_FORBIDDEN', 'another spelling', bend({ header: { alg: 'eddsa' } })],
    ['PERMIT_ALGORITHM_FORBIDDEN', 'no algorithm', bend({ header: { alg: undefined } })],
    ['PERMIT_ALGORITHM_FORBIDDEN', 'a header that is no object', forge('"EdDSA"', claims)],
    ['PERMIT_ALGORITHM_FORBIDDEN', 'a header that is null', forge('null', claims)],
    [
      'PERMIT_ALGORITHM_FORBIDDEN',
      'HMAC with the public key, as long as a signature',
      `${hmacHead}.${CLAIMS}.${part('x'.repeat(64))}`,
    ],
    ['PERMIT_MALFORMED', 'HMAC with the public key', `${hmacHead}.${CLAIMS}.${hmac}`],
    ['PERMIT_TYPE_FORBIDDEN', 'a plain JWT', bend({ header: { typ: 'JWT' } })],
    ['PERMIT_TYPE_FORBIDDEN', 'no type', bend({ header: { typ: undefined } })],
    [
      'PERMIT_TYPE_FORBIDDEN',
      'the whole media type',
      bend({ header: { typ: 'application/ephor-permit+jwt' } }),
    ],
    ['PERMIT_KEY_UNKNOWN', 'another key', permitSigner({ keys: OTHER_KEYS, issuer: 'x' }).sign(ALLOWED)],
    ['PERMIT_KEY_UNKNOWN', 'no keys', TOKEN, { keys: { keys: [] } }],
    ['PERMIT_SIGNATURE_INVALID', 'another key under the name of ours', bend({}, OTHER_KEYS)],
    [
      'PERMIT_SIGNATURE_INVALID',
      'the signature of another permit',
      `${HEAD}.${CLAIMS}.${SIGNER.sign({ ...ALLOWED, sequence: 15 }).split('.')[2]}`,
    ],
    ['PERMIT_SIGNATURE_INVALID', 'zeros', `${HEAD}.${CLAIMS}.${Buffer.alloc(64).toString('base64url')}`],
    ['PERMIT_MALFORMED', 'no key named', bend({ header: { kid: undefined } })],
    ['PERMIT_MALFORMED', 'a path for a key', bend({ header: { kid: '../../etc/passwd' } })],
    ['PERMIT_MALFORMED', 'a key of its own', bend({ header: { jwk: jwkOf(OTHER_KEYS.publicKey) } })],
    ['PERMIT_MALFORMED', 'extensions', bend({ header: { crit: ['exp'] } })],
    ['PERMIT_MALFORMED', 'a second kid', forge(header.replace('{', `{"kid":"${KID}",`), claims)],
    ['PERMIT_MALFORMED', 'a second agent', forge(header, claims.replace('{', '{"sub":"beta",'))],
    ['PERMIT_MALFORMED', 'a second agent, escaped', forge(header, claims.replace('{', '{"s\\u0075b":"b",'))],
    ['PERMIT_MALFORMED', 'claims that are an array', forge(header, `[${claims}]`)],
    ['PERMIT_MALFORMED', 'claims that are not UTF-8', forge(header, Buffer.from([0x7b, 0xff, 0x7d]))],
    ['PERMIT_MALFORMED', 'four parts', `${TOKEN}.${SIGNATURE}`],
    ['PERMIT_MALFORMED', 'two parts', `${HEAD}.${CLAIMS}`],
    ['PERMIT_MALFORMED', 'padding', `${TOKEN}==`],
    ['PERMIT_MALFORMED', 'white space', `${TOKEN}\n`],
    ['PERMIT_MALFORMED', 'stray bits', TOKEN.replace(/.$/, nextCharacter)],
    ['PERMIT_MALFORMED', 'too long', `${TOKEN}${'A'.repeat(4096)}`],
    ['PERMIT_MALFORMED', 'an unknown claim', bend({ claims: { scope: 'all' } })],
    ['PERMIT_MALFORMED', 'no end', bend({ claims: { exp: undefined } })],
    ['PERMIT_MALFORMED', 'an end that is text', bend({ claims: { exp: '9999999999' } })],
    ['PERMIT_MALFORMED', 'a fraction of a second', bend({ claims: { exp: seconds + 0.5 } })],
    ['PERMIT_MALFORMED', 'a life too long', bend({ claims: { exp: seconds + 61 } })],
    ['PERMIT_MALFORMED', 'an end before the beginning', bend({ claims: { exp: seconds } })],
    ['PERMIT_MALFORMED', 'a list of audiences', bend({ claims: { aud: ['ephor:venue'] } })],
    ['PERMIT_AUDIENCE_DIFFERS', 'another audience', TOKEN, { audience: 'ephor:other' }],
    ['PERMIT_AUDIENCE_DIFFERS', 'for another', bend({ claims: { aud: 'ephor:other' } })],
    ['PERMIT_ISSUER_DIFFERS', 'another sidecar', TOKEN, { issuer: 'sidecar-2' }],
    ['PERMIT_AGENT_DIFFERS', 'another agent', TOKEN, { agent: 'beta' }],
    ['PERMIT_ACTION_DIFFERS', 'more', TOKEN, { action: { ...ORDER, quantity: 101 } }],
    ['PERMIT_ACTION_DIFFERS', 'less', TOKEN, { action: { ...ORDER, quantity: 99 } }],
    ['PERMIT_ACTION_DIFFERS', 'a member more', TOKEN, { action: { ...ORDER, timeInForce: 'gtc' } }],
    ['PERMIT_EXPIRED', 'at its end', TOKEN, { now: SIGNER.expiresAt(GIVEN) }],
    ['PERMIT_EXPIRED', 'at no time', TOKEN, { now: Number.NaN }],
    ['PERMIT_NOT_YET_VALID', 'too early', TOKEN, { now: GIVEN - 250 - 1001 }],
  ])('%s: %s', (code, _, token, options = {}) => {
    expect(codeOf(token, options)).toBe(code)
  })

  /** The last character of 64 bytes carries four bits that mean nothing. */
  function nextCharacter(last: string): string {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    return alphabet[alphabet.indexOf(last) + 1] ?? ''
  }

  test('what a refusal says names what was wrong', () => {
    expect(() => verifyPermit(TOKEN, { ...GOOD, agent: 'beta' })).toThrow('it is `alpha`’s, not `beta`’s')
    expect(() => verifyPermit(TOKEN, { ...GOOD, now: GIVEN + 60_000 })).toThrow(
      'PERMIT_EXPIRED: it ended at 2026-12-01T17:00:05.000Z',
    )
    expect(() => verifyPermit(`${TOKEN}${'A'.repeat(4096)}`, GOOD)).toThrow('at most 4096 are read')
    expect(() => verifyPermit(bend({ header: { alg: 'none' } }), GOOD)).toThrow('`alg` is `"none"`')
  })
})

describe('time', () => {
  test('a permit stands from its beginning, less a second, until its end', () => {
    for (const now of [GIVEN - 250 - 1000, GIVEN, SIGNER.expiresAt(GIVEN) - 1])
      expect(codeOf(TOKEN, { now }), String(now)).toBeUndefined()
  })

  test('it never ends later than its life after it was given, and less than a second earlier', () => {
    fc.assert(
      fc.property(fc.nat(4e12), fc.integer({ min: 2000, max: 60_000 }), (at, lifeMs) => {
        const signer = permitSigner({ keys: KEYS, issuer: 'x', lifeMs })
        const end = signer.expiresAt(at)
        expect(end).toBeLessThanOrEqual(at + lifeMs)
        expect(end).toBeGreaterThan(at + lifeMs - 1000)
        const token = signer.sign({ ...ALLOWED, at })
        expect(verifyPermit(token, { keys: LOADED, now: end - 1 }).exp * 1000).toBe(end)
        expect(codeOf(token, { now: end })).toBe('PERMIT_EXPIRED')
      }),
      { numRuns: 50 },
    )
  })

  test.each([0, 1999, 2000.5, 60_001, Number.NaN])('a life of %s ms is not given', (lifeMs) => {
    expect(() => permitSigner({ keys: KEYS, issuer: 'x', lifeMs })).toThrow(RangeError)
  })
})

describe('keys', () => {
  test('the one that signs comes first, and retired ones still check', () => {
    const jwks = jwksOf([OTHER_KEYS.publicKey, KEYS.publicKey, OTHER_KEYS.publicKey])
    expect(jwks.keys.map(({ kid }) => kid)).toEqual([jwkOf(OTHER_KEYS.publicKey).kid, KID])
    const keys = loadPermitKeys(JSON.parse(JSON.stringify(jwks)))
    expect(codeOf(TOKEN, { keys })).toBeUndefined()
    expect(codeOf(permitSigner({ keys: OTHER_KEYS, issuer: 'x' }).sign(ALLOWED), { keys })).toBeUndefined()
  })

  test('an action is the same in any order of its members', () => {
    const turned = Object.fromEntries(Object.entries(ORDER).toReversed()) as typeof ORDER
    expect(codeOf(TOKEN, { action: turned })).toBeUndefined()
  })

  const jwk = jwkOf(KEYS.publicKey)
  const other = jwkOf(OTHER_KEYS.publicKey)
  test.each([
    ['no set', null, '/: '],
    ['no list', { keys: {} }, '/keys: '],
    ['a private key', { keys: [{ ...jwk, d: jwk.x }] }, 'unknown key `d`'],
    ['a secret', { keys: [{ kty: 'oct', k: 'AAAA', kid: jwk.kid }] }, '/keys/0/kty'],
    ['another curve', { keys: [{ ...jwk, crv: 'X25519' }] }, '/keys/0/crv'],
    ['a key twice', { keys: [jwk, jwk] }, 'is there twice'],
    ['a key under the name of another', { keys: [{ ...other, kid: jwk.kid }] }, 'is not the thumbprint'],
    ['more than there may be', { keys: Array.from({ length: 65 }, () => jwk) }, '/keys: '],
  ])('%s is no key set', (_, jwks, message) => {
    const load = (): unknown => loadPermitKeys(jwks)
    expect(load).toThrow(EphorError)
    expect(load).toThrow(`PERMIT_KEYS_INVALID: ${message.startsWith('/') ? message : ''}`)
    expect(load).toThrow(message)
  })

  test('more keys than a set may hold are not shown', () => {
    expect(() => jwksOf(Array.from({ length: 65 }, () => generateKeyPair().publicKey))).toThrow(RangeError)
  })
})
