/** `GET /.well-known/jwks.json`: anybody can have the keys, and they check what the sidecar's own key signs. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadPermitKeys } from '../../src/permit/keys.ts'
import { permitSigner } from '../../src/permit/sign.ts'
import { verifyPermit } from '../../src/permit/verify.ts'
import { ALLOWED, GIVEN, ORDER } from '../support/permits.ts'
import { expectProblem } from '../support/http.ts'
import { Rig } from '../support/sidecar.ts'

const rig = new Rig()
beforeAll(() => rig.start())
afterAll(() => rig.end())

const JWKS = '/.well-known/jwks.json'

test('the keys are public, of their media type, and check a permit', async () => {
  const answer = await rig.get(JWKS, null)
  expect(answer.status).toBe(200)
  expect(answer.type).toMatch(/^application\/jwk-set\+json/)
  const { signing } = rig.running.home.permitKeys
  const token = permitSigner({ keys: signing, issuer: 'sidecar-1' }).sign(ALLOWED)
  const keys = loadPermitKeys(answer.body)
  expect(verifyPermit(token, { keys, action: ORDER, now: GIVEN }).decision).toBe(ALLOWED.decision)
})

test('nothing private is among them, and the journal’s key is not', async () => {
  const { text, body } = await rig.get(JWKS, null)
  expect(text).not.toContain('"d"')
  const { permitKeys, keys } = rig.running.home
  const journal = keys.publicKey.export({ format: 'jwk' }).x
  const shown = body.keys as { x: string }[]
  expect(shown.map(({ x }) => x)).toEqual(permitKeys.jwks.keys.map(({ x }) => x))
  expect(shown.map(({ x }) => x)).not.toContain(journal)
})

test('after a new key was taken, the old one is shown behind it', async () => {
  const before = (await rig.get(JWKS, null)).body.keys as unknown[]
  await rig.stop()
  rmSync(join(rig.home, 'keys', 'permit.pem'))
  await rig.start()
  const after = (await rig.get(JWKS, null)).body.keys as unknown[]
  expect(after).toHaveLength(2)
  expect(after[1]).toEqual(before[0])
  expect(after[0]).not.toEqual(before[0])
})

test('other methods are not found', async () => {
  expectProblem(await rig.post(JWKS, null, {}), 'NOT_FOUND', 'POST /.well-known/jwks.json')
})
