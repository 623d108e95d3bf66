/** A typo anywhere does not load: words of the shipped constitution, with every kind of slip. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkConstitution } from '../../src/constitution/check.ts'
import { compile } from '../../src/constitution/compile.ts'
import type { Files } from '../../src/constitution/draft.ts'
import { runCases } from '../../src/engine/cases.ts'
import { load, SHIPPED } from './mistake.ts'
import { slips, withSlip, wordsOf, wordsOfCases, type Word } from './typos.ts'

/** Another on each run, unless `EPHOR_SEED` asks for one again; all slips are tried where there is time. */
const SEED = Number(process.env.EPHOR_SEED ?? Math.floor(Math.random() * 2 ** 31))
const LONG = process.env.EPHOR_LONG === '1'

interface Slip {
  readonly word: Word
  readonly kind: string
  readonly slip: string
}

function chosen(words: readonly Word[], count: number): readonly Slip[] {
  const all = words.flatMap((word) => [...slips(word.text)].map(([kind, slip]) => ({ word, kind, slip })))
  if (LONG) return all
  return fc.sample(fc.shuffledSubarray(all, { minLength: count, maxLength: count }), {
    seed: SEED,
    numRuns: 1,
  })[0] as Slip[]
}

function printed({ word, kind, slip }: Slip): string {
  return `${word.file}:${word.line}:${word.column}: \`${word.text}\` as \`${slip}\` (${kind})`
}

/** Slips after which the text says something else that is as well formed, and why that is not for `check` to say. */
function isExcused({ word, slip }: Slip, files: Files): boolean {
  // Without its `%` a limit is a hundred times as high: no unit tells, and so a case must.
  if (word.text === '%' && word.file.startsWith('rules/')) return casesFail(files)
  // A strategy may have any name: another one is judged by the row of all others, and so a case must tell.
  if (word.file === 'tables/strategies.csv' && word.line > 1)
    return /^[\w*-]+$/.test(slip) && casesFail(files)
  // How often a grant may be used is a number like another, and bounded; whoever approves one sees it.
  if (word.file.startsWith('rules/') && /^\d+$/.test(word.text)) return /^\d+$/.test(slip)
  // Any word but `*` may be the name of an instrument or agent.
  if (word.text === '*' && word.file.startsWith('tables/')) return /^\w+$/.test(slip)
  // Zones have several names, and UCT is UTC; letters' case is not heeded in them.
  return (
    word.file === 'tables/hours.csv' && zoneOf(word.text) !== undefined && zoneOf(word.text) === zoneOf(slip)
  )
}

function casesFail(files: Files): boolean {
  const { constitution } = checkConstitution(files)
  if (constitution === undefined) return true
  return runCases(files, compile(constitution)).results.some(({ failures }) => failures.length > 0)
}

function zoneOf(name: string): string | undefined {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone
  } catch {
    return undefined
  }
}

test('a typo anywhere in the rules, facts and tables does not load', () => {
  const words = wordsOf(SHIPPED)
  const tried = chosen(words, 500)
  process.stdout.write(`typos: EPHOR_SEED=${SEED}, ${tried.length} slips of ${words.length} words\n`)
  expect(words.length).toBeGreaterThan(500)
  const silent = tried.filter((slip) => {
    const files = withSlip(SHIPPED, slip.word, slip.slip)
    return load(files).loads && !isExcused(slip, files)
  })
  expect(silent.map(printed)).toEqual([])
}, 600_000)

test('a lost `%` fails a case', () => {
  const percents = wordsOf(SHIPPED).filter(({ file, text }) => text === '%' && file.startsWith('rules/'))
  const unnoticed = percents.filter((word) => !casesFail(withSlip(SHIPPED, word, '')))
  expect(percents.length).toBeGreaterThan(4)
  expect(unnoticed).toEqual([])
})

test('a typo in a case is told where it stands, with what was meant', () => {
  const { constitution } = checkConstitution(SHIPPED)
  if (constitution === undefined) throw new Error('the shipped constitution does not load')
  const text = SHIPPED.get('cases/size.yaml') ?? ''
  const files = new Map(SHIPPED).set('cases/size.yaml', text.replace('verdict: deny', 'verdict: dney'))
  const { issues } = runCases(files, compile(constitution))
  const line = text.slice(0, text.indexOf('verdict: deny')).split('\n').length
  expect(issues).toContainEqual(
    expect.objectContaining({
      severity: 'error',
      file: 'cases/size.yaml',
      line,
      message: expect.stringMatching(
        /expect\.verdict: expected one of allow, deny, .*; did you mean `deny`\?/,
      ) as string,
    }),
  )
})

test('a typo anywhere in a case makes it fail', () => {
  const { constitution } = checkConstitution(SHIPPED)
  if (constitution === undefined) throw new Error('the shipped constitution does not load')
  const program = compile(constitution)
  const words = wordsOfCases(SHIPPED)
  const tried = chosen(words, 300)
  process.stdout.write(`typos in cases: ${tried.length} slips of ${words.length} words\n`)
  const silent = tried.filter(({ word, slip }) => {
    const whole = withSlip(SHIPPED, word, slip)
    const about = [...whole].filter(([file]) => file === word.file || file.startsWith('cases/worlds/'))
    const files = word.file.startsWith('cases/worlds/') ? whole : new Map(about)
    const { results, issues } = runCases(files, program)
    return (
      results.every(({ failures }) => failures.length === 0) &&
      issues.every(({ severity }) => severity !== 'error')
    )
  })
  expect(silent.map(printed)).toEqual([])
}, 600_000)
