/** Keys of permits over the life of a directory: made, kept, replaced. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { generateKeyPair, privateKeyToPem, publicKeyToPem } from '../base/ed25519.ts'
import { jwkOf, loadPermitKeys } from '../permit/keys.ts'
import { permitSigner } from '../permit/sign.ts'
import { verifyPermit } from '../permit/verify.ts'
import { ALLOWED, GIVEN, ORDER } from '../../test/support/permits.ts'
import { openPermitKeys } from './permit-keys.ts'

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ephor-keys-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const at = (name: string): string => join(directory, name)

test('the first start makes a pair that only its owner can read, and the next keeps it', () => {
  const first = openPermitKeys(directory)
  expect(readdirSync(directory).toSorted()).toEqual(['permit.pem', 'permit.pub.pem'])
  for (const name of readdirSync(directory)) expect(statSync(at(name)).mode & 0o777).toBe(0o600)
  expect(openPermitKeys(directory).jwks).toEqual(first.jwks)
  expect(first.jwks.keys).toEqual([jwkOf(first.signing.publicKey)])
})

test('when the private key is taken away another is made, and what the old one signed still stands', () => {
  const first = openPermitKeys(directory)
  const token = permitSigner({ keys: first.signing, issuer: 'x' }).sign(ALLOWED)
  rmSync(at('permit.pem'))
  const second = openPermitKeys(directory)
  expect(second.jwks.keys).toEqual([jwkOf(second.signing.publicKey), ...first.jwks.keys])
  expect(second.jwks.keys[0]).not.toEqual(first.jwks.keys[0])
  expect(openPermitKeys(directory).jwks).toEqual(second.jwks)
  verifyPermit(token, { keys: loadPermitKeys(second.jwks), action: ORDER, now: GIVEN })
  for (const name of readdirSync(directory)) expect(statSync(at(name)).mode & 0o777).toBe(0o600)
})

test('a private key put in its place retires the one before', () => {
  const first = openPermitKeys(directory)
  const brought = generateKeyPair()
  writeFileSync(at('permit.pem'), privateKeyToPem(brought.privateKey))
  const second = openPermitKeys(directory)
  expect(second.jwks.keys).toEqual([jwkOf(brought.publicKey), ...first.jwks.keys])
  expect(readFileSync(at('permit.pub.pem'), 'utf8')).toBe(publicKeyToPem(brought.publicKey))
})

test('a start that ended before the private key was written is made good', () => {
  openPermitKeys(directory)
  rmSync(at('permit.pem'))
  writeFileSync(at('permit.pem.new'), 'torn')
  const { signing, jwks } = openPermitKeys(directory)
  expect(jwks.keys[0]).toEqual(jwkOf(signing.publicKey))
  expect(openPermitKeys(directory).jwks).toEqual(jwks)
})

test.each(['permit.pem', 'permit.pub.pem'])('%s that is no key stops the start, by its name', (name) => {
  openPermitKeys(directory)
  writeFileSync(at(name), 'nonsense')
  expect(() => openPermitKeys(directory)).toThrow(new RegExp(`CONFIG_INVALID: .*${name}: `))
})

test('retired keys are bounded', () => {
  openPermitKeys(directory)
  for (let count = 0; count < 64; count++) {
    const { publicKey } = generateKeyPair()
    writeFileSync(at(`permit-retired-${jwkOf(publicKey).kid}.pub.pem`), publicKeyToPem(publicKey))
    if (count < 63) expect(openPermitKeys(directory).jwks.keys).toHaveLength(count + 2)
  }
  expect(() => openPermitKeys(directory)).toThrow(/holds 64 retired keys.*delete the oldest/)
})
