import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { formatIssue } from '../base/issue.ts'
import { checkOptimizer, type FindModel } from './read-optimizer.ts'

const MODEL: FindModel = (name) =>
  ['champion', 'challenger', 'shadow'].includes(name)
    ? { schedule: 'receding', hash: 'a'.repeat(64) }
    : { problem: `MODEL_MISSING: nothing is ${name}` }
const ENTRY = { id: 'a', title: 'A', why: 'For a test', mode: 'on', schedule: 'twap', steps: 4 }
const RECEDING = { ...ENTRY, schedule: 'receding' }

function problemsOf(...optimizers: readonly object[]): string[] {
  const text = JSON.stringify({ optimizers })
  const { policy, issues } = checkOptimizer('optimizer.yaml', text, MODEL)
  expect(policy === undefined).toBe(issues.length > 0)
  return issues.map((issue) => formatIssue(issue, () => text).split('\n')[0] ?? '')
}

test('what is shipped reads, watches, and is about every order', () => {
  const text = readFileSync(join(import.meta.dirname, '../../policies/optimizer.yaml'), 'utf8')
  const { policy, issues } = checkOptimizer('optimizer.yaml', text, MODEL)
  expect(issues).toEqual([])
  expect(policy?.content.optimizers).toMatchObject([{ id: 'everything', mode: 'shadow' }])
})

test('a name of the registry goes as far as those answer for it who gave it', () => {
  const canary = { share: 0.1, notional: 5 }
  expect(problemsOf({ ...RECEDING, model: 'shadow', mode: 'shadow' })).toEqual([])
  expect(problemsOf({ ...RECEDING, model: 'challenger', mode: 'canary', canary })).toEqual([])
  expect(problemsOf({ ...RECEDING, model: 'champion' })).toEqual([])
})

test('a model brings its schedule', () => {
  const { schedule: _, ...bare } = ENTRY
  const { policy } = checkOptimizer(
    'o',
    JSON.stringify({ optimizers: [{ ...bare, model: 'champion' }] }),
    MODEL,
  )
  expect(policy?.content.optimizers).toMatchObject([{ schedule: 'receding', model: 'a'.repeat(64) }])
})

describe('a mistake is named where it stands', () => {
  test.each<[string, RegExp, ...object[]]>([
    ['a mode that is none', /`onn` is no value of `mode`.*did you mean `on`\?/, { ...ENTRY, mode: 'onn' }],
    ['a key that is none', /unknown key `step`.*did you mean `steps`\?/, { ...ENTRY, step: 4 }],
    ['a schedule that is none', /`vwap` is no value of `schedule`/, { ...ENTRY, schedule: 'vwap' }],
    ['no steps', /needs `steps`/, { ...ENTRY, steps: undefined }],
    ['one step', /`steps` lies within 2 to 48/, { ...ENTRY, steps: 1 }],
    ['half a step', /no count/, { ...ENTRY, steps: 2.5 }],
    ['a canary without a share', /needs `canary`/, { ...ENTRY, mode: 'canary' }],
    [
      'a canary of nothing',
      /`share` is above 0/,
      { ...ENTRY, mode: 'canary', canary: { share: 0, notional: 5 } },
    ],
    [
      'a canary of all',
      /no share below one/,
      { ...ENTRY, mode: 'canary', canary: { share: 1, notional: 5 } },
    ],
    ['a canary without a cap', /needs `notional`/, { ...ENTRY, mode: 'canary', canary: { share: 0.1 } }],
    ['a model that is none', /MODEL_MISSING: nothing is champoin/, { ...ENTRY, model: 'champoin' }],
    ['a shadow that moves orders', /may go as far as `mode: shadow`/, { ...RECEDING, model: 'shadow' }],
    [
      'one in a canary',
      /may go as far as `mode: shadow`/,
      { ...RECEDING, model: 'shadow', mode: 'canary', canary: { share: 0.1, notional: 5 } },
    ],
    ['a challenger for all', /may go as far as `mode: canary`/, { ...RECEDING, model: 'challenger' }],
    ['a schedule that is not its model’s', /goes by `receding`/, { ...ENTRY, model: 'champion' }],
    [
      'a class that is none',
      /`equities` is no value of `assetClasses`/,
      { ...ENTRY, only: { assetClasses: ['equities'] } },
    ],
    ['a selection of nothing', /names nothing/, { ...ENTRY, only: {} }],
    [
      'an id twice',
      /the id `a` is taken/,
      { ...ENTRY, only: { accounts: ['x'] } },
      { ...ENTRY, only: { accounts: ['y'] } },
    ],
    ['two about all', /`a` and `b` are both about equity in any other account/, ENTRY, { ...ENTRY, id: 'b' }],
    [
      'two about one',
      /`a` and `b` are both about crypto in `main`/,
      { ...ENTRY, only: { accounts: ['main'] } },
      { ...ENTRY, id: 'b', only: { assetClasses: ['crypto'] } },
    ],
  ])('%s', (_, problem, ...optimizers) => {
    const found = problemsOf(...optimizers)
    expect(found.join('\n')).toMatch(problem)
    expect(found[0]).toMatch(/^optimizer\.yaml:1:\d+: error: /)
  })

  test('two that share nothing are none', () => {
    expect(
      problemsOf(
        { ...ENTRY, only: { assetClasses: ['equity'] } },
        { ...ENTRY, id: 'b', except: { assetClasses: ['equity'] } },
      ),
    ).toEqual([])
  })
})
