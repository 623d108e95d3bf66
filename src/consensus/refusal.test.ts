import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const files = readdirSync(new URL('.', import.meta.url)).filter((name) => name !== 'refusal.test.ts')
const textOf = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8')
const tests = files.filter((name) => name.endsWith('.test.ts')).map(textOf)
const codes = files
  .filter((name) => !name.endsWith('.test.ts'))
  .flatMap((name) => [...textOf(name).matchAll(/\brefuse\(\s*'([A-Z_]+)'/g)].map(([, code]) => code ?? ''))

test.each([...new Set(codes)].toSorted())('%s is expected by a test', (code) => {
  expect(tests.some((text) => text.includes(`'${code}'`))).toBe(true)
})

test('codes are seen at all', () => {
  expect(new Set(codes).size).toBeGreaterThan(25)
})
