import { expect, test } from 'vitest'
import { millisecondsFromText, shareFromText } from './literal.ts'

test.each([
  ['2/3', [2, 3]],
  ['4/6', [2, 3]],
  ['66.7%', [667, 1000]],
  ['50%', [1, 2]],
  ['0.5', [1, 2]],
  ['100%', [1, 1]],
  ['0', [0, 1]],
  ['3/2', [3, 2]],
])('%s is a share', (text, wanted) => {
  expect(shareFromText(text)).toEqual(wanted)
})

test.each(['', '%', '2/0', '-50%', '1/3/5', '0.00000001', 'half', '2 / 3', '1e3', '5 %', '..', '12345678/2'])(
  '`%s` is none',
  (text) => {
    expect(shareFromText(text)).toBeUndefined()
  },
)

test.each([
  ['500ms', 500],
  ['2s', 2000],
  ['1.5s', 1500],
  ['5min', 300_000],
  ['24h', 86_400_000],
  ['2d', 172_800_000],
])('%s is a duration', (text, wanted) => {
  expect(millisecondsFromText(text)).toBe(wanted)
})

test.each(['', '2', 's', '2 s', '-2s', '2m', '0.5ms', '1e3s', '2S'])('`%s` is none', (text) => {
  expect(millisecondsFromText(text)).toBeUndefined()
})
