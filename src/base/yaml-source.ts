/** YAML as a tree in which every key and value knows its place, for error messages that point. */
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Node, type Scalar } from 'yaml'
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

/**
 * Reads one YAML document. YAML's own warnings count as errors, and so do anchors, aliases, tags and keys that are not
 * text: they hide what a reader of the file would believe. Answers `undefined` after reporting to `issues`.
 */
export function readYaml(file: string, text: string, issues: Issues): YamlNode | undefined {
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
  for (const problem of [...document.errors, ...document.warnings])
    issues.error(placeOf(problem.pos[0]), problem.message)
  if (document.errors.length + document.warnings.length > 0) return undefined
  if (document.contents === null)
    return { kind: 'scalar', value: null, place: placeOf(0), placeAt: () => placeOf(0) }
  return convert(document.contents)

  function convert(node: Node): YamlNode | undefined {
    const place = placeOf(node.range?.[0] ?? 0)
    if (isAlias(node) || ('anchor' in node && node.anchor !== undefined)) {
      issues.error(place, 'anchors and aliases are not read here; write it out')
      return undefined
    }
    if (node.tag !== undefined) {
      issues.error(place, `the tag \`${node.tag}\` is not read here`)
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
