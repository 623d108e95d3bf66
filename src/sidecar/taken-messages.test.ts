/** What was taken is known from the first record on that was heard, or as far back as is remembered. */
import { expect, test } from 'vitest'
import { TakenMessages } from './taken-messages.ts'

const taken = (message: string, entry: string) =>
  ({
    schema: 1,
    type: 'taken',
    lane: 'inbox',
    entry,
    message,
    effect: { kind: 'recall', sequence: 1 },
  }) as const

test('a message whose sender had less of the log than was heard here is not taken', () => {
  const messages = new TakenMessages(() => 0)
  messages.hear(taken('two a', '5-0'), 8)
  expect(messages.refusalOf('two b', 'inbox 6-0', 7)).toBeUndefined()
  expect(messages.refusalOf('two b', 'inbox 6-0', 6)).toMatchObject({ code: 'HOME_LOST' })
  expect(messages.refusalOf('two a', 'inbox 6-0', 7)).toMatchObject({ code: 'BODY_INVALID' })
  expect(messages.refusalOf('two a', 'inbox 5-0', 7)).toBeUndefined()
  // The same number in another lane is another place.
  expect(messages.refusalOf('two a', 'critical 5-0', 7)).toMatchObject({ code: 'BODY_INVALID' })
})

test('what is forgotten is not taken again either', () => {
  const messages = new TakenMessages(() => 0)
  for (let at = 1; at <= 100_001; at += 1) messages.hear(taken(`two ${at}`, `${at}-0`), at)
  expect(messages.refusalOf('two 1', 'inbox 900000-0', 0)).toMatchObject({ code: 'HOME_LOST' })
  expect(messages.refusalOf('two 2', 'inbox 900000-0', 1)).toMatchObject({ code: 'BODY_INVALID' })
  expect(messages.refusalOf('two new', 'inbox 900000-0', 1)).toBeUndefined()
})
