/** Who waits in line goes in the order of coming, so many in a turn of the event loop, and nobody overtakes. */
import { expect, test } from 'vitest'
import { Turns } from './turns.ts'

const turn = (): Promise<void> => new Promise((done) => setImmediate(done))

test('so many go at once, the others in the next turns, in order', async () => {
  const turns = new Turns(3)
  const gone: number[] = []
  const go = async (caller: number): Promise<void> => {
    if (!turns.take()) await turns.next()
    gone.push(caller)
  }
  for (let caller = 0; caller < 8; caller += 1) void go(caller)
  expect(gone).toEqual([0, 1, 2])
  await turn()
  expect(gone).toEqual([0, 1, 2, 3, 4, 5])
  // Who comes while others wait goes behind them, though the turn has room.
  void go(8)
  await turn()
  expect(gone).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
})

test('a turn that is over makes room', async () => {
  const turns = new Turns(1)
  expect([turns.take(), turns.take()]).toEqual([true, false])
  await turn()
  expect(turns.take()).toBe(true)
})
