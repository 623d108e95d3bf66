import { link, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openJournal } from './journal.ts'
import { acquireLock } from './lock.ts'
import { ownIdentity } from './process-identity.ts'
import { inDirectory, optionsFor } from '../../test/journal-support/journals.ts'

const writeLock = (directory: string, changes: object) =>
  writeFile(join(directory, 'writer.lock'), JSON.stringify({ ...ownIdentity(), token: 'theirs', ...changes }))

describe('the lock of a writer', () => {
  it('names its holder, and leaves nothing else behind', () =>
    inDirectory(async (directory) => {
      const lock = acquireLock(directory)
      expect(await readdir(directory)).toEqual(['writer.lock'])
      const holder: object = JSON.parse(await readFile(join(directory, 'writer.lock'), 'utf8'))
      expect(holder).toMatchObject({ pid: process.pid, hostname: hostname(), token: expect.any(String) })
      expect(lock.stillHeld()).toBe(true)
      lock.release()
      expect(await readdir(directory)).toEqual([])
    }))

  it('is refused to a second opening in the same process', () =>
    inDirectory(async (directory) => {
      const { journal } = await openJournal(optionsFor(directory))
      await expect(openJournal(optionsFor(directory))).rejects.toMatchObject({
        code: 'JOURNAL_LOCKED',
        detail: expect.stringContaining(`this process ${process.pid}`),
      })
      await journal.close()
      await (await openJournal(optionsFor(directory))).journal.close()
    }))

  it.each([
    ['is a process that has ended', { pid: 2 ** 22 + 1 }],
    ['had our number before us', { startTime: '1' }],
    ['ran before the machine was started anew', { bootId: 'another boot' }],
  ])('is taken over when its holder %s', (_, changes) =>
    inDirectory(async (directory) => {
      await writeLock(directory, changes)
      const lock = acquireLock(directory)
      expect(lock.stillHeld()).toBe(true)
      expect(await readdir(directory)).toEqual(['writer.lock'])
      lock.release()
    }),
  )

  it.each([
    ['lives', { pid: process.ppid, startTime: null }, `process ${process.ppid}`],
    ['is on another host', { hostname: 'elsewhere' }, 'from host `elsewhere`'],
  ])('is refused when its holder %s', (_, changes, message) =>
    inDirectory(async (directory) => {
      await writeLock(directory, changes)
      const before = await readFile(join(directory, 'writer.lock'), 'utf8')
      expect(() => acquireLock(directory)).toThrow(message)
      expect(await readFile(join(directory, 'writer.lock'), 'utf8')).toBe(before)
      expect(await readdir(directory)).toEqual(['writer.lock'])
    }),
  )

  it.each(['', 'not json', '{"pid":"x"}'])('is refused when the file says `%s`', (text) =>
    inDirectory(async (directory) => {
      await writeFile(join(directory, 'writer.lock'), text)
      expect(() => acquireLock(directory)).toThrow('does not read as a lock')
    }),
  )

  it('is refused while another process takes it over, and taken when that one died of it', () =>
    inDirectory(async (directory) => {
      await writeLock(directory, { pid: 2 ** 22 + 1 })
      const guard = join(directory, 'writer.lock.takeover')
      await writeFile(
        guard,
        JSON.stringify({ ...ownIdentity(), pid: process.ppid, startTime: null, token: 'x' }),
      )
      expect(() => acquireLock(directory)).toThrow(`held by process ${process.ppid}`)
      await writeFile(guard, JSON.stringify({ ...ownIdentity(), pid: 2 ** 22 + 2, token: 'x' }))
      const lock = acquireLock(directory)
      expect(await readdir(directory)).toEqual(['writer.lock'])
      lock.release()
    }))

  it('is not given up on behalf of another that took it', () =>
    inDirectory(async (directory) => {
      const lock = acquireLock(directory)
      await writeFile(join(directory, 'other'), JSON.stringify({ ...ownIdentity(), token: 'theirs' }))
      const path = join(directory, 'writer.lock')
      await rm(path)
      await link(join(directory, 'other'), path)
      expect(lock.stillHeld()).toBe(false)
      lock.release()
      expect(await readFile(path, 'utf8')).toContain('theirs')
    }))
})
