/** The key that signs the journal is changed: what the old one signed is still believed, and nothing that an unknown one signed. */
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { generateKeyPair, privateKeyToPem, publicKeyToPem } from '../../src/base/ed25519.ts'
import { order, quietMarket } from '../support/market.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

let rig: Rig
let copy: string
beforeEach(async () => {
  rig = await new Rig().start()
  copy = `${rig.home}-copy`
  await rig.observe(...quietMarket(OPEN))
})
afterEach(async () => {
  await rig.end()
  rmSync(copy, { recursive: true, force: true })
})

const keys = (home = rig.home): string => join(home, 'keys')
const retired = (home = rig.home): string => join(keys(home), 'retired')

/** What docs/operations.md tells an operator to do while the sidecar is stopped. */
function rotate(home = rig.home): void {
  mkdirSync(retired(home), { recursive: true })
  const name = `${readdirSync(retired(home)).length}.pub.pem`
  renameSync(join(keys(home), 'journal.pub.pem'), join(retired(home), name))
  const { privateKey, publicKey } = generateKeyPair()
  writeFileSync(join(keys(home), 'journal.pem'), privateKeyToPem(privateKey))
  writeFileSync(join(keys(home), 'journal.pub.pem'), publicKeyToPem(publicKey))
}

interface Verified {
  readonly code: number
  readonly text: string
}

/** `ephor log verify` as anybody runs it. */
const verify = async (home: string, ...more: readonly string[]): Promise<Verified> =>
  promisify(execFile)(process.execPath, [CLI, 'log', 'verify', '--home', home, ...more], {
    timeout: 30_000,
  }).then(
    ({ stdout }) => ({ code: 0, text: stdout }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      text: error.stdout + error.stderr,
    }),
  )

test('a sidecar goes on under a new key, once and again, with all that was decided under the old', async () => {
  const first = await rig.judge(order())
  const before = rig.running.home.keyId
  for (let turn = 0; turn < 2; turn += 1) {
    await rig.stop()
    rotate()
    await rig.start()
    expect(rig.running.recovery.headProblems).toEqual([])
    expect((await rig.get(`/v1/decisions/${first.decision}`)).body.sequence).toBe(first.sequence)
    expect((await rig.judge(order())).verdict).toBe('allow')
  }
  expect(rig.running.home.keyId).not.toBe(before)
  await rig.stop()
  const verified = await verify(rig.home)
  expect(verified).toMatchObject({ code: 0 })
  expect(verified.text).toContain('chain whole')
  // The key that signs now has signed both slots: nothing rests on the retired ones any more.
  expect(verified.text).not.toContain('retired')
  rmSync(retired(), { recursive: true })
  expect((await verify(rig.home)).code).toBe(0)
})

test('a copy that was made before the change verifies by the retired key, and says so', async () => {
  await rig.judge(order())
  const { keyId } = rig.running.home
  await rig.stop()
  rotate()
  const verified = await verify(rig.home)
  expect(verified.code).toBe(0)
  expect(verified.text).toContain(`the head is signed by the retired key ${keyId}`)
  expect(JSON.parse((await verify(rig.home, '--json')).text)).toMatchObject({ ok: true, headKey: keyId })
  // With one key to trust, no other is believed, wherever it lies.
  expect(await verify(rig.home, '--key', join(keys(), 'journal.pub.pem'))).toMatchObject({ code: 1 })
  expect(await verify(rig.home, '--key', join(retired(), '0.pub.pem'))).toMatchObject({ code: 0 })
})

test('a head signed by a key that is not in the ring is not believed, by verify and by a start', async () => {
  await rig.judge(order())
  const { keyId } = rig.running.home
  await rig.stop()
  rotate()
  cpSync(rig.home, copy, { recursive: true })
  writeFileSync(join(retired(copy), '0.pub.pem'), publicKeyToPem(generateKeyPair().publicKey))
  const verified = await verify(copy)
  expect(verified.code).toBe(1)
  expect(verified.text).toContain(`the key \`${keyId}\` is not known`)
  rmSync(retired(), { recursive: true })
  await expect(rig.start()).rejects.toMatchObject({
    code: 'JOURNAL_CORRUPT',
    detail: expect.stringContaining(`the key \`${keyId}\` is not known`) as string,
  })
})

test('halves that do not belong together, and what is no key, end the start by name', async () => {
  await rig.stop()
  rotate()
  writeFileSync(join(keys(), 'journal.pub.pem'), publicKeyToPem(generateKeyPair().publicKey))
  await expect(rig.start()).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    detail: expect.stringMatching(/journal\.pub\.pem is not the public half/) as string,
  })
  rmSync(join(keys(), 'journal.pub.pem'))
  writeFileSync(join(retired(), 'x.pub.pem'), 'no key')
  await expect(rig.start()).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    detail: expect.stringMatching(/retired\/x\.pub\.pem is no Ed25519 public key/) as string,
  })
})
