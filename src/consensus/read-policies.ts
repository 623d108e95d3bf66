/** Reads `policies/consensus.yaml`: named policies, each whole or as far as it differs from the defaults. */
import { asMap, checkKeys, choiceOf, Fields } from '../base/fields.ts'
import { byPlace, didYouMean, formatIssue, Issues, type Issue, type Place } from '../base/issue.ts'
import { millisecondsFromText, shareFromText, type Fraction } from '../base/literal.ts'
import { readYaml, type YamlEntry, type YamlMap, type YamlNode } from '../base/yaml-source.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import { listIssues } from '../protocol/issues.ts'
import { CONSENTS, EXPERT_FIELDS, GROUPS, Policy, WARN_OR_REFUSE, type Group } from '../protocol/policy.ts'

export interface Policies {
  /** By the name that rules give in `to`. Empty where there is any error. */
  readonly policies: ReadonlyMap<string, Policy>
  /** What is wrong, by place in the file. */
  readonly issues: readonly Issue[]
}

const KEYS = [
  'title',
  'field',
  'voters',
  'proposerVotes',
  'quorum',
  'support',
  'minimumVoters',
  'vetoes',
  'consent',
  'guardians',
  'caps',
  'weights',
  'deadline',
  'extension',
  'onDictator',
  'onPowerless',
  'envelope',
] as const

/** The policies in `text`. `needed` are the names that must be there, those that the rules of a constitution escalate to. */
export function readPolicies(file: string, text: string, needed: readonly string[] = []): Policies {
  const issues = new Issues()
  const tree = readYaml(file, text, issues)
  const map = tree && asMap(tree, file, issues)
  const policies = new Map<string, Policy>()
  if (map !== undefined) {
    const fields = new Fields(map, file, ['defaults', 'policies'], issues)
    const defaults = fields.node('defaults')
    const shared = defaults && asMap(defaults, '`defaults`', issues)
    const list = fields.required('policies')
    const named = list && asMap(list, '`policies`', issues)
    if (shared !== undefined) checkKeys(shared, '`defaults`', KEYS, issues)
    for (const entry of named?.entries.values() ?? []) {
      const policy = readPolicy(entry, shared, issues)
      if (policy !== undefined) policies.set(policy.name, policy)
    }
    if (named?.entries.size === 0) issues.error(named.place, 'there is no policy here')
    for (const name of needed) {
      if (named === undefined || named.entries.has(name)) continue
      const fix = didYouMean(name, named.entries.keys())
      issues.error(named.place, `a rule escalates to \`${name}\`, and no policy is called so${fix}`)
    }
  }
  return { policies: issues.failed ? new Map() : policies, issues: once(issues.list) }
}

/** A mistake in the defaults is found in each policy that takes them, and is one mistake. */
function once(issues: readonly Issue[]): Issue[] {
  const byText = new Map(issues.map((issue) => [formatIssue(issue), issue]))
  return [...byText.values()].toSorted(byPlace)
}

function readPolicy(entry: YamlEntry, defaults: YamlMap | undefined, issues: Issues): Policy | undefined {
  const what = `the policy \`${entry.key}\``
  const own = asMap(entry.value, what, issues)
  if (own === undefined) return undefined
  const shared = [...(defaults?.entries ?? [])].filter(([key]) => (KEYS as readonly string[]).includes(key))
  const merged: YamlMap = { kind: 'map', entries: new Map([...shared, ...own.entries]), place: entry.place }
  const before = issues.list.length
  const draft = draftOf(entry.key, new PolicyFields(merged, what, issues))
  if (issues.list.length > before) return undefined
  const parsed = Policy.safeParse(draft)
  if (parsed.success) return parsed.data
  for (const { path, message } of listIssues(parsed.error))
    issues.error(placeOf(merged, path), `${fieldOf(path)}: ${message}`)
  return undefined
}

