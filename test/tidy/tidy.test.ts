/** Holds the house to its own rules: imports, sizes, one sentence on top, the table of errors. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { ERRORS, REFUSALS } from '../../src/base/errors.ts'
import { VERSION } from '../../src/base/version.ts'
import { LONGEST } from '../support/longest-first.ts'
import { importsOf, readSources, violations } from './imports.ts'

const root = fileURLToPath(new URL('../../src', import.meta.url))
const files = readSources(root)

describe('imports', () => {
  test('follow the table', () => {
    expect(violations(files)).toEqual([])
  })

  test('are seen at all', () => {
    expect(files.length).toBeGreaterThan(60)
    expect(files.flatMap(({ text }) => importsOf(text)).length).toBeGreaterThan(200)
  })

  test.each([
    ['ledger/planted.ts', "import { decide } from '../engine/decide.ts'", 'ledger may not import engine'],
    [
      'constitution/planted.ts',
      "export { x } from '../ledger/fold.ts'",
      'constitution may not import ledger',
    ],
    ['sidecar/planted.ts', "import Fastify from 'fastify'", 'named only under server/'],
    ['sidecar/planted.ts', "import { Redis } from 'ioredis'", 'named only under cluster/'],
    [
      'sidecar/planted.ts',
      "import { openRedis } from '../cluster/redis.ts'",
      'sidecar may not import cluster',
    ],
    ['server/planted.ts', "const it = await import('../engine/handle.ts')", 'server may not import engine'],
    ['cli/planted.ts', "import { start } from '../main.ts'", 'may import main.ts'],
    ['client/planted.ts', "import { step } from '../consensus/round.ts'", 'client may not import consensus'],
    [
      'consensus/planted.ts',
      "import { parse } from '../constitution/read.ts'",
      'may not import constitution',
    ],
    ['consensus/planted.ts', 'const drawn = Math.random()', 'draws a random number'],
    ['utils/planted.ts', '', 'not in the table'],
    ['engine/planted.ts', 'export const now = Date.now()', 'reads a clock'],
    ['ledger/planted.ts', 'export const chance = Math.random()', 'draws a random number'],
    ['engine/planted.ts', 'export async function f() { await g() }', 'waits'],
    ['constitution/planted.ts', "import { existsSync, readFileSync } from 'node:fs'", 'does input or output'],
    [
      'optimizer/planted.ts',
      "import * as tf from '@tensorflow/tfjs-core'",
      'named only under optimizer/train/',
    ],
    ['optimizer/planted.ts', "import { train } from './train/ppo.ts'", 'only the command line may import'],
    ['engine/planted.ts', "import { train } from '../optimizer/train/ppo.ts'", 'only the command line'],
    ['optimizer/planted.ts', 'export const now = performance.now()', 'reads a clock'],
  ])('a violation planted in %s is caught: %s', (path, text, message) => {
    expect(violations([{ path, text }]).join('\n')).toContain(message)
  })
})

describe('files', () => {
  test('begin with a sentence on their purpose', () => {
    const silent = files
      .filter(({ text }) => !/^(?:#!.*\n)?\/\*\*\s*\n?\s*(?:\* )?\S/.test(text))
      .map(({ path }) => path)
    expect(silent).toEqual([])
  })

  test('hold one concept: none is longer than 400 lines', () => {
    const long = files
      .filter(({ text }) => text.split('\n').length > 400)
      .map(({ path, text }) => `${path}: ${text.split('\n').length}`)
    expect(long).toEqual([])
  })

  test('that are said to take long are there, each once', () => {
    expect(
      LONGEST.filter((path) => !existsSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)))),
    ).toEqual([])
    expect(new Set(LONGEST).size).toBe(LONGEST.length)
  })

  test('have no drawer for odds and ends', () => {
    expect(
      files.filter(({ path }) => /(?:^|\/)(?:utils?|helpers?|misc|common-utils)\.ts$/.test(path)),
    ).toEqual([])
  })

  test('leave nothing to do', () => {
    expect(files.filter(({ text }) => /\b(?:TODO|FIXME|XXX)\b/.test(text)).map(({ path }) => path)).toEqual(
      [],
    )
  })
})

describe('the table of errors', () => {
  const sources = files.filter(({ path }) => path !== 'base/errors.ts')

  test.each(Object.keys({ ...ERRORS, ...REFUSALS }))('%s is used', (code) => {
    expect(sources.some(({ text }) => text.includes(`'${code}'`))).toBe(true)
  })

  test('no code is thrown that is not in it', () => {
    const thrown = sources.flatMap(({ text }) =>
      [...text.matchAll(/new EphorError\(\s*'([A-Z_]+)'/g)].map((match) => match[1] ?? ''),
    )
    expect(thrown.filter((code) => !(code in ERRORS))).toEqual([])
  })
})

test('the version that decisions record is the package’s', () => {
  const { version } = JSON.parse(
    readFileSync(fileURLToPath(new URL('../../package.json', import.meta.url)), 'utf8'),
  ) as { version: string }
  expect(VERSION).toBe(version)
})
