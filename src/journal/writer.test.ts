import { readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { BEHIND_MS_MAX } from './covering.ts'
import { type Journal, openJournal } from './journal.ts'
import { readRecords } from './read.ts'
import {
  type Operation,
  appendNumbered,
  covered,
  inDirectory,
  interceptedIo,
  keys,
  newSignal,
  optionsFor,
  systemError,
} from '../../test/journal-support/journals.ts'
import { verifyJournal } from './verify.ts'

const FIRST = 'segment-000000000001.ndjson'
const entry = (text: string) => ({ at: 1, eventText: JSON.stringify(text) })

/** A disk that counts what it is asked for, and from `hang` on is stuck in the first `step` until told to go on. */
function hangingIo(step: Operation) {
  const reached = newSignal()
  const goOn = newSignal()
  let armed = false
  const counts = new Map<Operation, number>()
  const io = interceptedIo(async (operation) => {
    counts.set(operation, (counts.get(operation) ?? 0) + 1)
    if (!armed || operation !== step) return
    armed = false
    reached.give()
    await goOn.given
  })
  const hang = () => void (armed = true)
  return { io, hang, reached, goOn, seen: (operation: Operation) => counts.get(operation) ?? 0 }
}

async function releasing(journal: Journal, released: number[]): Promise<void> {
  const { firstSequence, durable } = journal.append([entry('a')])
  await durable
  released.push(firstSequence)
}

const HEAD_WRITTEN = ['write head', 'datasync head']

describe('an append', () => {
  it('numbers records in the order of calls, at once', () =>
    inDirectory(async (directory) => {
      const { journal } = await openJournal(optionsFor(directory))
      const first = journal.append([entry('a'), entry('b')])
      const second = journal.append([entry('c')])
      expect([first.firstSequence, second.firstSequence, journal.sequence]).toEqual([1, 3, 3])
      await Promise.all([first.durable, second.durable])
      await journal.close()
      const events = []
      for await (const record of readRecords(directory)) events.push([record.sequence, record.event])
      expect(events).toEqual([
        [1, 'a'],
        [2, 'b'],
        [3, 'c'],
      ])
    }))

  it('of nothing waits for what came before it', () =>
    inDirectory(async (directory) => {
      const { journal } = await openJournal(optionsFor(directory))
      const order: string[] = []
      void journal.append([entry('a')]).durable.then(() => order.push('record'))
      await journal.append([]).durable.then(() => order.push('nothing'))
      expect(order).toEqual(['record', 'nothing'])
      expect(journal.sequence).toBe(1)
      await journal.close()
    }))

  it('appends nothing when one of its records is unfit', () =>
    inDirectory(async (directory) => {
      const { journal } = await openJournal(optionsFor(directory))
      expect(() => journal.append([entry('a'), { at: 1, eventText: '{\n}' }])).toThrow(TypeError)
      expect(journal.sequence).toBe(0)
      await appendNumbered(journal, 1)
      await journal.close()
      expect((await verifyJournal(directory, keys.publicKey)).records).toBe(1)
    }))

  it('resolves after data and its sync, and writes the head after both', () =>
    inDirectory(async (directory) => {
      const log: string[] = []
      const io = interceptedIo((operation) => void log.push(operation))
      const { journal } = await openJournal(optionsFor(directory, { io }))
      for (const round of [1, 2]) {
        log.length = 0
        await journal.append([entry('a')]).durable.then(() => log.push('resolved'))
        await covered(directory, round)
        // The head in one slot, and where nothing has come since in the other.
        const order = ['write segment', 'datasync segment', ...HEAD_WRITTEN, ...HEAD_WRITTEN]
        await vi.waitFor(() => expect(log.filter((each) => each !== 'resolved')).toEqual(order))
        expect(log.indexOf('resolved')).toBeGreaterThan(log.indexOf('datasync segment'))
      }
      await journal.close()
    }))

  it.each<Operation>(['write segment', 'datasync segment'])('releases nothing while `%s` hangs', (step) =>
    inDirectory(async (directory) => {
      const { io, hang, reached, goOn } = hangingIo(step)
      const { journal } = await openJournal(optionsFor(directory, { io }))
      hang()
      const released: number[] = []
      const all = [releasing(journal, released)]
      await reached.given
      all.push(releasing(journal, released))
      const { ok, headSequence } = await verifyJournal(directory, keys.publicKey)
      expect({ ok, headSequence, released }).toEqual({ ok: true, headSequence: 0, released: [] })
      goOn.give()
      await Promise.all(all)
      expect(released).toEqual([1, 2])
      await journal.close()
    }),
  )

  it.each<[Operation, number]>([
    ['write head', 0],
    ['datasync head', 1],
  ])(
    'releases nothing more once `%s` has hung for so long, and shows no head ahead of the data',
    (step, shown) =>
      inDirectory(async (directory) => {
        const time = vi.spyOn(performance, 'now').mockReturnValue(1000)
        onTestFinished(() => time.mockRestore())
        const { io, hang, reached, goOn, seen } = hangingIo(step)
        const { journal } = await openJournal(optionsFor(directory, { io }))
        hang()
        const released: number[] = []
        await releasing(journal, released)
        await reached.given
        time.mockReturnValue(1000 + BEHIND_MS_MAX - 0.1)
        await releasing(journal, released)
        time.mockReturnValue(1000 + BEHIND_MS_MAX)
        const syncs = seen('datasync segment')
        const last = releasing(journal, released)
        // It gets as far as it can.
        await vi.waitFor(() => expect(seen('datasync segment')).toBe(syncs + 1))
        const { ok, headSequence } = await verifyJournal(directory, keys.publicKey)
        expect({ ok, headSequence, released }).toEqual({ ok: true, headSequence: shown, released: [1, 2] })
        goOn.give()
        await last
        // What had waited for longer has a head by now; the last group's is on its way.
        expect((await verifyJournal(directory, keys.publicKey)).headSequence).toBeGreaterThanOrEqual(2)
        await journal.covered()
        expect((await verifyJournal(directory, keys.publicKey)).headSequence).toBe(3)
        await journal.close()
      }),
  )

  it('covers groups that follow each other closely with one head', () =>
    inDirectory(async (directory) => {
      const time = vi.spyOn(performance, 'now').mockReturnValue(1000)
      onTestFinished(() => time.mockRestore())
      const { io, seen } = hangingIo('write head')
      const { journal } = await openJournal(optionsFor(directory, { io }))
      const heads = seen('write head')
      const timer = vi.spyOn(globalThis, 'setTimeout').mockReturnValue({} as NodeJS.Timeout)
      for (let group = 0; group < 20; group += 1) await appendNumbered(journal, 1)
      timer.mockRestore()
      expect(seen('write head')).toBe(heads)
      await journal.covered()
      expect(seen('write head')).toBe(heads + 1)
      expect((await verifyJournal(directory, keys.publicKey)).headSequence).toBe(20)
      await journal.close()
    }))

  it('shares one flush with all that were appended while another was under way', () =>
    inDirectory(async (directory) => {
      let syncs = 0
      const io = interceptedIo((operation) => void (operation === 'datasync segment' && (syncs += 1)))
      const { journal } = await openJournal(optionsFor(directory, { io }))
      const first = journal.append([entry('first')]).durable
      syncs = 0
      await Promise.resolve()
      const rest = Array.from({ length: 500 }, (_, index) => journal.append([entry(String(index))]).durable)
      await Promise.all([first, ...rest])
      expect(syncs).toBeLessThanOrEqual(2)
      await journal.close()
      expect(await verifyJournal(directory, keys.publicKey)).toMatchObject({ ok: true, records: 501 })
    }))

  it('goes on after short writes', () =>
    inDirectory(async (directory) => {
      const io = interceptedIo((operation) => (operation.startsWith('write') ? 100 : undefined))
      const { journal } = await openJournal(optionsFor(directory, { io }))
      await appendNumbered(journal, 5)
      await journal.close()
      expect(await verifyJournal(directory, keys.publicKey)).toMatchObject({ ok: true, records: 5 })
    }))

  it('begins a new segment once the last has its bytes, after naming it durably', () =>
    inDirectory(async (directory) => {
      const log: string[] = []
      const io = interceptedIo((operation) => void log.push(operation))
      const { journal } = await openJournal(optionsFor(directory, { io, segmentBytesMax: 300 }))
      await appendNumbered(journal, 2)
      await covered(directory, 2)
      log.length = 0
      await appendNumbered(journal, 1)
      expect(log.slice(0, 3)).toEqual(['open segment', 'syncDirectory', 'write segment'])
      await journal.close()
      const names = (await readdir(directory)).filter((name) => name.startsWith('segment')).toSorted()
      expect(names).toEqual([FIRST, 'segment-000000000003.ndjson'])
    }))

  it('leaves files that only their owner can read', () =>
    inDirectory(async (parent) => {
      const directory = join(parent, 'new', 'journal')
      const { journal } = await openJournal(optionsFor(directory))
      expect((await stat(directory)).mode & 0o777).toBe(0o700)
      for (const name of await readdir(directory)) {
        const mode = (await stat(join(directory, name))).mode & 0o777
        expect({ name, mode }).toEqual({ name, mode: 0o600 })
      }
      await journal.close()
    }))
})

describe('closing', () => {
  it('flushes, states the end in both slots, and gives up the lock', () =>
    inDirectory(async (directory) => {
      const { journal } = await openJournal(optionsFor(directory))
      const { durable } = journal.append([entry('a')])
      const closing = journal.close()
      expect(journal.close()).toBe(closing)
      await expect(journal.append([entry('b')]).durable).rejects.toMatchObject({ code: 'JOURNAL_FAILED' })
      await Promise.all([durable, closing])
      const lines = (await readFile(join(directory, 'head'), 'utf8')).trimEnd().split('\n')
      const slots: { sequence: number; slot: number }[] = lines.map((line) => JSON.parse(line))
      expect(slots).toMatchObject([
        { sequence: 1, slot: 0 },
        { sequence: 1, slot: 1 },
      ])
      expect(await readdir(directory)).not.toContain('writer.lock')
    }))

  it('rejects when the last head cannot be written, and gives up the lock all the same', () =>
    inDirectory(async (directory) => {
      let broken = false
      const io = interceptedIo((operation) => {
        if (broken && operation === 'datasync head') throw systemError('EIO')
      })
      const { journal } = await openJournal(optionsFor(directory, { io }))
      await appendNumbered(journal, 1)
      broken = true
      await expect(journal.close()).rejects.toMatchObject({ code: 'JOURNAL_FAILED' })
      expect(await readdir(directory)).not.toContain('writer.lock')
    }))
})
