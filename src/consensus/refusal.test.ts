import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ROUND_REFUSALS } from '../base/errors.ts'

const tests = readdirSync(new URL('.', import.meta.url))
  .filter((name) => name.endsWith('.test.ts') && name !== 'refusal.test.ts')
  .map((name) => readFileSync(new URL(name, import.meta.url), 'utf8'))

test.each(Object.keys(ROUND_REFUSALS))('%s is expected by a test', (code) => {
  expect(tests.some((text) => text.includes(`'${code}'`))).toBe(true)
})
