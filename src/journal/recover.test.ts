import {
  appendFile,
  copyFile,
  mkdir,
  readFile,
  readdir,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { generateKeyPair } from '../base/ed25519.ts'
import { openJournal } from './journal.ts'
import {
  appendNumbered,
  inDirectory,
  interceptedIo,
  keys,
  makeJournal,
  optionsFor,
} from '../../test/journal-support/journals.ts'
import { verifyJournal } from './verify.ts'

const FIRST = 'segment-000000000001.ndjson'

/** Leaves a journal as a crash would: three signed records, and `unsigned` more that no head covers. */
async function crash(directory: string, unsigned: number): Promise<void> {
  await makeJournal(directory, 3)
  await copyFile(join(directory, 'head'), join(directory, 'saved'))
  const { journal } = await openJournal(optionsFor(directory))
  await appendNumbered(journal, unsigned)
  await journal.close()
  await copyFile(join(directory, 'saved'), join(directory, 'head'))
  await rm(join(directory, 'saved'))
}

const publicKeyOf = (id: string) => (id === 'test' ? keys.publicKey : undefined)

describe('opening a journal', () => {
  it('that does not exist makes one', () =>
    inDirectory(async (directory) => {
      const { journal, recovery } = await openJournal(optionsFor(directory))
      const hash = '0'.repeat(64)
      const nothing = { quarantined: null, setAside: null, unsignedRecords: 0, headProblems: [] }
      const journalId = expect.stringMatching(/^[0-9a-f-]{36}$/)
      expect(recovery).toEqual({ journal: journalId, sequence: 0, hash, records: 0, segments: 1, ...nothing })
      expect(await verifyJournal(directory, keys.publicKey)).toMatchObject({
        ok: true,
        records: 0,
        headSequence: 0,
      })
      await journal.close()
    }))

  it.each(['checkpoints', 'quarantine'])(
    'is refused where head and segments are gone and `%s` says that there was one',
    (name) =>
      inDirectory(async (directory) => {
        await makeJournal(directory, 3)
        for (const file of [FIRST, 'head']) await rm(join(directory, file))
        await mkdir(join(directory, name))
        await writeFile(join(directory, name, 'kept'), '')
        await expect(openJournal(optionsFor(directory))).rejects.toThrow(
          new RegExp(`all segments are missing beside \`${name}/kept\``),
        )
        await rm(join(directory, name, 'kept'))
        const { journal } = await openJournal(optionsFor(directory))
        await journal.close()
      }),
  )

  it('goes on where it ended, across segments', () =>
    inDirectory(async (directory) => {
      for (let round = 0; round < 3; round += 1) {
        const { journal, recovery } = await openJournal(optionsFor(directory, { segmentBytesMax: 400 }))
        expect(recovery).toMatchObject({ sequence: round * 4, records: round * 4, headProblems: [] })
        await appendNumbered(journal, 4)
        await journal.close()
      }
      expect(await verifyJournal(directory, keys.publicKey)).toMatchObject({
        ok: true,
        records: 12,
        segments: 6,
      })
    }))

  it('keeps records that no head covers yet, writes them once more before signing them, and says how many', () =>
    inDirectory(async (directory) => {
      await crash(directory, 2)
      expect(await verifyJournal(directory, keys.publicKey)).toMatchObject({
        ok: true,
        records: 5,
        unsigned: 2,
      })
      const before = await readFile(join(directory, FIRST))
      const log: string[] = []
      const io = interceptedIo((operation) => void log.push(operation))
      const { journal, recovery } = await openJournal(optionsFor(directory, { io }))
      expect(recovery).toMatchObject({ sequence: 5, unsignedRecords: 2, quarantined: null })
      const steps = ['write segment', 'datasync segment', 'write head', 'datasync head']
      expect(log.filter((operation) => steps.includes(operation)).slice(0, 4)).toEqual(steps)
      expect(await readFile(join(directory, FIRST))).toEqual(before)
      expect(await verifyJournal(directory, keys.publicKey)).toMatchObject({
        ok: true,
        unsigned: 0,
        headSequence: 5,
      })
      await journal.close()
    }))

  it('sets a tail aside, cut anywhere, if everything that the head signs is there', () =>
    inDirectory(async (directory) => {
      await crash(directory, 1)
      const whole = await readFile(join(directory, FIRST))
      const head = await readFile(join(directory, 'head'))
      const signedBytes = whole.lastIndexOf('\n', whole.length - 2) + 1
      for (let length = signedBytes + 1; length < whole.length; length += 1) {
        await writeFile(join(directory, FIRST), whole.subarray(0, length))
        await writeFile(join(directory, 'head'), head)
        const { journal, recovery } = await openJournal(optionsFor(directory, { now: () => length }))
        await journal.close()
        const file = join(directory, 'quarantine', `segment-000000000001-${signedBytes}-${length}.torn`)
        const bytes = length - signedBytes
        expect(recovery).toMatchObject({ sequence: 3, quarantined: { file, bytes, segment: FIRST } })
        expect(await readFile(file)).toEqual(whole.subarray(signedBytes, length))
        expect((await stat(join(directory, FIRST))).size).toBe(signedBytes)
      }
      expect(await verifyJournal(directory, keys.publicKey)).toMatchObject({
        ok: true,
        records: 3,
        torn: null,
      })
    }))

  it.each([
    ['zeros', Buffer.alloc(5000)],
    ['a line that is no record', Buffer.from('{"hash":"x"}\n')],
    ['lines and an unfinished one', Buffer.from('garbage\nmore garbage\n{"hash')],
  ])('sets %s behind the head aside', (_, tail) =>
    inDirectory(async (directory) => {
      await makeJournal(directory, 3)
      await appendFile(join(directory, FIRST), tail)
      const { journal, recovery } = await openJournal(optionsFor(directory))
      expect(recovery).toMatchObject({ sequence: 3, quarantined: { bytes: tail.length } })
      await appendNumbered(journal, 1)
      await journal.close()
      expect(await readFile(recovery.quarantined?.file ?? '')).toEqual(tail)
      expect(await verifyJournal(directory, keys.publicKey)).toMatchObject({ ok: true, records: 4 })
    }),
  )

  it('refuses a tail torn before the head, and changes nothing', () =>
    inDirectory(async (directory) => {
      await makeJournal(directory, 3)
      const path = join(directory, FIRST)
      await truncate(path, (await stat(path)).size - 1)
      const before = await readFile(path)
      await expect(openJournal(optionsFor(directory))).rejects.toMatchObject({
        code: 'JOURNAL_TRUNCATED',
        detail: expect.stringMatching(/signed head is at 3, the last record at 2/),
      })
      expect(await readFile(path)).toEqual(before)
      expect(await readdir(directory)).not.toContain('quarantine')
      expect(await readdir(directory)).not.toContain('writer.lock')
    }))

  it('refuses damage before the head, naming file, line, byte and check', () =>
    inDirectory(async (directory) => {
      await makeJournal(directory, 3)
      const text = await readFile(join(directory, FIRST), 'utf8')
      await writeFile(join(directory, FIRST), text.replace('"number":2', '"number":7'))
      const offset = text.indexOf('\n') + 1
      await expect(openJournal(optionsFor(directory))).rejects.toMatchObject({
        code: 'JOURNAL_CORRUPT',
        detail: expect.stringMatching(
          new RegExp(`\`${FIRST}\` line 2, byte ${offset}: hash: the line states`),
        ),
      })
    }))

  it('takes a slot torn in the middle for what it is, and goes on from the other', () =>
    inDirectory(async (directory) => {
      const { journal } = await openJournal(optionsFor(directory))
      await appendNumbered(journal, 1)
      await journal.covered()
      await appendNumbered(journal, 1)
      await journal.covered()
      const head = await readFile(join(directory, 'head'))
      await journal.close()
      const slots: { sequence: number }[] = head
        .toString()
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line))
      const older = (slots[0]?.sequence ?? 0) < (slots[1]?.sequence ?? 0) ? 0 : 1
      await writeFile(join(directory, 'head'), head.fill(0, older * 512 + 200, older * 512 + 400))
      const again = await openJournal(optionsFor(directory))
      expect(again.recovery).toMatchObject({ sequence: 2, unsignedRecords: 0 })
      expect(again.recovery.headProblems).toEqual([expect.stringContaining(`slot ${older}`)])
      await again.journal.close()
      expect((await verifyJournal(directory, keys.publicKey)).ok).toBe(true)
    }))

  it('needs the keys of its heads, old ones included', () =>
    inDirectory(async (directory) => {
      await makeJournal(directory, 2)
      const changed = { keys: generateKeyPair(), keyId: 'second' }
      await expect(openJournal(optionsFor(directory, changed))).rejects.toMatchObject({
        code: 'JOURNAL_CORRUPT',
      })
      const { journal, recovery } = await openJournal(optionsFor(directory, { ...changed, publicKeyOf }))
      expect(recovery.sequence).toBe(2)
      await journal.close()
      expect((await verifyJournal(directory, changed.keys.publicKey)).ok).toBe(true)
    }))
})
