import { copyFile, cp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { generateKeyPair } from '../base/ed25519.ts'
import { openJournal } from './journal.ts'
import {
  inDirectory as inDirectoryOf,
  keys,
  makeJournal,
  optionsFor,
  sharedDirectory,
} from '../../test/journal-support/journals.ts'
import { SCRATCH } from '../../test/support/scratch.ts'
import { verifyJournal } from './verify.ts'

/** A cleanly closed journal of six records in three segments; each test tampers with a copy. */
const RECORDS = 6

/** For the tests that try thousands of damages, in milliseconds. */
const TIMEOUT_MS = 300_000
const pristine = sharedDirectory((path) => makeJournal(path, RECORDS, { segmentBytesMax: 400 }), SCRATCH)
/** Thousands of copies that nobody's power fails on. */
const inDirectory = <T>(use: (directory: string) => Promise<T>): Promise<T> => inDirectoryOf(use, SCRATCH)

async function dataFiles(): Promise<string[]> {
  return (await readdir(pristine.path))
    .filter((name) => name === 'head' || name.endsWith('.ndjson'))
    .toSorted()
}

/** Whether verification and opening both notice what `tamper` did to a copy. */
async function noticed(tamper: (directory: string) => Promise<void>) {
  return inDirectory(async (directory) => {
    await cp(pristine.path, directory, { recursive: true })
    await tamper(directory)
    const { ok, problems } = await verifyJournal(directory, keys.publicKey)
    const opening = await openJournal(optionsFor(directory)).then(
      async ({ journal, recovery }) => {
        await journal.close()
        return recovery.headProblems.length > 0 || recovery.quarantined !== null ? 'reported' : 'silent'
      },
      (error: { code: string; detail: string }) => error,
    )
    return { verified: ok, problems, opening }
  })
}

const tamperLines = (change: (lines: string[]) => string[]) => async (directory: string) => {
  const path = join(directory, 'segment-000000000001.ndjson')
  const lines = (await readFile(path, 'utf8')).split('\n').slice(0, -1)
  await writeFile(path, change(lines).join('\n') + '\n')
}

describe('a cleanly closed journal', () => {
  it('verifies, in several segments', async () => {
    expect((await dataFiles()).length).toBe(4)
    expect(await verifyJournal(pristine.path, keys.publicKey)).toMatchObject({
      ok: true,
      records: RECORDS,
      sequence: RECORDS,
      headSequence: RECORDS,
      segments: 3,
      unsigned: 0,
      torn: null,
      problems: [],
    })
  })

  it('does not verify after a flip of any byte in any file', { timeout: TIMEOUT_MS }, async () => {
    await inDirectory(async (directory) => {
      await cp(pristine.path, directory, { recursive: true })
      let tried = 0
      const unnoticed: string[] = []
      for (const name of await dataFiles()) {
        const bytes = await readFile(join(pristine.path, name))
        for (let index = 0; index < bytes.length; index += 1) {
          for (const mask of [0x01, 0x20]) {
            const flipped = Buffer.from(bytes)
            flipped[index] = (flipped[index] ?? 0) ^ mask
            await writeFile(join(directory, name), flipped)
            const { ok } = await verifyJournal(directory, keys.publicKey)
            tried += 1
            if (ok) unnoticed.push(`byte ${index} of ${name} with ${mask}`)
          }
        }
        await writeFile(join(directory, name), bytes)
      }
      expect(unnoticed).toEqual([])
      expect(tried).toBeGreaterThan(4500)
      expect((await verifyJournal(directory, keys.publicKey)).ok).toBe(true)
    })
  })

  it(
    'does not verify after a cut of any file at any length, nor open but for the head',
    { timeout: TIMEOUT_MS },
    async () => {
      await inDirectory(async (directory) => {
        await cp(pristine.path, directory, { recursive: true })
        const unnoticed: string[] = []
        for (const name of await dataFiles()) {
          const bytes = await readFile(join(pristine.path, name))
          for (let length = 0; length < bytes.length; length += 1) {
            await writeFile(join(directory, name), bytes.subarray(0, length))
            const { ok } = await verifyJournal(directory, keys.publicKey)
            if (ok) unnoticed.push(`${name} cut to ${length} bytes verifies`)
            // With its first slot whole a head is still good to go on from, and the other is written anew.
            if (name === 'head' && length >= 512) continue
            const code = await openJournal(optionsFor(directory)).then(
              () => 'opened',
              (error: { code: string }) => error.code,
            )
            if (!/^JOURNAL_(CORRUPT|TRUNCATED)$/.test(code))
              unnoticed.push(`${name} cut to ${length} bytes: ${code}`)
          }
          await writeFile(join(directory, name), bytes)
        }
        expect(unnoticed).toEqual([])
        expect((await verifyJournal(directory, keys.publicKey)).ok).toBe(true)
      })
    },
  )

  it('is refused when its last segment is gone', async () => {
    const last = (await dataFiles()).at(-1) ?? ''
    const { verified, opening } = await noticed((directory) => rm(join(directory, last)))
    expect(verified).toBe(false)
    expect(opening).toMatchObject({
      code: 'JOURNAL_TRUNCATED',
      detail: expect.stringMatching(/at 6.*record at \d/),
    })
  })

  it.each([1, 2])('is refused when segment %i is gone', async (number) => {
    const name = (await dataFiles())[number] ?? ''
    const { verified, opening } = await noticed((directory) => rm(join(directory, name)))
    expect(verified).toBe(false)
    expect(opening).toMatchObject({ code: 'JOURNAL_CORRUPT', detail: expect.stringContaining('comes next') })
  })

  it('is refused when all segments are gone', async () => {
    const { verified, opening } = await noticed(async (directory) => {
      for (const name of await dataFiles()) if (name !== 'head') await rm(join(directory, name))
    })
    expect(verified).toBe(false)
    expect(opening).toMatchObject({ code: 'JOURNAL_TRUNCATED' })
  })

  it('is refused when its head is gone', async () => {
    const { problems, opening } = await noticed((directory) => rm(join(directory, 'head')))
    expect(problems).toEqual([{ file: 'head', message: 'there is no signed head' }])
    expect(opening).toMatchObject({ code: 'JOURNAL_CORRUPT', detail: expect.stringContaining('missing') })
  })

  it('is refused when the head of another journal under the same key is put in', async () => {
    await inDirectory(async (other) => {
      const { journal } = await openJournal(optionsFor(other))
      await journal.append([1, 2, 3].map((number) => ({ at: 1, eventText: `"other ${number}"` }))).durable
      await journal.close()
      const { verified, opening } = await noticed((directory) =>
        copyFile(join(other, 'head'), join(directory, 'head')),
      )
      expect(verified).toBe(false)
      expect(opening).toMatchObject({
        code: 'JOURNAL_CORRUPT',
        detail: expect.stringContaining('the head signs'),
      })
    })
  })

  it('is refused when its history is written anew by somebody without the key', async () => {
    await inDirectory(async (forged) => {
      await makeJournal(forged, RECORDS, { keys: generateKeyPair(), segmentBytesMax: 400, now: () => 5 })
      const forgedSegments = await noticed(async (directory) => {
        const { journal } = await openJournal(optionsFor(join(directory, 'other')))
        await journal.append(Array.from({ length: RECORDS }, () => ({ at: 1, eventText: '"forged"' })))
          .durable
        await journal.close()
        for (const name of await dataFiles()) if (name !== 'head') await rm(join(directory, name))
        const first = 'segment-000000000001.ndjson'
        await rename(join(directory, 'other', first), join(directory, first))
      })
      expect(forgedSegments).toMatchObject({ verified: false, opening: { code: 'JOURNAL_CORRUPT' } })
      const forgedHead = await noticed((directory) => copyFile(join(forged, 'head'), join(directory, 'head')))
      expect(forgedHead).toMatchObject({ verified: false, opening: { code: 'JOURNAL_CORRUPT' } })
      expect(JSON.stringify(forgedHead.opening)).toContain('no valid slot')
    })
  })

  it('names the line, the byte and the check when two records are swapped', async () => {
    const { verified, problems, opening } = await noticed(
      tamperLines(([a = '', b = '', ...rest]) => [b, a, ...rest]),
    )
    expect(verified).toBe(false)
    expect(problems[0]).toMatchObject({ file: 'segment-000000000001.ndjson', line: 1, offset: 0 })
    expect(opening).toMatchObject({
      code: 'JOURNAL_CORRUPT',
      detail: expect.stringMatching(/`segment-000000000001.ndjson` line 1, byte 0: previous/),
    })
  })

  it('is refused when a record is there twice, or left out', async () => {
    const doubled = await noticed(tamperLines(([a = '', ...rest]) => [a, a, ...rest]))
    expect(doubled).toMatchObject({ verified: false, opening: { code: 'JOURNAL_CORRUPT' } })
    const dropped = await noticed(tamperLines(([, ...rest]) => rest))
    expect(dropped).toMatchObject({ verified: false, opening: { code: 'JOURNAL_CORRUPT' } })
  })

  it('does not verify with its last record there twice, and sets the copy aside when opened', async () => {
    const last = (await dataFiles()).at(-1) ?? ''
    const { verified, opening } = await noticed(async (directory) => {
      const text = await readFile(join(directory, last), 'utf8')
      await writeFile(join(directory, last), text + text.slice(text.lastIndexOf('\n', text.length - 2) + 1))
    })
    expect({ verified, opening }).toEqual({ verified: false, opening: 'reported' })
  })

  it('goes on from the other slot when one is damaged, and says so', async () => {
    for (const offset of [40, 512 + 40]) {
      const { verified, opening } = await noticed(async (directory) => {
        const bytes = await readFile(join(directory, 'head'))
        bytes[offset] = (bytes[offset] ?? 0) ^ 1
        await writeFile(join(directory, 'head'), bytes)
      })
      expect({ verified, opening }).toEqual({ verified: false, opening: 'reported' })
    }
  })
})
