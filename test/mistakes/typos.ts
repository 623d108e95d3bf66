/** Every word of the shipped constitution that has a meaning, with its place, and the slips that can happen to it. */
import { Issues, type Place } from '../../src/base/issue.ts'
import { readYaml, type YamlNode } from '../../src/base/yaml-source.ts'
import type { Files } from '../../src/constitution/draft.ts'
import { tokenize } from '../../src/constitution/tokens.ts'

export interface Word extends Place {
  readonly text: string
}

/**
 * Values of these keys are words for people, names that the house gives, or quantities: another one is as good to a reader
 * that does not know what was meant, and the cases are what holds quantities. `version` and `name` name the release, `id` the rule, `title`,
 * `why`, `cites` and `checks` speak to people.
 */
const FREE = new Set([
  'id',
  'title',
  'why',
  'cites',
  'checks',
  'name',
  'version',
  'effectiveFrom',
  'currency',
  'to',
])
/** Values of these keys are expressions, of which each token is a word. */
const EXPRESSIONS = new Set(['forbid', 'escalate', 'warn', 'unless', 'is', 'always', 'maxAge', 'window'])

/** The words of every YAML file and table aside from cases. */
export function wordsOf(files: Files): Word[] {
  return [...files].flatMap(([file, text]) => {
    if (file.startsWith('cases/') || file.endsWith('.md')) return []
    return file.endsWith('.csv') ? wordsOfTable(file, text) : wordsOfYaml(file, text)
  })
}

function wordsOfYaml(file: string, text: string): Word[] {
  const words: Word[] = []
  const visit = (node: YamlNode, key: string): void => {
    if (node.kind === 'list') for (const item of node.items) visit(item, key)
    else if (node.kind === 'map') {
      for (const entry of node.entries.values()) {
        words.push({ ...entry.place, text: entry.key })
        visit(entry.value, entry.key)
      }
    } else if (EXPRESSIONS.has(key)) {
      for (const token of tokenize(String(node.value))) {
        // Numbers are quantities.
        if (token.kind === 'number' || token.kind === 'end') continue
        const inside = token.kind === 'text' ? 1 : 0
        words.push({ ...node.placeAt(token.start + inside), text: token.text })
      }
    } else if (!FREE.has(key)) words.push({ ...node.placeAt(0), text: String(node.value) })
  }
  const root = readYaml(file, text, new Issues())
  if (root !== undefined) visit(root, '')
  return words
}

/**
 * The keys of every case and world, and the values that only one word fits: kinds, sources of a change, verdicts, codes. What a
 * case is called, its numbers and the names in it are free.
 */
export function wordsOfCases(files: Files): Word[] {
  return [...files].flatMap(([file, text]) => {
    const words: Word[] = []
    const visit = (node: YamlNode, key: string): void => {
      if (node.kind === 'list') for (const item of node.items) visit(item, key)
      else if (node.kind === 'map') {
        for (const entry of node.entries.values()) {
          words.push({ ...entry.place, text: entry.key })
          visit(entry.value, entry.key)
        }
      } else if (FITTING.has(key)) words.push({ ...node.placeAt(0), text: String(node.value) })
    }
    const root = file.startsWith('cases/') ? readYaml(file, text, new Issues()) : undefined
    if (root !== undefined) visit(root, '')
    return words
  })
}

const FITTING = new Set([
  'kind',
  'world',
  'about',
  'verdict',
  'codes',
  'unknown',
  'state',
  'scope',
  'type',
  'side',
  'orderType',
])

/** Headers, their units, and keys; values are quantities, and what stands under a text key is a name that the house gives. */
function wordsOfTable(file: string, text: string): Word[] {
  const words: Word[] = []
  const [header = '', ...rows] = text.trimEnd().split('\n')
  const columns = header.split(',')
  for (const [line, cells] of [columns, ...rows.map((row) => row.split(','))].entries()) {
    let column = 1
    for (const [index, cell] of cells.entries()) {
      const under = columns[index] ?? ''
      const name =
        line > 0 &&
        cell !== '*' &&
        ['agent.id', 'instrument.id', 'account.id', 'transfer.destination'].includes(under)
      const value = line > 0 && (under.includes('[') || ['from', 'to'].includes(under))
      if (!name && !value)
        for (const { 0: word, index: at } of cell.matchAll(/[^\s[\]]+/g))
          words.push({ file, line: line + 1, column: column + at, text: word })
      column += cell.length + 1
    }
  }
  return words
}

/** `word` with one slip in it: two letters exchanged, one lost, one doubled, one in the other case, one foreign. */
export function slips(word: string): Map<string, string> {
  const made = new Map<string, string>()
  const middle = Math.floor((word.length - 1) / 2)
  const letters = Array.from(word)
  const change = (name: string, at: number, count: number, put: string): void => {
    made.set(name, letters.toSpliced(at, count, put).join(''))
  }
  if (word.length > 1) change('swapped', middle, 2, `${letters[middle + 1] ?? ''}${letters[middle] ?? ''}`)
  change('dropped', middle, 1, '')
  change('doubled', middle, 1, `${letters[middle] ?? ''}${letters[middle] ?? ''}`)
  change('raised', middle, 1, otherCase(letters[middle] ?? ''))
  change('foreign', middle, 1, 'q')
  return new Map([...made].filter(([, slip]) => slip !== word))
}

function otherCase(letter: string): string {
  return letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase()
}

/** `files` with `slip` where `word` stood. */
export function withSlip(files: Files, word: Word, slip: string): Files {
  const lines = (files.get(word.file) ?? '').split('\n')
  const line = lines[word.line - 1] ?? ''
  const at = word.column - 1
  if (!line.startsWith(word.text, at))
    throw new Error(`${word.file}:${word.line}:${word.column} is not \`${word.text}\``)
  lines[word.line - 1] = line.slice(0, at) + slip + line.slice(at + word.text.length)
  return new Map(files).set(word.file, lines.join('\n'))
}
