/** Which public keys are taken for keys. */
import { createPublicKey, verify } from 'node:crypto'
import { expect, test } from 'vitest'
import { generateKeyPair, isEd25519PublicKey, publicKeyFromPem, publicKeyToPem } from './ed25519.ts'

/** What stands before the 32 bytes of an Ed25519 key in SPKI (RFC 8410). */
const SPKI = '302a300506032b6570032100'
const pemOf = (hex: string): string =>
  publicKeyToPem(createPublicKey({ key: Buffer.from(SPKI + hex, 'hex'), format: 'der', type: 'spki' }))
/** The neutral point, and the factor 0: whoever knows no private key can write this. */
const FORGED = Buffer.concat([Buffer.from([1]), Buffer.alloc(63)])
/** Later ones refuse such keys themselves. */
const IS_OLD = process.versions.openssl.startsWith('3.0.')
const TEXTS = Array.from({ length: 256 }, (_, at) => Buffer.from(`text ${at}`))

test.each([
  ['order 4', '00'.repeat(32), true],
  ['order 4, the other', `${'00'.repeat(31)}80`, true],
  ['order 1', `01${'00'.repeat(31)}`, true],
  ['order 8', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05', true],
  ['order 8, the other', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85', true],
  ['order 8, the third', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a', true],
  ['order 2', `ec${'ff'.repeat(30)}7f`, true],
  ['order 4, written otherwise', `ed${'ff'.repeat(30)}7f`, false],
  ['order 1, written otherwise', `ee${'ff'.repeat(30)}7f`, false],
])('a key of %s is none, for anybody can sign for it', (_, hex, isCanonical) => {
  const pem = pemOf(hex)
  if (isCanonical) expect(TEXTS.some((text) => verify(null, text, createPublicKey(pem), FORGED))).toBe(IS_OLD)
  expect(() => publicKeyFromPem(pem)).toThrow('anybody could sign')
  expect(isEd25519PublicKey(pem)).toBe(false)
})

test('a key that was made is one, and nobody signs for it in that way', () => {
  const { publicKey } = generateKeyPair()
  expect(isEd25519PublicKey(publicKeyToPem(publicKey))).toBe(true)
  expect(TEXTS.some((text) => verify(null, text, publicKey, FORGED))).toBe(false)
})
