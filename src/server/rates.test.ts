/** So many requests a second, for each caller by itself, and never a table without end. */
import { expect, test } from 'vitest'
import { Rates } from './rates.ts'

function counting(max: number): {
  rates: Rates
  pass: (ms: number) => void
  ask: (caller: string) => boolean
} {
  let now = 0
  const rates = new Rates(max, () => now)
  return { rates, pass: (ms) => (now += ms), ask: (caller) => !rates.isOver(caller) }
}

test('so many are let in within a second of the first, and again in the next', () => {
  const { ask, pass } = counting(3)
  expect([ask('a'), ask('a'), ask('a'), ask('a')]).toEqual([true, true, true, false])
  pass(999)
  expect(ask('a')).toBe(false)
  pass(1)
  expect([ask('a'), ask('a'), ask('a'), ask('a')]).toEqual([true, true, true, false])
})

test('a second begins with a request, and what is refused does not make it longer', () => {
  const { ask, pass } = counting(1)
  pass(700)
  expect([ask('a'), ask('a')]).toEqual([true, false])
  pass(999)
  expect(ask('a')).toBe(false)
  pass(1)
  expect(ask('a')).toBe(true)
})

test('one caller takes nothing from another', () => {
  const { ask } = counting(1)
  expect([ask('a'), ask('a'), ask('b'), ask('b')]).toEqual([true, false, true, false])
})

test('of more callers than are counted, those whose second began first are forgotten', () => {
  const { ask, pass } = counting(1)
  ask('first')
  ask('second')
  pass(1)
  for (let other = 0; other < 9_999; other += 1) ask(`other-${other}`)
  expect(ask('second')).toBe(false)
  expect(ask('first')).toBe(true)
})
