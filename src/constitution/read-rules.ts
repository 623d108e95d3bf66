/** Reads `rules/*.yaml`: rules by id, each with the places of its parts. */
import type { Json } from '../base/canonical-json.ts'
import type { Issues, Place } from '../base/issue.ts'
import { yamlToJson, type YamlMap, type YamlNode, type YamlScalar } from '../base/yaml-source.ts'
import { ACTION_TYPES, SCOPE_KINDS } from '../protocol/action.ts'
import type { ReadRule } from './draft.ts'
import { asMap, choiceOf, Fields } from '../base/fields.ts'
import { readGrantable } from './read-grantable.ts'
import { EFFECTS, type Raise } from './model.ts'
import { readExpression } from './read-expression.ts'

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

/** Characters of an id: those of halts and reasons have it in theirs. */
const ID_MAX = 64

/** Adds the rules of one file to `rules` and, as plain values, to `plain`. */
export function readRules(
  path: string,
  node: YamlNode,
  rules: Map<string, ReadRule>,
  plain: Map<string, Json>,
  issues: Issues,
): void {
  const map = asMap(node, path, issues)
  if (map === undefined) return
  const fields = new Fields(map, path, ['rules'], issues)
  const list = fields.required('rules')
  if (list?.kind !== 'list') {
    if (list !== undefined) issues.error(list.place, '`rules` is a list')
    return
  }
  for (const item of list.items) {
    const ruleMap = asMap(item, 'a rule', issues)
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
  const named = fields.isMisspelt(...EFFECTS) || fields.hasStranger
  if (effects.length > 1 || (effects.length === 0 && !named))
    issues.error(fields.place, `a rule has one of ${EFFECTS.join(', ')}`)
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
  if (id !== undefined) {
    const place = fields.node('id')?.place ?? fields.place
    const message = `\`${id}\` is no id; write it as order-value-cap, in ${ID_MAX} characters at most`
    if (!/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/.test(id)) issues.error(place, message)
    else if (id.length > ID_MAX) issues.slip(place, message)
  }
  if (id === undefined || title === undefined || effect === undefined || applies === undefined)
    return undefined
  if (
    condition === undefined ||
    conditionNode === undefined ||
    (unlessNode !== undefined && unless === undefined)
  )
    return undefined
  const { grantable, upTo, problem } = readGrantable(fields, { effect, raise, condition }, issues)
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
      grantable: fields.placeOf('grantable'),
      upTo,
      notGrantable: problem,
    },
  }
}

function readApplies(fields: Fields, issues: Issues) {
  const node = fields.required('applies')
  const map = node && asMap(node, '`applies`', issues)
  if (map === undefined) return undefined
  const applies = new Fields(map, '`applies`', [...map.entries.keys()], issues)
  const actions = (applies.texts('actions', 'required') ?? [])
    .map((text) => choiceOf(text, 'actions', ACTION_TYPES, issues))
    .filter((type) => type !== undefined)
  if (applies.isEmpty('actions'))
    issues.error(applies.placeOf('actions'), 'a rule applies to at least one action')
  const where = new Map<string, readonly YamlScalar[]>()
  const wherePlaces = new Map<string, Place>()
  for (const { key, place } of map.entries.values()) {
    if (key === 'actions') continue
    const values = applies.texts(key, 'required') ?? []
    if (applies.isEmpty(key)) issues.error(place, `\`${key}\` lists no value, so the rule would never apply`)
    where.set(key, values)
    wherePlaces.set(key, place)
  }
  return { actions, where, wherePlaces, place: applies.placeOf('actions') }
}

function readRaise(fields: Fields, issues: Issues): Raise | undefined {
  const node = fields.node('raise')
  if (node === undefined) return undefined
  const map = asMap(node, '`raise`', issues)
  if (map === undefined) return undefined
  const raise = new Fields(map, '`raise`', ['state', 'scope'], issues)
  const state = raise.choice('state', ['reducing', 'halted'], 'required')
  const scope = raise.choice('scope', SCOPE_KINDS, 'required')
  return state && scope && { state, scope }
}
