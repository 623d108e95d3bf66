/** Values that merge, of two processes over one board: of two kinds at once, and of more than fits. */
import { expect, test } from 'vitest'
import { systemClock } from '../base/clock.ts'
import type { Board } from '../cluster/board.ts'
import { MemoryBoard } from '../cluster/memory-board.ts'
import { Shared } from './shared.ts'

/** A process that can be cut off from the board. */
function processOf(board: Board, name: string) {
  let isCutOff = false
  const through = new Proxy(board, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown =>
        isCutOff
          ? Promise.resolve({ kind: 'unreachable', detail: 'cut off' })
          : Reflect.apply(value, target, args)
    },
  })
  return { shared: new Shared(through, systemClock, name), cut: (is: boolean) => void (isCutOff = is) }
}

test('what is of one kind here and of another there is what the others have, and who said otherwise is told', async () => {
  const board = new MemoryBoard()
  const [one, two, three] = ['one', 'two', 'three'].map((name) => processOf(board, name))
  if (one === undefined || two === undefined || three === undefined) throw new Error('there are three')
  two.cut(true)
  expect(await two.shared.say('k', { kind: 'counter', add: 5 })).toMatchObject({ shared: false })
  expect(await one.shared.say('k', { kind: 'set', add: ['x', 'y'] })).toMatchObject({ shared: true })
  two.cut(false)
  await expect(two.shared.say('k', { kind: 'counter', add: 1 })).rejects.toMatchObject({
    code: 'SHARED_CONFLICT',
  })
  for (const each of [two, one, three])
    expect(await each.shared.merged('k')).toMatchObject({ state: { kind: 'set' }, shared: true })
  expect((await one.shared.say('k', { kind: 'set', add: ['z'] })).shared).toBe(true)
})

test('a set that two filled at once beyond what fits takes nothing more in, and can be emptied', async () => {
  const board = new MemoryBoard()
  const [one, two] = [processOf(board, 'one'), processOf(board, 'two')]
  const some = (from: number, count: number) => Array.from({ length: count }, (_, at) => `e${from + at}`)
  for (let from = 0; from < 900; from += 100) await one.shared.say('k', { kind: 'set', add: some(from, 100) })
  await two.shared.merged('k')
  two.cut(true)
  await two.shared.say('k', { kind: 'set', add: some(2_000, 90) })
  await one.shared.say('k', { kind: 'set', add: some(3_000, 90) })
  two.cut(false)
  await two.shared.merged('k')
  await expect(two.shared.say('k', { kind: 'set', add: ['more'] })).rejects.toMatchObject({
    code: 'LIMIT_REACHED',
    detail: '`k` holds as much as it may; take something out first',
  })
  expect(await two.shared.say('k', { kind: 'set', remove: some(0, 100) })).toMatchObject({ shared: true })
  expect(await two.shared.say('k', { kind: 'set', add: ['more'] })).toMatchObject({ shared: true })
})
