/** What every implementation of a cluster keeps to where a log is drained into archives and cut off at its beginning. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Cluster, LogEntry } from '../../src/cluster/cluster.ts'
import { GENESIS } from '../../src/journal/record.ts'
import { acquired, endOf, linesAfter, type Bench } from './conformance.ts'

const HEARD_MS = 60_000

/** The suite. */
export function retention(open: () => Promise<Bench>): void {
  let bench: Bench
  let one: Cluster
  let other: Cluster
  const lines = linesAfter(GENESIS, 9)

  beforeEach(async () => {
    bench = await open()
    one = await bench.connect('one')
    other = await bench.connect('other')
    await one.log.append(await acquired(one), lines)
  })
  afterEach(async () => {
    await Promise.all([one.close(), other.close()])
    await bench.end()
  })

  const sequences = async (
    archive: string,
    which: 'unconfirmed' | 'others',
    max = 100,
    by = other,
  ): Promise<number[]> => {
    const drained = await by.retention.drain(archive, which, max, 0)
    if (drained.kind !== 'read') throw new Error(drained.detail)
    return drained.entries.map(({ sequence }) => sequence)
  }
  const held = async (): Promise<LogEntry[]> => {
    const read = await one.log.read(0, 100, 0)
    return read.kind === 'read' ? [...read.entries] : []
  }

  test('an archive gets each record once, and again what it did not confirm', async () => {
    expect(await other.retention.attach('a', 0)).toEqual({ kind: 'attached' })
    expect(await sequences('a', 'unconfirmed')).toEqual([])
    expect(await sequences('a', 'others', 4)).toEqual([1, 2, 3, 4])
    await other.retention.confirm('a', [1, 2])
    // Another process goes on where it stopped.
    expect(await one.retention.attach('a', 0)).toEqual({ kind: 'attached' })
    expect(await sequences('a', 'unconfirmed', 100, one)).toEqual([3, 4])
    expect(await sequences('a', 'others', 100, one)).toEqual([5, 6, 7, 8, 9])
    expect(await sequences('a', 'others', 100, one)).toEqual([])
  })

  test('archives do not take from each other, and one begins where it is told', async () => {
    await other.retention.attach('a', 0)
    await other.retention.attach('b', 7)
    expect((await sequences('a', 'others')).length).toBe(9)
    expect(await sequences('b', 'others')).toEqual([8, 9])
  })

  test('an archive that waits is woken', async () => {
    await other.retention.attach('a', 9)
    const drained = other.retention.drain('a', 'others', 10, 1_000)
    const more = linesAfter(endOf(lines), 1)
    await one.log.append(await acquired(one), more)
    expect(await drained).toEqual({ kind: 'read', entries: more })
  })

  test('only what is archived and needed by nobody is cut off, and never the last record', async () => {
    await one.retention.report('one', 9)
    await other.retention.report('other', 5)
    expect(await one.retention.trim(3, HEARD_MS)).toEqual({ kind: 'trimmed', first: 4, keptFor: '' })
    expect(await one.retention.trim(9, HEARD_MS)).toEqual({ kind: 'trimmed', first: 6, keptFor: 'other' })
    expect(await held()).toEqual(lines.slice(5))
    expect(await one.log.end()).toEqual({ kind: 'end', end: endOf(lines), first: 6 })
    await other.retention.report('other', 9)
    expect(await one.retention.trim(9, HEARD_MS)).toEqual({ kind: 'trimmed', first: 9, keptFor: '' })
    // The chain goes on from what is left.
    const more = linesAfter(endOf(lines), 1)
    expect(await one.log.append(await acquired(one), more)).toEqual({ kind: 'appended' })
  })

  test('while nobody has reported, nothing is cut off', async () => {
    expect(await one.retention.trim(9, HEARD_MS)).toEqual({ kind: 'trimmed', first: 1, keptFor: '' })
    expect(await held()).toEqual(lines)
  })

  test('who has been silent for too long is not waited for', async () => {
    await other.retention.report('other', 2)
    await bench.pass(300)
    await one.retention.report('one', 8)
    expect(await one.retention.trim(9, HEARD_MS)).toEqual({ kind: 'trimmed', first: 3, keptFor: 'other' })
    expect(await one.retention.trim(9, 200)).toEqual({ kind: 'trimmed', first: 9, keptFor: 'one' })
  })

  test('an archive that asks for what was cut off meanwhile gets what is left', async () => {
    await other.retention.attach('a', 0)
    expect((await sequences('a', 'others', 4)).length).toBe(4)
    await one.retention.report('one', 9)
    await one.retention.trim(2, HEARD_MS)
    expect(await sequences('a', 'unconfirmed')).toEqual([3, 4])
  })
}
