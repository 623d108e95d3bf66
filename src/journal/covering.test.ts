/** How far the signed head may be behind, by heads that are slow to be written. */
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { Covering } from './covering.ts'
import type { HeadFile } from './head-file.ts'
import type { ChainEnd } from './record.ts'

/** Heads that are on the disk once they are let through. */
class SlowHead {
  readonly written: number[] = []
  readonly #waiting: { readonly end: ChainEnd; readonly done: () => void }[] = []
  readonly covering = new Covering(this as unknown as HeadFile, (error) => {
    throw error
  })

  write(end: ChainEnd): Promise<void> {
    return new Promise((done) => void this.#waiting.push({ end, done }))
  }

  get writing(): number[] {
    return this.#waiting.map(({ end }) => end.sequence)
  }

  async through(): Promise<void> {
    await vi.waitFor(() => expect(this.#waiting).not.toEqual([]))
    const next = this.#waiting.shift()
    this.written.push(next?.end.sequence ?? 0)
    next?.done()
  }

  reached(sequence: number): void {
    this.covering.reached({ sequence, hash: String(sequence) })
  }
}

test.each(['all', 'caughtUp'] as const)(
  '`%s` waits for what is on the disk also where the timer waited for the same head and begins the next',
  async (wait) => {
    const head = new SlowHead()
    head.reached(1)
    await vi.waitFor(() => expect(head.writing).toEqual([1]))
    head.reached(2)
    await pause(6)
    // The timer of the second stretch waits for the first head by now, and so does this.
    const waited = head.covering[wait]().then(() => [...head.written])
    await head.through()
    await head.through()
    expect(await waited).toEqual([1, 2])
    await head.covering.stop()
  },
)

test('nobody waits for the other slot to state what a head covers', async () => {
  const head = new SlowHead()
  head.reached(1)
  await head.through()
  await vi.waitFor(() => expect(head.writing).toEqual([1]))
  await pause(10)
  await head.covering.caughtUp()
  expect(head.writing).toEqual([1])
  // What came meanwhile is behind.
  head.reached(2)
  await pause(6)
  const waited = head.covering.caughtUp().then(() => [...head.written])
  await head.through()
  await head.through()
  expect(await waited).toEqual([1, 1, 2])
  await head.covering.stop()
})

test('where nothing has come since, the other slot states the same', async () => {
  const head = new SlowHead()
  head.reached(1)
  await head.through()
  await head.through()
  expect(head.written).toEqual([1, 1])
  // Once.
  await pause(60)
  expect(head.writing).toEqual([])
  head.reached(2)
  await head.through()
  expect(head.written).toEqual([1, 1, 2])
  await head.covering.stop()
  await pause(40)
  expect(head.writing).toEqual([])
})
