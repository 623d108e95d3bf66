/** Conditions of the routing policy: read with their places, held against the facts of a constitution, and judged in three values. */
import { byPlace, didYouMean, Issues, type Issue, type Place } from '../base/issue.ts'
import { choiceOf, Fields } from '../base/fields.ts'
import type { YamlMap, YamlScalar } from '../base/yaml-source.ts'
import { ACTION_TYPES, type ActionType } from '../protocol/action.ts'
import { Name, SCHEMA_VERSION } from '../protocol/common.ts'
import { EXPERT_FIELDS } from '../protocol/policy.ts'
import { ROUTES_MAX, WHEN_MAX, type Route, type RoutingPolicy } from '../protocol/routing.ts'
import { unreadable } from './check.ts'
import { compile, type Program } from './compile.ts'
import { parseExpression, walk, type Expression } from './expression.ts'
import type { Constitution, Rule } from './model.ts'
import { readExpression } from './read-expression.ts'
import { readPolicy } from './read-policy.ts'
import { checkCondition } from './types.ts'

/** What routes are held against. */
export interface RoutingContext {
  /** Names of the policies on votes. */
  readonly policies: readonly string[]
  /** Whose facts conditions read; `undefined` where none is there yet. */
  readonly constitution: Constitution | undefined
}

export interface CheckedRouting {
  /** Present when no issue is an error. */
  readonly content: RoutingPolicy | undefined
  readonly issues: readonly Issue[]
}

/** Reads and checks the text of the file at `path`. */
export function checkRouting(path: string, text: string, context: RoutingContext): CheckedRouting {
  const issues = new Issues()
  const routes = readPolicy(path, text, 'routes', (map) => readRoute(map, context, issues), issues)
  if (routes !== undefined && routes.length > ROUTES_MAX)
    issues.error({ file: path, line: 1, column: 1 }, `at most ${ROUTES_MAX} routes are kept`)
  const isWhole = routes !== undefined && !issues.failed
  return {
    content: isWhole ? { schema: SCHEMA_VERSION, routes: [...routes] } : undefined,
    issues: issues.list.toSorted(byPlace),
  }
}

function readRoute(map: YamlMap, context: RoutingContext, issues: Issues): Route | undefined {
  const fields = new Fields(map, 'a route', ['id', 'title', 'policy', 'when', 'ask'], issues)
  const placeOf = (key: string): Place => fields.node(key)?.place ?? fields.place
  const id = fields.text('id', 'required')
  const title = fields.text('title', 'required')
  const policy = fields.text('policy', 'required')
  const when = fields.scalar('when', 'required')
  const asked = fields.texts('ask', 'required')
  const ask = asked
    ?.map((text) => choiceOf(text, 'ask', EXPERT_FIELDS, issues))
    .filter((field) => field !== undefined)
  if (asked?.length === 0) issues.error(placeOf('ask'), '`ask` names at least one field')
  if (id !== undefined && !Name.safeParse(id).success)
    issues.error(placeOf('id'), `\`${id}\` is no id; write it as small-orders`)
  if (policy !== undefined && !context.policies.includes(policy))
    issues.error(
      placeOf('policy'),
      `no policy is called \`${policy}\`${didYouMean(policy, context.policies)}`,
    )
  const text = String(when?.value ?? '')
  if (when !== undefined && text.length > WHEN_MAX)
    issues.error(when.place, `a condition has at most ${WHEN_MAX} characters`)
  const condition = when && readExpression(when, issues)
  if (when !== undefined && condition !== undefined && context.constitution !== undefined)
    checkAgainst(context.constitution, policy, condition, when, issues)
  if (id === undefined || title === undefined || policy === undefined || ask === undefined) return undefined
  return { id, title, policy, when: text, ask: EXPERT_FIELDS.filter((field) => ask.includes(field)) }
}

/** Holds a condition against the facts, and against what can be read of the actions that are escalated to the policy. */
function checkAgainst(
  constitution: Constitution,
  policy: string | undefined,
  condition: Expression,
  node: YamlScalar,
  issues: Issues,
): void {
  const before = issues.list.length
  checkCondition(condition, {
    typeOf: (name) => constitution.facts.get(name)?.type,
    names: () => constitution.facts.keys(),
    currency: constitution.currency,
    report: (offset, message) => issues.error(node.placeAt(offset), message),
  })
  if (issues.list.length > before || policy === undefined) return
  const escalated = constitution.rules.filter(({ to }) => to === policy).flatMap(({ actions }) => actions)
  const actions: readonly ActionType[] = ACTION_TYPES.filter((type) => escalated.includes(type))
  walk(condition, (inner) => {
    if (inner.kind !== 'fact') return
    const problem = unreadable({ actions }, inner.name, constitution)
    if (problem !== undefined) issues.error(node.placeAt(inner.start), problem.message)
  })
}

/**
 * The routes as a program that finds of each whether its condition holds (`breach`), does not (`clear`), or cannot be told. Routes whose condition does not
 * read under this constitution are left out, and named in `broken`.
 */
export function compileRoutes(
  constitution: Constitution,
  { routes }: RoutingPolicy,
): { readonly program: Program; readonly broken: ReadonlySet<string> } {
  const broken = new Set<string>()
  const rules: Rule[] = []
  for (const route of routes) {
    const condition = conditionOf(constitution, route)
    if (condition === undefined) broken.add(route.id)
    else rules.push(asRule(route, condition))
  }
  return { program: compile({ ...constitution, rules }), broken }
}

function conditionOf(constitution: Constitution, { when }: Route): Expression | undefined {
  let isSound = true
  try {
    const condition = parseExpression(when)
    checkCondition(condition, {
      typeOf: (name) => constitution.facts.get(name)?.type,
      names: () => constitution.facts.keys(),
      currency: constitution.currency,
      report: () => {
        isSound = false
      },
    })
    return isSound ? condition : undefined
  } catch {
    return undefined
  }
}

/** A rule that forbids nothing and tells whether the condition holds. */
function asRule({ id, title }: Route, condition: Expression): Rule {
  return {
    id,
    code: id,
    title,
    why: undefined,
    cites: [],
    checks: [],
    actions: ACTION_TYPES,
    where: [],
    effect: 'warn',
    to: undefined,
    condition,
    unless: undefined,
    mode: 'enforce',
    raise: undefined,
    grantable: undefined,
    place: { file: 'routing.yaml', line: 1, column: 1 },
  }
}
