/** Reads `facts.yaml`: the vocabulary, and which action each subject can be read for. */
import { didYouMean, type Issues, type Place } from '../base/issue.ts'
import { yamlToJson, type YamlMap, type YamlNode, type YamlScalar } from '../base/yaml-source.ts'
import { ACTION_TYPES, type ActionType } from '../protocol/action.ts'
import type { ReadFact } from './draft.ts'
import { asMap, choiceOf, Fields } from '../base/fields.ts'
import { WINDOW_STREAMS, type Fact, type Origin, type WindowFunction } from './model.ts'
import { readDuration, readExpression } from './read-expression.ts'
import { isTimezone, zoneProblem } from './session.ts'
import { parseDimension, UNIT_WORDS, type FactType } from './units.ts'

/** The facts and subjects of the file; `undefined` after reporting to `issues` when it is no map. */
export function readFacts(node: YamlNode, issues: Issues) {
  const map = asMap(node, 'facts.yaml', issues)
  if (map === undefined) return undefined
  const fields = new Fields(map, 'facts.yaml', ['actions', 'facts'], issues)
  const subjects = new Map<string, readonly ActionType[]>()
  const subjectPlaces = new Map<string, Place>()
  const actions = fields.node('actions')
  if (actions !== undefined) {
    const actionMap = asMap(actions, '`actions`', issues)
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
  const list = fields.required('facts')
  const factMap = list && asMap(list, '`facts`', issues)
  for (const { key, place, value } of factMap?.entries.values() ?? []) {
    if (!/^[a-z][A-Za-z0-9]*(?:\.[a-z][A-Za-z0-9]*)+$/.test(key)) {
      issues.error(place, `\`${key}\` is no name for a fact; write subject.quantity, as in order.value`)
    }
    const definition = asMap(value, `the fact \`${key}\``, issues)
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
  'zone',
  'calendar',
  'denied',
  'is',
]

/** What only a window is made of. */
const WINDOW_KEYS = ['by', 'window', 'zone', 'calendar', 'denied']

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
    if (new Set(values).size !== values.length || node.items.length < 2) {
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
  const places = ways.filter(Boolean).length
  if (places !== 1 || windows.length > 1) {
    if (places > 0 || !fields.isMisspelt('source', 'table', 'count', 'sum', 'move', 'is')) {
      issues.error(
        fields.place,
        'a fact comes from one place: `source`, `table`, `count`, `sum`, `move` or `is`',
      )
    }
    return undefined
  }
  const stray = (keys: readonly string[]): void => {
    for (const key of keys)
      if (fields.has(key)) issues.error(fields.placeOf(key), `\`${key}\` says nothing here`)
  }
  if (fields.has('is')) {
    stray(['column', ...WINDOW_KEYS, 'maxAge', 'always'])
    const node = fields.scalar('is', 'required')
    const expression = node && readExpression(node, issues)
    return expression && { kind: 'derived', expression }
  }
  if (fields.has('table')) {
    stray([...WINDOW_KEYS, 'maxAge', 'always'])
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
    const source = fields.choice('source', ['action', 'ledger', 'market', 'clock'], 'required')
    stray(source === 'ledger' ? WINDOW_KEYS.filter((key) => key !== 'calendar') : WINDOW_KEYS)
    const calendar = source === 'ledger' ? fields.text('calendar', 'optional') : undefined
    return source && { kind: 'measured', source, ...(calendar === undefined ? {} : { calendar }) }
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
  if (fields.isEmpty('by') || (!fields.has('by') && !fields.isMisspelt('by')))
    issues.error(fields.placeOf('by'), 'a window needs `by`: the facts that tell one count from another')
  const node = fields.scalar('window', 'required')
  const window = node?.value === 'day' ? 'day' : readDuration(fields, 'window', issues)
  const calendar = readCalendar(fields, kind, window, issues)
  const zone = calendar === undefined ? readZone(fields, window, issues) : undefined
  const denied = readDenied(fields, of, issues)
  if (of === undefined || window === undefined) return undefined
  return {
    kind: 'window',
    function: kind,
    of,
    by: by.map((text) => String(text.value)),
    window,
    zone,
    calendar,
    denied,
  }
}

/** The table whose trading day it is; nobody's midnight matters then. */
function readCalendar(
  fields: Fields,
  kind: WindowFunction,
  window: number | 'day' | undefined,
  issues: Issues,
): string | undefined {
  const calendar = fields.text('calendar', 'optional')
  if (calendar === undefined) return undefined
  const place = fields.placeOf('calendar')
  if (window !== 'day')
    issues.error(place, '`calendar` says when a trading day begins; it goes with `window: day`')
  if (kind === 'move') issues.error(place, '`calendar` goes with `count` and `sum`')
  if (fields.has('zone'))
    issues.error(
      fields.placeOf('zone'),
      'the sessions of `calendar` have time zones of their own; leave `zone` out',
    )
  return calendar
}

/** Where the day begins: a day is one of somewhere, and of UTC where nothing is said. */
function readZone(fields: Fields, window: number | 'day' | undefined, issues: Issues): string | undefined {
  const zone = fields.text('zone', 'optional')
  if (zone !== undefined && window !== 'day')
    issues.error(fields.placeOf('zone'), '`zone` says where a day begins; it goes with `window: day`')
  if (zone !== undefined && !isTimezone(zone))
    issues.error(fields.placeOf('zone'), `\`${zone}\` is no time zone such as America/New_York`)
  const problem = zone === undefined ? undefined : zoneProblem(zone)
  if (problem !== undefined) issues.slip(fields.placeOf('zone'), problem)
  return window === 'day' ? (zone ?? 'UTC') : undefined
}

/** Streams of what was asked for, which may have been denied; what was filled or transferred never was. */
const ASKED = ['messages', 'orders', 'cancels']

function readDenied(fields: Fields, of: string | undefined, issues: Issues): boolean {
  const denied = fields.flag('denied')
  if (denied !== undefined && of !== undefined && !ASKED.includes(of))
    issues.error(
      fields.placeOf('denied'),
      `\`denied\` says nothing here: only ${ASKED.join(', ')} can be denied`,
    )
  return denied ?? false
}