/** What the file says, in the schema's form; the schema says whether the values make sense. */
function draftOf(name: string, fields: PolicyFields) {
  return {
    schema: SCHEMA_VERSION,
    name,
    title: fields.text('title', 'required'),
    field: fields.choice('field', EXPERT_FIELDS, 'required'),
    voters: fields.groups('voters'),
    proposerVotes: fields.required('proposerVotes') && fields.flag('proposerVotes'),
    quorum: fields.share('quorum'),
    support: fields.share('support'),
    minimumVoters: fields.number('minimumVoters'),
    vetoes: fields.groups('vetoes'),
    consent: fields.choice('consent', CONSENTS, 'required'),
    guardians: fields.groups('guardians'),
    caps: fields.part('caps', ['voter', 'owner'], (caps) => ({
      voter: caps.share('voter'),
      owner: caps.share('owner'),
    })),
    weights: fields.part('weights', ['alpha', 'beta', 'gamma', 'sharpe', 'record', 'byGroup'], (weights) => ({
      alpha: weights.share('alpha'),
      beta: weights.share('beta'),
      gamma: weights.share('gamma'),
      sharpe: weights.part('sharpe', ['from', 'to'], (sharpe) => ({
        from: sharpe.number('from'),
        to: sharpe.number('to'),
      })),
      record: weights.number('record'),
      byGroup: weights.sharesByGroup('byGroup'),
    })),
    deadline: fields.part('deadline', ['first', 'least', 'most', 'times', 'after'], (deadline) => ({
      firstMs: deadline.duration('first'),
      leastMs: deadline.duration('least'),
      mostMs: deadline.duration('most'),
      times: deadline.number('times'),
      after: deadline.number('after'),
    })),
    extension: fields.isNone('extension')
      ? null
      : fields.part('extension', ['last', 'by', 'times'], (extension) => ({
          lastMs: extension.duration('last'),
          byMs: extension.duration('by'),
          times: extension.number('times'),
        })),
    onDictator: fields.choice('onDictator', WARN_OR_REFUSE, 'required'),
    onPowerless: fields.choice('onPowerless', WARN_OR_REFUSE, 'required'),
    envelopeMs: fields.duration('envelope'),
  }
}

/** Fields with the literals of policies. */
class PolicyFields extends Fields {
  readonly #issues: Issues

  constructor(map: YamlMap, what: string, issues: Issues, known: readonly string[] = KEYS) {
    super(map, what, known, issues)
    this.#issues = issues
  }

  /** A map under `key` with fields of its own. */
  part<T>(key: string, known: readonly string[], read: (fields: PolicyFields) => T): T | undefined {
    const node = this.required(key)
    const map = node && asMap(node, `\`${key}\``, this.#issues)
    return map && read(new PolicyFields(map, `\`${key}\``, this.#issues, known))
  }

  share(key: string): Fraction | undefined {
    return this.#literal(key, shareFromText, 'share such as 2/3, 66.7% or 0.5')
  }

  duration(key: string): number | undefined {
    return this.#literal(key, millisecondsFromText, 'duration such as 500ms, 2s, 5min, 24h or 2d')
  }

  number(key: string): number | undefined {
    const scalar = this.scalar(key, 'required')
    if (typeof scalar?.value === 'number') return scalar.value
    if (scalar !== undefined) this.#issues.error(scalar.place, `\`${key}\` is a number`)
    return undefined
  }

  groups(key: string): Group[] | undefined {
    const texts = this.texts(key, 'required')
    const groups = texts?.map((text) => choiceOf(text, key, GROUPS, this.#issues))
    return groups?.filter((group) => group !== undefined)
  }

  sharesByGroup(key: string): Partial<Record<Group, Fraction | undefined>> | undefined {
    return this.part(key, GROUPS, (fields) =>
      Object.fromEntries(
        GROUPS.filter((group) => fields.has(group)).map((group) => [group, fields.share(group)]),
      ),
    )
  }

  /** Whether `none` stands under `key`. */
  isNone(key: string): boolean {
    const node = this.node(key)
    return node?.kind === 'scalar' && node.value === 'none'
  }

  #literal<T>(key: string, read: (text: string) => T | undefined, form: string): T | undefined {
    const scalar = this.scalar(key, 'required')
    if (scalar === undefined) return undefined
    const value = read(String(scalar.value))
    if (value === undefined) this.#issues.error(scalar.place, `\`${scalar.value}\` is no ${form}`)
    return value
  }
}

/** What the schema counts in milliseconds, the file writes with its unit. */
function keyOf(part: PropertyKey): string {
  return String(part).replace(/Ms$/, '')
}

function fieldOf(path: readonly PropertyKey[]): string {
  return path.length === 0
    ? 'policy'
    : path
        .filter((part) => typeof part === 'string')
        .map(keyOf)
        .join('.')
}

function placeOf(map: YamlMap, path: readonly PropertyKey[]): Place {
  let node: YamlNode = map
  let place = map.place
  for (const part of path) {
    const next: YamlNode | undefined =
      node.kind === 'map'
        ? node.entries.get(keyOf(part))?.value
        : node.kind === 'list'
          ? node.items[Number(part)]
          : undefined
    if (next === undefined) return place
    node = next
    place = next.place
  }
  return place
}
