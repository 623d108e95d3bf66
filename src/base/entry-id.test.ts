import { expect, test } from 'vitest'
import { isLater } from './entry-id.ts'

test('places in a lane are put in order by their numbers and not by their signs', () => {
  expect(isLater('10-0', '9-0')).toBe(true)
  expect(isLater('9-10', '9-9')).toBe(true)
  expect(isLater('9-9', '9-9')).toBe(false)
  expect(isLater('9-9', '10-0')).toBe(false)
})
