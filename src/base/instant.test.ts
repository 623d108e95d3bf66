import { expect, test } from 'vitest'
import { instantOf } from './instant.ts'

test.each<[string, number | undefined]>([
  ['1970-01-01T00:00:00Z', 0],
  ['1970-01-01T00:00Z', 0],
  ['2026-02-31T00:00Z', undefined],
  ['1970-01-01T01:00+01:00', 0],
  ['1970-01-01T01:00:00.250+01:00', 250],
  ['2028-02-29T00:00:00Z', Date.UTC(2028, 1, 29)],
  ['2026-12-01T17:00:00', undefined],
  ['2026-12-01', undefined],
  ['2026-02-31T00:00:00Z', undefined],
  ['2027-02-29T00:00:00Z', undefined],
  ['2026-13-01T00:00:00Z', undefined],
  ['2026-12-01T25:00:00Z', undefined],
  ['1 December 2026', undefined],
  ['0', undefined],
  ['', undefined],
])('`%s` is %s', (text, at) => {
  expect(instantOf(text)).toBe(at)
})
