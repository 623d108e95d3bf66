/** Reads what a rule says about exceptions to it: `grantable: true`, or how far, how long and how often. */
import type { Issues } from '../base/issue.ts'
import type { YamlScalar } from '../base/yaml-source.ts'
import { walk, type Expression } from './expression.ts'
import { asMap, Fields } from '../base/fields.ts'
import type { Grantable, Rule } from './model.ts'
import { readDuration, readExpression } from './read-expression.ts'

/** What holds where a rule says no more than `grantable: true`: twice its limit, four hours, ten actions. */
export const GRANTABLE_DEFAULTS = { times: 2, within: 4 * 3_600_000, uses: 10 } as const
/** What no rule can go beyond: an exception that lasts longer, or is used more often, is another rule. */
export const GRANTABLE_MAX = { within: 24 * 3_600_000, uses: 1_000 } as const

/** A comparison that bounds what is observed from above. */
type Bounded = Expression & { readonly kind: 'compare'; readonly operator: '>' | '>=' }

/** What stands under `grantable`. */
interface ReadGrantable {
  readonly grantable: Grantable | undefined
  readonly upTo: YamlScalar | undefined
  /** Why the rule cannot have it. */
  readonly problem: string | undefined
}

/** Reads `grantable`, for a rule of which the rest was read. */
export function readGrantable(
  fields: Fields,
  rule: Pick<Rule, 'effect' | 'raise' | 'condition'>,
  issues: Issues,
): ReadGrantable {
  const none: ReadGrantable = { grantable: undefined, upTo: undefined, problem: undefined }
  const node = fields.node('grantable')
  if (node === undefined || (node.kind === 'scalar' && fields.flag('grantable') !== true)) return none
  const map = node.kind === 'scalar' ? undefined : asMap(node, '`grantable`', issues)
  if (node.kind !== 'scalar' && map === undefined) return none
  const terms = map && new Fields(map, '`grantable`', ['upTo', 'within', 'uses'], issues)
  const upTo = terms?.scalar('upTo', 'optional')
  const widest = upTo && readExpression(upTo, issues)
  const within = terms && readDuration(terms, 'within', issues)
  const uses = terms && readUses(terms, issues)
  if (within !== undefined && (within <= 0 || within > GRANTABLE_MAX.within))
    issues.error(fields.placeOf('grantable'), 'a grant lasts at most 24h')
  const bounded = boundedComparison(rule.condition)
  const problem = whyNot(rule, bounded)
  if (problem !== undefined || bounded === undefined) return { ...none, problem }
  const grantable: Grantable = {
    operator: bounded.operator,
    observed: bounded.left,
    limit: bounded.right,
    upTo: widest ?? timesLimit(bounded.right),
    within: within ?? GRANTABLE_DEFAULTS.within,
    uses: uses ?? GRANTABLE_DEFAULTS.uses,
  }
  return { grantable, upTo, problem }
}

function whyNot(
  { effect, raise }: Pick<Rule, 'effect' | 'raise'>,
  bounded: Bounded | undefined,
): string | undefined {
  if (effect === 'escalate') return '`grantable` goes with `forbid`: what is escalated has its quorum'
  if (effect === 'warn') return '`grantable` goes with `forbid`: a warning holds nothing back'
  if (raise !== undefined)
    return 'a rule that raises a trading state is not grantable: what stops trading holds for everybody'
  if (bounded !== undefined) return undefined
  return 'a grant puts another limit in the place of the rule’s own, so a grantable rule forbids by one comparison, `observed > limit` or `observed >= limit`, alone or joined by `and` with conditions that compare no numbers'
}

function readUses(terms: Fields, issues: Issues): number | undefined {
  const scalar = terms.scalar('uses', 'optional')
  if (scalar === undefined) return undefined
  const { value } = scalar
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= GRANTABLE_MAX.uses)
    return value
  issues.error(scalar.place, `\`uses\` is a whole number from 1 to ${GRANTABLE_MAX.uses}`)
  return undefined
}

function timesLimit(limit: Expression): Expression {
  const { start, end } = limit
  const factor: Expression = { kind: 'number', value: GRANTABLE_DEFAULTS.times, unit: 'bare', start, end }
  return { kind: 'arithmetic', operator: '*', left: factor, right: limit, start, end }
}

/** The one comparison that must hold for the condition to, where it bounds from above. Every other condition stays as it is under a grant. */
function boundedComparison(condition: Expression): Bounded | undefined {
  if (condition.kind === 'compare') return isBounded(condition) ? condition : undefined
  if (condition.kind !== 'and') return undefined
  const [telling, ...more] = condition.of.filter(compares)
  return telling === undefined || more.length > 0 ? undefined : boundedComparison(telling)
}

function isBounded(comparison: Expression & { kind: 'compare' }): comparison is Bounded {
  return comparison.operator === '>' || comparison.operator === '>='
}

function compares(expression: Expression): boolean {
  let found = false
  walk(expression, (node) => {
    if (node.kind === 'compare') found = true
  })
  return found
}
