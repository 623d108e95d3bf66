/** Who waits in line goes in the order of coming, so many in a turn of the event loop, and nobody overtakes. */
import { expect, test } from 'vitest'
import { Turns } from './turns.ts'

const turn = (): Promise<void> => new Promise((done) => setImmediate(done))

test('so many go in a turn, the others in the next ones, in order', async () => {
  const turns = new Turns(3)
  const gone: number[] = []
  const go = async (caller: number): Promise<void> => {
    await turns.next()
    gone.push(caller)
  }
  for (let caller = 0; caller < 7; caller += 1) void go(caller)
  expect(gone).toEqual([])
  await turn()
  expect(gone).toEqual([0, 1, 2])
  // Who comes while others wait goes behind them.
  void go(7)
  await turn()
  expect(gone).toEqual([0, 1, 2, 3, 4, 5])
  // Those who are left do not wait for a turn of their own each.
  void go(8)
  await turn()
  expect(gone).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
})

test('who finds nobody waiting goes in the next turn', async () => {
  const turns = new Turns(1)
  let hasGone = false
  void turns.next().then(() => (hasGone = true))
  expect(hasGone).toBe(false)
  await turn()
  expect(hasGone).toBe(true)
})
