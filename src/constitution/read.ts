/** The first stage: files become facts, rules and tables whose every part knows its place; nothing is checked against another yet. */
import { didYouMean, type Issues, type Place } from '../base/issue.ts'
import type { Json } from '../base/canonical-json.ts'
import { readYaml, yamlToJson, type YamlMap, type YamlNode, type YamlScalar } from '../base/yaml-source.ts'
import { ACTION_TYPES, type ActionType } from '../protocol/action.ts'
import { ExpressionError, parseExpression, type Expression } from './expression.ts'
import { asMap, choiceOf, Fields } from './fields.ts'
import {
  EFFECTS,
  SCOPE_KINDS,
  WINDOW_STREAMS,
  type Fact,
  type Origin,
  type Raise,
  type Rule,
  type WindowFunction,
} from './model.ts'
import { readTable, type Table } from './table.ts'
import { parseDimension, UNIT_WORDS, type FactType } from './units.ts'

/** Paths relative to the constitution's directory, with their texts. */
export type Files = ReadonlyMap<string, string>

/** A rule or fact with the places of its parts, for the checks that follow. */
export interface ReadRule extends Rule {
  readonly places: {
    readonly condition: YamlScalar
    readonly unless: YamlScalar | undefined
    readonly actions: Place
    readonly where: ReadonlyMap<string, readonly YamlScalar[]>
    readonly wherePlaces: ReadonlyMap<string, Place>
  }
}

export interface ReadFact extends Fact {
  readonly places: {
    readonly expression: YamlScalar | undefined
    readonly always: YamlScalar | undefined
    readonly by: readonly YamlScalar[]
  }
}

export interface Draft {
  readonly name: string
  readonly version: string
  readonly effectiveFrom: string
  readonly currency: string
  readonly facts: ReadonlyMap<string, ReadFact>
  readonly subjects: ReadonlyMap<string, readonly ActionType[]>
  readonly subjectPlaces: ReadonlyMap<string, Place>
  readonly rules: readonly ReadRule[]
  readonly tables: ReadonlyMap<string, Table>
  /** The manifest, facts and rules as plain values, for the canonical form. */
  readonly plain: { readonly manifest: Json; readonly facts: Json; readonly rules: ReadonlyMap<string, Json> }
}

