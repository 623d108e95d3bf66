/** A first start begins where nothing is, and puts nothing in the place of what somebody may need. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { assertJournalKept, openHome } from './home.ts'

let root: string
let home: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'ephor-home-'))
  home = join(root, 'home')
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const read = (...path: string[]): string => readFileSync(join(home, ...path), 'utf8')

test('one that was broken off goes on with the keys and tokens that it made', () => {
  openHome(home, undefined)
  const [key, tokens] = [read('keys', 'journal.pem'), read('tokens.yaml')]
  rmSync(join(home, 'config.yaml'))
  expect(openHome(home, undefined).created).toBe(true)
  expect([read('keys', 'journal.pem'), read('tokens.yaml')]).toEqual([key, tokens])
})

test('a directory that was used does not begin anew without its configuration', () => {
  openHome(home, undefined)
  const key = read('keys', 'journal.pem')
  rmSync(join(home, 'config.yaml'))
  mkdirSync(join(home, 'journal'))
  expect(() => openHome(home, undefined)).toThrow('config.yaml is missing')
  rmSync(join(home, 'journal'), { recursive: true })
  writeFileSync(join(home, 'constitutions', 'abc.json'), '{}')
  expect(() => openHome(home, undefined)).toThrow('config.yaml is missing')
  expect(read('keys', 'journal.pem')).toBe(key)
})

test('what was laid down before it stays there', () => {
  mkdirSync(join(home, 'constitution'), { recursive: true })
  mkdirSync(join(home, 'lost+found'))
  writeFileSync(join(home, '.keep'), '')
  expect(openHome(home, undefined).created).toBe(true)
})

test('somebody else’s directory is left as it is', () => {
  mkdirSync(home, { mode: 0o755 })
  writeFileSync(join(home, 'thesis.txt'), 'mine')
  const { mode } = statSync(home)
  expect(() => openHome(home, undefined)).toThrow('holds `thesis.txt`')
  expect(statSync(home).mode).toBe(mode)
})

test('a journal that is gone is not begun anew without a word', () => {
  openHome(home, undefined)
  // As after a first start that was broken off.
  assertJournalKept(home)
  writeFileSync(join(home, 'constitutions', 'abc.json'), '{}')
  expect(() => assertJournalKept(home)).toThrow('is gone')
  mkdirSync(join(home, 'journal', 'p00'), { recursive: true })
  expect(() => assertJournalKept(home)).toThrow('is gone')
  writeFileSync(join(home, 'journal', 'p00', 'segment-000000000001.ndjson'), '')
  assertJournalKept(home)
})
