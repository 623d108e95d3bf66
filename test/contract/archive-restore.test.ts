/** `ephor log restore` brings over what a key that is trusted signed, and nothing else. */
import { execFile } from 'node:child_process'
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { generateKeyPair, publicKeyToPem } from '../../src/base/ed25519.ts'
import { Archive } from '../../src/journal/archive.ts'
import { readLineBatches } from '../../src/journal/read.ts'
import { keyIdOf } from '../../src/sidecar/key-ring.ts'
import { inDirectory } from '../journal-support/journals.ts'
import { OPEN, Rig } from '../support/sidecar.ts'
import { quietMarket } from '../support/market.ts'

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

const restore = (...words: string[]): Promise<{ code: unknown; said: string }> =>
  new Promise((done) => {
    execFile(process.execPath, [CLI, 'log', 'restore', ...words], (error, out, stderr) => {
      done({ code: error?.code ?? 0, said: out + stderr })
    })
  })

/** Records of a journal that was, as an archive that `keys` signed: of the first two as far as its head says, of three by its segment. */
async function archived(directory: string, keys: ReturnType<typeof generateKeyPair>): Promise<void> {
  const rig = await new Rig().start()
  await rig.observe(...quietMarket(OPEN))
  await rig.stop()
  const lines = []
  for await (const some of readLineBatches(rig.journal, 1)) lines.push(...some)
  mkdirSync(join(directory, 'constitutions'), { recursive: true })
  const options = {
    directory: join(directory, 'journal'),
    now: () => OPEN,
    keys,
    keyId: keyIdOf(keys.publicKey),
  }
  const first = await Archive.open(options)
  await first.append('p00', lines.slice(0, 2))
  await first.close()
  const head = join(directory, 'journal', 'head')
  copyFileSync(head, `${head}.kept`)
  const second = await Archive.open(options)
  await second.append('p00', lines.slice(2, 3))
  await second.close()
  copyFileSync(`${head}.kept`, head)
  await rig.end()
}

test('an archive that no known key signed is refused, and what its head does not cover is left out', () =>
  inDirectory(async (directory) => {
    const keys = generateKeyPair()
    const archive = join(directory, 'archive')
    await archived(archive, keys)
    const home = await new Rig().start()
    await home.stop()
    rmSync(home.journal, { recursive: true })
    mkdirSync(home.journal)
    const unknown = await restore(archive, '--home', home.home)
    expect(unknown).toEqual({ code: 2, said: expect.stringContaining('does not verify') })
    expect(unknown.said).toContain('--key')
    const key = join(directory, 'other.pub.pem')
    writeFileSync(key, publicKeyToPem(keys.publicKey))
    const known = await restore(archive, '--home', home.home, '--key', key)
    expect(known).toEqual({ code: 0, said: '2 records of p00 brought over: the journal ends at record 2\n' })
    await home.end()
  }))