/** Reads a constitution's files (cases aside). Answers `undefined` after reporting to `issues` when a part is missing. */
export function readConstitution(files: Files, issues: Issues): Draft | undefined {
  for (const path of files.keys()) checkPath(path, issues)
  const manifestNode = readFile(files, 'constitution.yaml', issues)
  const factsNode = readFile(files, 'facts.yaml', issues)
  const manifest = manifestNode && readManifest(manifestNode, issues)
  const vocabulary = factsNode && readFacts(factsNode, issues)
  const rules = new Map<string, ReadRule>()
  const plainRules = new Map<string, Json>()
  const tables = new Map<string, Table>()
  for (const [path, text] of files) {
    if (/^rules\/[^/]+\.yaml$/.test(path)) {
      const node = readYaml(path, text, issues)
      if (node !== undefined) readRules(path, node, rules, plainRules, issues)
    } else if (/^tables\/[^/]+\.csv$/.test(path)) {
      const name = path.slice('tables/'.length, -'.csv'.length)
      const table = readTable(name, path, text, issues)
      if (table !== undefined) tables.set(name, table)
    }
  }
  if (manifest === undefined || vocabulary === undefined || issues.failed) return undefined
  if (rules.size === 0) {
    issues.error(
      { file: 'constitution.yaml', line: 1, column: 1 },
      'there is no rule in `rules/`; a constitution without rules would allow everything',
    )
    return undefined
  }
  const byId = [...rules.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  return {
    ...manifest.value,
    ...vocabulary.value,
    rules: byId,
    tables: new Map([...tables].sort(([a], [b]) => (a < b ? -1 : 1))),
    plain: { manifest: manifest.plain, facts: vocabulary.plain, rules: plainRules },
  }
}

function readFile(files: Files, path: string, issues: Issues): YamlNode | undefined {
  const text = files.get(path)
  if (text !== undefined) return readYaml(path, text, issues)
  issues.error({ file: path, line: 1, column: 1 }, 'this file is missing')
  return undefined
}

/** A rule in a file that is not read would silently not hold, so every file must be one that is. */
function checkPath(path: string, issues: Issues): void {
  const known =
    path === 'constitution.yaml' ||
    path === 'facts.yaml' ||
    /^rules\/[^/]+\.yaml$/.test(path) ||
    /^tables\/[^/]+\.csv$/.test(path) ||
    /^cases\/(?:worlds\/)?[^/]+\.yaml$/.test(path) ||
    path.endsWith('.md')
  if (known) return
  const renamed = path.replace(/\.yml$/, '.yaml')
  const fix = renamed === path ? 'move it out of the constitution' : `rename it to \`${renamed}\``
  issues.error({ file: path, line: 1, column: 1 }, `this file would not be read; ${fix}`)
}

const MANIFEST_KEYS = ['name', 'version', 'effectiveFrom', 'currency']

function readManifest(node: YamlNode, issues: Issues) {
  const map = asMap(node, 'constitution.yaml', node.place, issues)
  if (map === undefined) return undefined
  const fields = new Fields(map, 'constitution.yaml', MANIFEST_KEYS, issues)
  const name = fields.text('name', 'required')
  const version = fields.text('version', 'required')
  const effectiveFrom = fields.text('effectiveFrom', 'required')
  const currency = fields.text('currency', 'required')
  if (name === undefined || version === undefined || effectiveFrom === undefined || currency === undefined)
    return undefined
  if (!/^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/.test(version)) {
    issues.error(
      fields.node('version')?.place ?? fields.place,
      `\`${version}\` is no semantic version such as 1.0.0`,
    )
  }
  if (Number.isNaN(Date.parse(effectiveFrom)) || !/^\d{4}-\d{2}-\d{2}T/.test(effectiveFrom)) {
    issues.error(
      fields.node('effectiveFrom')?.place ?? fields.place,
      `\`${effectiveFrom}\` is no time such as 2026-12-01T00:00:00Z`,
    )
  }
  if (!/^[A-Z][A-Z0-9]{2,7}$/.test(currency)) {
    issues.error(fields.node('currency')?.place ?? fields.place, `\`${currency}\` is no currency such as USD`)
  }
  return { value: { name, version, effectiveFrom, currency }, plain: yamlToJson(map) }
}

function readFacts(node: YamlNode, issues: Issues) {
  const map = asMap(node, 'facts.yaml', node.place, issues)
  if (map === undefined) return undefined
  const fields = new Fields(map, 'facts.yaml', ['actions', 'facts'], issues)
  const subjects = new Map<string, readonly ActionType[]>()
  const subjectPlaces = new Map<string, Place>()
  const actions = fields.node('actions')
  if (actions !== undefined) {
    const actionMap = asMap(actions, '`actions`', actions.place, issues)
    if (actionMap !== undefined) {
      const listed = new Fields(actionMap, '`actions`', [...actionMap.entries.keys()], issues)
      for (const { key, place } of actionMap.entries.values()) {
        const types = (listed.texts(key, 'required') ?? []).map((text) =>
          choiceOf(text, key, ACTION_TYPES, issues),
        )
        subjects.set(
          key,
          types.filter((type) => type !== undefined),
        )
        subjectPlaces.set(key, place)
      }
    }
  }
  const facts = new Map<string, ReadFact>()
  const factMap = asMap(fields.node('facts'), '`facts`', fields.place, issues)
  for (const { key, place, value } of factMap?.entries.values() ?? []) {
    if (!/^[a-z][A-Za-z0-9]*(?:\.[a-z][A-Za-z0-9]*)+$/.test(key)) {
      issues.error(place, `\`${key}\` is no name for a fact; write subject.quantity, as in order.value`)
    }
    const definition = asMap(value, `the fact \`${key}\``, place, issues)
    const fact = definition && readFact(key, place, definition, issues)
    if (fact !== undefined) facts.set(key, fact)
  }
  return { value: { facts, subjects, subjectPlaces }, plain: yamlToJson(map) }
}

const FACT_KEYS = [
  'type',
  'source',
  'maxAge',
  'always',
  'table',
  'column',
  'count',
  'sum',
  'move',
  'by',
  'window',
  'is',
]

function readFact(name: string, place: Place, map: YamlMap, issues: Issues): ReadFact | undefined {
  const fields = new Fields(map, `the fact \`${name}\``, FACT_KEYS, issues)
  const type = readType(fields, issues)
  const expression = fields.scalar('is', 'optional')
  const by = fields.texts('by', 'optional') ?? []
  const origin = readOrigin(fields, by, issues)
  const maxAge = readDuration(fields, 'maxAge', issues)
  const alwaysNode = fields.scalar('always', 'optional')
  let always: Fact['always']
  if (alwaysNode !== undefined) {
    if (alwaysNode.value === true) always = true
    else if (typeof alwaysNode.value === 'string') always = readExpression(alwaysNode, issues)
    else issues.error(alwaysNode.place, '`always` is `true` or a condition')
  }
  if (type === undefined || origin === undefined) return undefined
  if (always !== undefined && maxAge !== undefined)
    issues.error(fields.placeOf('maxAge'), 'a fact that may be too old is not `always` there')
  return { name, type, origin, maxAge, always, place, places: { expression, always: alwaysNode, by } }
}

function readType(fields: Fields, issues: Issues): FactType | undefined {
  const node = fields.node('type')
  if (node?.kind === 'list') {
    const values = (fields.texts('type', 'required') ?? []).map((text) => String(text.value))
    if (new Set(values).size !== values.length || values.length < 2) {
      issues.error(node.place, 'an enumeration lists at least two values, each once')
    }
    return { kind: 'enum', values }
  }
  const text = fields.text('type', 'required')
  if (text === undefined) return undefined
  if (text === 'boolean' || text === 'text') return { kind: text }
  const dimension = parseDimension(text)
  if (dimension !== undefined) return { kind: 'number', dimension }
  issues.error(
    node?.place ?? fields.place,
    `unknown type \`${text}\`${didYouMean(text, ['boolean', 'text', ...UNIT_WORDS])}`,
  )
  return undefined
}

function readOrigin(fields: Fields, by: readonly YamlScalar[], issues: Issues): Origin | undefined {
  const windows = (['count', 'sum', 'move'] as const).filter((key) => fields.has(key))
  const ways = [
    fields.has('is'),
    fields.has('table'),
    windows.length > 0,
    fields.has('source') && !fields.has('table'),
  ]
  if (ways.filter(Boolean).length !== 1 || windows.length > 1) {
    issues.error(
      fields.place,
      'a fact comes from one place: `source`, `table`, `count`, `sum`, `move` or `is`',
    )
    return undefined
  }
  const stray = (keys: readonly string[]): void => {
    for (const key of keys)
      if (fields.has(key)) issues.error(fields.placeOf(key), `\`${key}\` says nothing here`)
  }
  if (fields.has('is')) {
    stray(['column', 'by', 'window', 'maxAge', 'always'])
    const node = fields.scalar('is', 'required')
    const expression = node && readExpression(node, issues)
    return expression && { kind: 'derived', expression }
  }
  if (fields.has('table')) {
    stray(['by', 'window', 'maxAge', 'always'])
    const table = fields.text('table', 'required')
    if (table === undefined) return undefined
    if (!fields.has('source')) return { kind: 'table', table, column: fields.text('column', 'optional') }
    stray(['column'])
    fields.choice('source', ['clock'], 'required')
    return { kind: 'session', table }
  }
  stray(['column'])
  const [window] = windows
  if (window === undefined) {
    stray(['by', 'window'])
    const source = fields.choice('source', ['action', 'ledger', 'market', 'clock'], 'required')
    return source && { kind: 'measured', source }
  }
  stray(['maxAge', 'always'])
  return readWindow(fields, window, by, issues)
}

function readWindow(
  fields: Fields,
  kind: WindowFunction,
  by: readonly YamlScalar[],
  issues: Issues,
): Origin | undefined {
  const of = fields.choice(kind, WINDOW_STREAMS[kind], 'required')
  if (by.length === 0)
    issues.error(fields.placeOf('by'), 'a window needs `by`: the facts that tell one count from another')
  const node = fields.scalar('window', 'required')
  const window = node?.value === 'day' ? 'day' : readDuration(fields, 'window', issues)
  if (of === undefined || window === undefined) return undefined
  return { kind: 'window', function: kind, of, by: by.map((text) => String(text.value)), window }
}

function readDuration(fields: Fields, key: string, issues: Issues): number | undefined {
  const node = fields.scalar(key, 'optional')
  if (node === undefined) return undefined
  const expression = typeof node.value === 'string' ? readExpression(node, issues) : undefined
  const isDuration =
    expression?.kind === 'number' &&
    typeof expression.unit === 'object' &&
    'duration' in expression.unit &&
    expression.unit.duration === 1
  if (isDuration) return expression.value
  issues.error(node.place, `\`${node.value}\` is no duration such as 500ms, 2s, 5min, 24h or 2d`)
  return undefined
}

/** Parses the expression in `node`; a mistake is reported at its own character. */
export function readExpression(node: YamlScalar, issues: Issues): Expression | undefined {
  const text = node.value === null ? '' : String(node.value)
  try {
    return parseExpression(text)
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    issues.error(node.placeAt(error.offset), error.message)
    return undefined
  }
}

const RULE_KEYS = [
  'id',
  'title',
  'why',
  'cites',
  'checks',
  'applies',
  ...EFFECTS,
  'to',
  'unless',
  'mode',
  'raise',
  'grantable',
]

function readRules(
  path: string,
  node: YamlNode,
  rules: Map<string, ReadRule>,
  plain: Map<string, Json>,
  issues: Issues,
): void {
  const map = asMap(node, path, node.place, issues)
  if (map === undefined) return
  const fields = new Fields(map, path, ['rules'], issues)
  const list = fields.node('rules')
  if (list?.kind !== 'list') {
    issues.error(list?.place ?? map.place, '`rules` is a list')
    return
  }
  for (const item of list.items) {
    const ruleMap = asMap(item, 'a rule', item.place, issues)
    const rule = ruleMap && readRule(ruleMap, issues)
    if (rule === undefined || ruleMap === undefined) continue
    const twin = rules.get(rule.id)
    if (twin !== undefined) {
      issues.error(rule.place, `the id \`${rule.id}\` is taken by ${twin.place.file}:${twin.place.line}`)
      continue
    }
    rules.set(rule.id, rule)
    plain.set(rule.id, yamlToJson(ruleMap))
  }
}

function readRule(map: YamlMap, issues: Issues): ReadRule | undefined {
  const fields = new Fields(map, 'a rule', RULE_KEYS, issues)
  const id = fields.text('id', 'required')
  const title = fields.text('title', 'required')
  const why = fields.text('why', 'optional')
  const cites = (fields.texts('cites', 'optional') ?? []).map((text) => String(text.value))
  const checks = (fields.texts('checks', 'optional') ?? []).map((text) => String(text.value))
  const applies = readApplies(fields, issues)
  const effects = EFFECTS.filter((effect) => fields.has(effect))
  if (effects.length !== 1) issues.error(fields.place, `a rule has one of ${EFFECTS.join(', ')}`)
  const [effect] = effects
  const to = fields.text('to', effect === 'escalate' ? 'required' : 'optional')
  if (to !== undefined && effect !== 'escalate')
    issues.error(fields.placeOf('to'), '`to` goes with `escalate`')
  const conditionNode = effect && fields.scalar(effect, 'required')
  const condition = conditionNode && readExpression(conditionNode, issues)
  const unlessNode = fields.scalar('unless', 'optional')
  const unless = unlessNode && readExpression(unlessNode, issues)
  const mode = fields.choice('mode', ['enforce', 'shadow'], 'optional') ?? 'enforce'
  const raise = readRaise(fields, issues)
  const grantable = fields.flag('grantable') ?? false
  if (id !== undefined && !/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(id)) {
    issues.error(fields.node('id')?.place ?? fields.place, `\`${id}\` is no id; write it as order-value-cap`)
  }
  if (id === undefined || title === undefined || effect === undefined || applies === undefined)
    return undefined
  if (
    condition === undefined ||
    conditionNode === undefined ||
    (unlessNode !== undefined && unless === undefined)
  )
    return undefined
  return {
    id,
    code: id.toUpperCase().replaceAll('-', '_'),
    title,
    why,
    cites,
    checks,
    actions: applies.actions,
    where: [...applies.where].map(([fact, values]) => ({
      fact,
      values: values.map((value) => String(value.value)),
    })),
    effect,
    to,
    condition,
    unless,
    mode,
    raise,
    grantable,
    place: fields.node('id')?.place ?? fields.place,
    places: {
      condition: conditionNode,
      unless: unlessNode,
      actions: applies.place,
      where: applies.where,
      wherePlaces: applies.wherePlaces,
    },
  }
}

function readApplies(fields: Fields, issues: Issues) {
  const map = asMap(fields.node('applies'), '`applies`', fields.place, issues)
  if (map === undefined) return undefined
  const applies = new Fields(map, '`applies`', [...map.entries.keys()], issues)
  const texts = applies.texts('actions', 'required')
  const actions = (texts ?? [])
    .map((text) => choiceOf(text, 'actions', ACTION_TYPES, issues))
    .filter((type) => type !== undefined)
  if (texts !== undefined && actions.length === 0)
    issues.error(applies.placeOf('actions'), 'a rule applies to at least one action')
  const where = new Map<string, readonly YamlScalar[]>()
  const wherePlaces = new Map<string, Place>()
  for (const { key, place } of map.entries.values()) {
    if (key === 'actions') continue
    const values = applies.texts(key, 'required') ?? []
    if (values.length === 0) issues.error(place, `\`${key}\` lists no value, so the rule would never apply`)
    where.set(key, values)
    wherePlaces.set(key, place)
  }
  return { actions, where, wherePlaces, place: applies.placeOf('actions') }
}

function readRaise(fields: Fields, issues: Issues): Raise | undefined {
  const node = fields.node('raise')
  if (node === undefined) return undefined
  const map = asMap(node, '`raise`', node.place, issues)
  if (map === undefined) return undefined
  const raise = new Fields(map, '`raise`', ['state', 'scope'], issues)
  const state = raise.choice('state', ['reducing', 'halted'], 'required')
  const scope = raise.choice('scope', SCOPE_KINDS, 'required')
  return state && scope && { state, scope }
}
