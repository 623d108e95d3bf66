/** A guard opens after failures in a row, tries again, and turns a call into `unreachable` and nothing else. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Guard } from './guard.ts'

const GONE = { kind: 'unreachable', detail: 'gone' } as const

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

test('it opens after five failures in a row, refuses at once with the reason, and closes when a call gets through', async () => {
  const guard = new Guard('redis')
  let calls = 0
  let reply: unknown = GONE
  const call = () =>
    guard.run(() => {
      calls += 1
      return Promise.resolve(reply)
    })
  for (let turn = 0; turn < 4; turn += 1) expect(await call()).toBe(GONE)
  expect(guard.view.state).toBe('closed')
  await call()
  expect(guard.view).toMatchObject({ state: 'open', opened: 1, refused: 0 })
  expect(await call()).toMatchObject({ kind: 'unreachable', detail: expect.stringContaining('gone') })
  expect([calls, guard.view.refused]).toEqual([5, 1])
  vi.advanceTimersByTime(251)
  // The trial fails, and it opens again.
  expect(await call()).toBe(GONE)
  expect([calls, guard.view.state]).toEqual([6, 'open'])
  vi.advanceTimersByTime(251)
  reply = ['put', '1-0']
  expect(await call()).toEqual(['put', '1-0'])
  expect(guard.view).toMatchObject({ state: 'closed', opened: 2, running: 0 })
})

test('failures that are not in a row do not open it', async () => {
  const guard = new Guard('redis')
  for (let turn = 0; turn < 20; turn += 1)
    await guard.run(() => Promise.resolve(turn % 5 === 4 ? 'answered' : GONE))
  expect(guard.view).toMatchObject({ state: 'closed', opened: 0 })
})

test('so many calls are on their way, so many wait, and the next is refused', async () => {
  const guard = new Guard('redis')
  let answer: (reply: string) => void = () => undefined
  const reply = new Promise<string>((done) => (answer = done))
  const calls = Array.from({ length: 11_001 }, () => guard.run(() => reply))
  expect(guard.view).toMatchObject({ running: 1_000, waiting: 10_000 })
  expect(await calls.at(-1)).toMatchObject({
    kind: 'unreachable',
    detail: expect.stringContaining('10000 wait'),
  })
  answer('done')
  expect(await Promise.all(calls.slice(0, -1))).toEqual(Array.from({ length: 11_000 }, () => 'done'))
})
