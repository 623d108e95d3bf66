/** The same files are checked once; what differs by one letter in any of them, a case too, is checked anew. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkWhole, readFiles } from './constitutions.ts'

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
