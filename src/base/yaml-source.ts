/** YAML as a tree in which every key and value knows its place, for error messages that point. */
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Node,
  type Scalar,
} from 'yaml'
import type { Json } from './canonical-json.ts'
import type { Issues, Place } from './issue.ts'

export interface YamlScalar {
  readonly kind: 'scalar'
  readonly value: string | number | boolean | null
  readonly place: Place
  /** The place of the character at `offset` of a text value. */
  readonly placeAt: (offset: number) => Place
}

export interface YamlList {
  readonly kind: 'list'
  readonly items: readonly YamlNode[]
  readonly place: Place
}

export interface YamlEntry {
  readonly key: string
  readonly place: Place
  readonly value: YamlNode
}

export interface YamlMap {
  readonly kind: 'map'
  readonly entries: ReadonlyMap<string, YamlEntry>
  readonly place: Place
}

export type YamlNode = YamlScalar | YamlList | YamlMap

/** More files than these, or larger ones, are read anew each time. */
const KNOWN_MAX = 64
const KNOWN_LENGTH_MAX = 262_144
/** By name, the text that a file had when it was last read without complaint, and what that was. */
const known = new Map<string, { readonly text: string; readonly node: YamlNode }>()

/**
 * Reads one YAML document. YAML's own warnings count as errors, and so do anchors, aliases, tags and keys that are not
 * text: they hide what a reader of the file would believe. Answers `undefined` after reporting to `issues`. Of files that
 * are read again and again, only what was edited is parsed again.
 */
export function readYaml(file: string, text: string, issues: Issues): YamlNode | undefined {
  const before = known.get(file)
  if (before?.text === text) return before.node
  const complaints = issues.list.length
  const node = parse(file, text, issues)
  if (node === undefined || issues.list.length > complaints || text.length > KNOWN_LENGTH_MAX) return node
  known.delete(file)
  const [oldest] = known.keys()
  if (known.size >= KNOWN_MAX && oldest !== undefined) known.delete(oldest)
  known.set(file, { text, node })
  return node
}

function parse(file: string, text: string, issues: Issues): YamlNode | undefined {
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    uniqueKeys: true,
    prettyErrors: false,
    schema: 'core',
    // `0xabc` is an address here, not the number 2748.
    customTags: (tags) =>
      tags.filter((tag) => typeof tag === 'string' || !['HEX', 'OCT'].includes(tag.format ?? '')),
  })
  const placeOf = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }
  const problems = [...document.errors, ...document.warnings]
  for (const problem of telling(problems)) issues.error(placeOf(problem.pos[0]), wording(problem, text))
  if (problems.length > 0) return undefined
  if (document.contents === null)
    return { kind: 'scalar', value: null, place: placeOf(0), placeAt: () => placeOf(0) }
  const anchored = new Set<string>()
  return convert(document.contents)

  function convert(node: Node): YamlNode | undefined {
    const place = placeOf(node.range?.[0] ?? 0)
    if (isAlias(node) || ('anchor' in node && node.anchor !== undefined)) {
      // An alias is the same mistake as its anchor, which stands before it.
      const known = isAlias(node) && anchored.has(node.source)
      if (!known) issues.error(place, 'anchors and aliases are not read here; write it out')
      if (!isAlias(node)) anchored.add(node.anchor ?? '')
      return undefined
    }
    if (node.tag !== undefined) {
      const tag = node.tag.replace('tag:yaml.org,2002:', '!!')
      issues.error(place, `the tag \`${tag}\` is not read here; leave it out`)
      return undefined
    }
    if (isScalar(node)) return scalar(node, place)
    if (isSeq(node)) {
      const items = node.items.map((item) => convert(item as Node))
      return items.includes(undefined) ? undefined : { kind: 'list', items: items as YamlNode[], place }
    }
    if (!isMap(node)) return undefined
    const entries = new Map<string, YamlEntry>()
    for (const pair of node.items) {
      const key = pair.key as Scalar
      const keyPlace = placeOf(key.range?.[0] ?? 0)
      if (!isScalar(key) || typeof key.value !== 'string') {
        issues.error(keyPlace, 'keys are text here')
        return undefined
      }
      const value =
        pair.value === null
          ? ({ kind: 'scalar', value: null, place: keyPlace, placeAt: () => keyPlace } satisfies YamlScalar)
          : convert(pair.value as Node)
      if (value === undefined) return undefined
      entries.set(key.value, { key: key.value, place: keyPlace, value })
    }
    return { kind: 'map', entries, place }
  }

  function scalar(node: Scalar, place: Place): YamlScalar | undefined {
    const { value } = node
    if (
      value !== null &&
      typeof value !== 'string' &&
      typeof value !== 'number' &&
      typeof value !== 'boolean'
    ) {
      issues.error(place, 'only text, numbers, true, false and null are read here')
      return undefined
    }
    const start = node.range?.[0] ?? 0
    const opening = node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE' ? 1 : 0
    // Only where the value stands in the file to the letter do its characters have places of their own.
    const literal = typeof value === 'string' && text.startsWith(value, start + opening)
    return {
      kind: 'scalar',
      value,
      place,
      placeAt: (offset) => (literal ? placeOf(start + opening + offset) : place),
    }
  }
}

type YamlProblem = Document['errors' | 'warnings'][number]

/** Problems that leave the rest of the text readable, so that each of them is a mistake of its own. */
const LOCAL: readonly YamlProblem['code'][] = ['DUPLICATE_KEY', 'TAG_RESOLVE_FAILED']

/** Where the parser has lost its way, all that it says from there on is about its own guesses. */
function telling(problems: readonly YamlProblem[]): YamlProblem[] {
  const lost = problems
    .filter(({ code }) => !LOCAL.includes(code))
    .reduce((first, { pos }) => Math.min(first, pos[0]), Infinity)
  const first = problems.find(({ code, pos }) => !LOCAL.includes(code) && pos[0] === lost)
  return [
    ...problems.filter(({ code, pos }) => LOCAL.includes(code) && pos[0] < lost),
    ...(first ? [first] : []),
  ]
}

function wording({ code, message, pos: [start, end] }: YamlProblem, text: string): string {
  if (code === 'TAB_AS_INDENT') return `${message}; use blanks`
  if (code !== 'TAG_RESOLVE_FAILED') return message
  const tag = /^[^\s,[\]{}]+/.exec(text.slice(start, Math.max(end, start + 1)))?.[0] ?? ''
  return `YAML reads \`${tag}\` as a tag; write \`not\` in a condition, and quotes around a text that begins with \`!\``
}

/** The plain JSON value of a tree. */
export function yamlToJson(node: YamlNode): Json {
  switch (node.kind) {
    case 'scalar':
      return node.value
    case 'list':
      return node.items.map(yamlToJson)
    case 'map':
      return Object.fromEntries([...node.entries.values()].map(({ key, value }) => [key, yamlToJson(value)]))
  }
}

/** Where the field stands; what is missing is missed where the map begins that lacks it. */
export function placeOf(tree: YamlNode, field: readonly PropertyKey[]): Place {
  let node: YamlNode = tree
  let place = tree.place
  for (const part of field) {
    if (node.kind === 'map') {
      const entry = node.entries.get(String(part))
      if (entry === undefined) return place
      node = entry.value
      place = entry.place
    } else if (node.kind === 'list') {
      const item = node.items[Number(part)]
      if (item === undefined) return place
      node = item
      place = item.place
    }
  }
  return place
}
