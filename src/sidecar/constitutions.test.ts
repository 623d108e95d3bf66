/** The same files are checked once; what differs by one letter in any of them, a case too, is checked anew. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { inDirectory } from '../../test/journal-support/journals.ts'
import { checkConstitution } from '../constitution/check.ts'
import { checkWhole, ConstitutionStore, readFiles } from './constitutions.ts'

const FILES = readFiles(join(import.meta.dirname, '../../constitution'))
const changed = (path: string, change: (text: string) => string): Map<string, string> =>
  new Map([...FILES].map(([at, text]) => [at, at === path ? change(text) : text]))

test('the same files have the same constitution, read in whatever order', () => {
  const { constitution } = checkWhole(FILES)
  expect(constitution?.rules.length).toBeGreaterThan(10)
  expect(checkWhole(new Map([...FILES].toReversed())).constitution).toBe(constitution)
})

test.each([...FILES.keys()].filter((path) => /\.(?:yaml|csv)$/.test(path)))(
  'another %s is read anew',
  (path) => {
    const before = checkWhole(FILES)
    const after = checkWhole(changed(path, (text) => `${text}\n`))
    expect(after).not.toBe(before)
    expect(after.constitution).not.toBe(before.constitution)
  },
)

test('a file more or less is another directory, and one that no longer loads is said to', () => {
  const { constitution } = checkWhole(FILES)
  const more = new Map([...FILES, ['cases/more.yaml', '']])
  expect(checkWhole(more).constitution).not.toBe(constitution)
  const [first = ''] = FILES.keys()
  const less = new Map([...FILES].filter(([path]) => path !== first))
  expect(checkWhole(less).constitution).not.toBe(constitution)
  const broken = checkWhole(
    changed('rules/size.yaml', (text) => text.replace('account.equity', 'account.equty')),
  )
  expect(broken.constitution).toBeUndefined()
  expect(broken.issues.length).toBeGreaterThan(0)
  expect(checkWhole(FILES).issues.filter(({ severity }) => severity === 'error')).toEqual([])
})

test('what was taken once is read again, though it would not be taken any more', () =>
  inDirectory((directory) => {
    const files = new Map(FILES)
    const edit = (path: string, from: string, to: string): void => {
      const text = files.get(path) ?? ''
      expect(text).toContain(from)
      files.set(path, text.replace(from, to))
    }
    edit('constitution.yaml', "'2026-01-01T00:00:00Z'", "'2026-01-01T00:00:00'")
    edit('tables/hours.csv', 'equity,pre,America/New_York', 'equity,pre,EST')
    edit('tables/instrument-limits.csv', 'ESM0,*', 'ES M0,*')
    edit('rules/size.yaml', 'forbid: order.value > 2% * account.equity', 'forbid: false')
    expect(checkConstitution(files).issues.filter(({ severity }) => severity === 'error')).toHaveLength(2)
    const { constitution } = checkConstitution(files, true)
    expect(constitution?.tables.get('hours')?.sessions[0]?.timezone).toBe('EST')
    const { hash = '', text = '' } = constitution ?? {}
    expect(new ConstitutionStore(directory).learn(hash, text)?.constitution.hash).toBe(hash)
    expect(new ConstitutionStore(directory).programOf(hash)?.constitution.text).toBe(text)
    return Promise.resolve()
  }))
