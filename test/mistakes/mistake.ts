/** One edit of the shipped constitution, and the complaint that it must bring. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Issue, Place } from '../../src/base/issue.ts'
import type { Files } from '../../src/constitution/draft.ts'
import { checkWhole, readFiles } from '../../src/sidecar/constitutions.ts'

export const SHIPPED: Files = readFiles(join(import.meta.dirname, '../../constitution'))

/** The rule that most mistakes are made in, and its file. */
export const SIZE = 'rules/size.yaml'
export const CAP = 'forbid: order.value > 2% * account.equity'

/** Stands in an edit where the complaint must point, and is taken out before loading. */
const MARK = '▸'

export interface Mistake {
  readonly name: string
  readonly file: string
  /** Texts and what takes their place; each stands in the file once. With none, `file` becomes `text`. */
  readonly edits?: readonly (readonly [from: string, to: string])[]
  readonly text?: string
  /** Edits elsewhere that make the mistake possible: a fact that it needs, a rule. */
  readonly before?: Readonly<Record<string, readonly (readonly [from: string, to: string])[]>>
  /** What the message contains: the offending text, and the fix. */
  readonly says: readonly string[]
  readonly severity?: Issue['severity']
  /** How many complaints there are in all; 1 unless one mistake shows in several places. */
  readonly issues?: number
}

/** Reads and checks as the sidecar does, language and supply of facts both. */
export function load(files: Files): { readonly loads: boolean; readonly issues: readonly Issue[] } {
  const { constitution, issues } = checkWhole(files)
  return { loads: constitution !== undefined, issues }
}

/** A test for each mistake: exact place, offending text, fix; errors keep the constitution from loading and warnings do not. */
export function testMistakes(mistakes: readonly Mistake[]): void {
  test.each(mistakes)('$name', (mistake) => {
    const { files, place } = applied(mistake)
    const { loads, issues } = load(files)
    const severity = mistake.severity ?? 'error'
    const printed = issues.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`)
    const found = issues.find((issue) => mistake.says.every((words) => issue.message.includes(words)))
    expect(found, printed.join('\n')).toMatchObject({ ...place, severity })
    expect(printed).toHaveLength(mistake.issues ?? 1)
    expect(loads).toBe(severity === 'warning')
  })
}

function applied({ file, edits = [], text, before = {} }: Mistake): { files: Files; place: Place } {
  const files = new Map(SHIPPED)
  for (const [path, earlier] of Object.entries(before)) {
    files.set(
      path,
      earlier.reduce((whole, [from, to]) => replaceOnce(whole, from, to), textOf(files, path)),
    )
  }
  const marked =
    text ?? edits.reduce((whole, [from, to]) => replaceOnce(whole, from, to), textOf(files, file))
  const offset = marked.indexOf(MARK)
  const above = marked.slice(0, Math.max(offset, 0)).split('\n')
  files.set(file, marked.replace(MARK, ''))
  return {
    files,
    place: { file, line: above.length, column: (above.at(-1) ?? '').length + 1 },
  }
}

function textOf(files: Files, file: string): string {
  const text = files.get(file)
  if (text === undefined) throw new Error(`no file ${file} is shipped`)
  return text
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
}

/** Blanks count as one: tables of facts are aligned with them. */
function replaceOnce(text: string, from: string, to: string): string {
  const pattern = new RegExp(from.split(/ +/).map(escaped).join(' +'), 'g')
  const found = text.match(pattern)?.length ?? 0
  if (found !== 1) throw new Error(`\`${from}\` stands ${found} times in the file`)
  return text.replace(pattern, () => to)
}
