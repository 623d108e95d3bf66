import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { privateKeyToPem } from '../base/ed25519.ts'
import { openJournal } from './journal.ts'
import { readRecords } from './read.ts'
import { inDirectory, keys, newSignal, optionsFor } from '../../test/journal-support/journals.ts'
import { verifyJournal } from './verify.ts'

const APPENDER = fileURLToPath(new URL('../../test/journal-processes/appender.mjs', import.meta.url))

interface Appender {
  readonly child: ChildProcess
  /** Everything printed so far. */
  readonly lines: string[]
  /** Resolves once so many lines are there; rejects if the process ends before. */
  printed(count: number): Promise<void>
  kill(): Promise<void>
}

function startAppender(directory: string): Appender {
  const child = spawn(process.execPath, [APPENDER, directory, privateKeyToPem(keys.privateKey), '200000'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines: string[] = []
  const reader = createInterface({ input: child.stdout })
  const waiting = new Set<() => void>()
  reader.on('line', (line) => {
    lines.push(line)
    for (const look of waiting) look()
  })
  const closed = once(reader, 'close')
  const exited = once(child, 'exit')
  return {
    child,
    lines,
    async printed(count) {
      const enough = newSignal()
      const look = () => void (lines.length >= count && enough.give())
      waiting.add(look)
      look()
      await Promise.race([enough.given, closed])
      waiting.delete(look)
      if (lines.length < count) throw new Error(`the process ended after printing ${lines.join()}`)
    },
    async kill() {
      child.kill('SIGKILL')
      await Promise.all([exited, closed])
    },
  }
}

describe('a writing process', () => {
  it('that is killed has lost nothing that it released, twenty times over', () =>
    inDirectory(async (directory) => {
      const released: number[] = []
      for (let round = 0; round < 20; round += 1) {
        const appender = startAppender(directory)
        await appender.printed(2 + round * 17)
        const during = await verifyJournal(directory, keys.publicKey)
        expect(during.problems).toEqual([])
        await appender.kill()
        const [opened, ...sequences] = appender.lines
        // What is durable after a kill may be more than was released, never less.
        expect(Number(opened?.replace('open ', ''))).toBeGreaterThanOrEqual(released.at(-1) ?? 0)
        released.push(...sequences.map(Number).toSorted((left, right) => left - right))
        const after = await verifyJournal(directory, keys.publicKey)
        expect(after.problems).toEqual([])
        // The head may be behind, the records are not.
        expect(after.sequence).toBeGreaterThanOrEqual(released.at(-1) ?? Infinity)
      }
      const found = new Set<number>()
      for await (const record of readRecords(directory)) found.add(record.sequence)
      expect(released.length).toBeGreaterThan(20 * 17)
      expect(released.filter((sequence) => !found.has(sequence))).toEqual([])

      const { journal, recovery } = await openJournal(optionsFor(directory))
      expect(recovery.sequence).toBeGreaterThanOrEqual(released.at(-1) ?? Infinity)
      await journal.close()
      expect(await verifyJournal(directory, keys.publicKey)).toMatchObject({
        ok: true,
        unsigned: 0,
        torn: null,
      })
    }))

  it('keeps a second one out while it lives, whoever came first', () =>
    inDirectory(async (directory) => {
      const first = startAppender(directory)
      await first.printed(3)
      const second = startAppender(directory)
      await second.printed(1)
      expect(second.lines).toEqual(['failed JOURNAL_LOCKED'])
      await expect(openJournal(optionsFor(directory))).rejects.toMatchObject({
        code: 'JOURNAL_LOCKED',
        detail: expect.stringContaining(`process ${first.child.pid}`),
      })
      await first.kill()
      const { journal } = await openJournal(optionsFor(directory))
      const third = startAppender(directory)
      await third.printed(1)
      expect(third.lines).toEqual(['failed JOURNAL_LOCKED'])
      await journal.close()
      await second.kill()
      await third.kill()
    }))

  it('is the only one of six that start at once beside the lock of a dead one', () =>
    inDirectory(async (directory) => {
      const dead = startAppender(directory)
      await dead.printed(2)
      await dead.kill()
      const rivals = Array.from({ length: 6 }, () => startAppender(directory))
      await Promise.all(rivals.map((rival) => rival.printed(1)))
      const outcomes = rivals.map(({ lines }) => lines[0]?.replace(/ \d+$/, ''))
      for (const rival of rivals) await rival.kill()
      expect(outcomes.filter((outcome) => outcome === 'open')).toHaveLength(1)
      expect(outcomes.filter((outcome) => outcome === 'failed JOURNAL_LOCKED')).toHaveLength(5)
      expect((await verifyJournal(directory, keys.publicKey)).ok).toBe(true)
      await (await openJournal(optionsFor(directory))).journal.close()
    }))
})
