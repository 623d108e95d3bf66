/**
 * Proves at load that missing data can't block what must stay possible (law 8), and that no rule is always unknown: each rule is interpreted
 * for every combination of the enumerations and flags that are always known.
 */
import type { Issues } from '../base/issue.ts'
import type { ActionType } from '../protocol/action.ts'
import type { Draft, ReadRule } from './draft.ts'
import {
  COMBINATIONS_MAX,
  enumerate,
  isDescribed,
  outcome,
  UNKNOWN,
  type Assignment,
  type World,
} from './outcomes.ts'

const NONE: ReadonlySet<string> = new Set()

export function checkGuards(draft: Draft, issues: Issues): void {
  for (const rule of draft.rules) {
    const assignments = enumerate(rule, draft)
    if (assignments === undefined) {
      issues.error(
        rule.place,
        `the rule reads too many enumerations to be proved safe; split it (at most ${COMBINATIONS_MAX} combinations)`,
      )
      continue
    }
    if (!checkPresence(rule, assignments, draft, issues)) continue
    if (rule.effect !== 'warn' && rule.mode === 'enforce') checkExits(rule, assignments, draft, issues)
  }
}

/** With all feeds present the rule must come out known, also where a fact is there only under a condition. */
function checkPresence(
  rule: ReadRule,
  assignments: readonly Assignment[],
  draft: Draft,
  issues: Issues,
): boolean {
  for (const assignment of assignments) {
    const world: World = { draft, assignment, dark: false, cancel: false, absent: NONE, missed: new Set() }
    if ((outcome(rule, world) & UNKNOWN) === 0) continue
    const [name] = world.missed
    const fact = name === undefined ? undefined : draft.facts.get(name)
    const condition = fact?.places.always?.value
    const guard =
      typeof condition === 'string'
        ? ` is there only when ${condition}; guard it: \`${condition} and …\``
        : ' is not there for each action; guard it'
    issues.error(rule.places.condition.place, `\`${name}\`${guard}`)
    return false
  }
  return true
}

/** A cancel, and an order that reduces risk, must not come out unknown for want of data. */
function checkExits(rule: ReadRule, assignments: readonly Assignment[], draft: Draft, issues: Issues): void {
  const action = (['cancel', 'order', 'replace'] as const).find((exit) => rule.actions.includes(exit))
  if (action === undefined) return
  const cancel = action === 'cancel'
  for (const assignment of assignments) {
    if (assignment.get('action.reducing') === false) continue
    const known = cancel
      ? new Map([...assignment].filter(([name]) => !isDescribed(draft.facts.get(name))))
      : assignment
    const world: World = { draft, assignment: known, dark: true, cancel, absent: NONE, missed: new Set() }
    if ((outcome(rule, world) & UNKNOWN) !== 0) {
      report(rule, action, world.missed, issues)
      return
    }
  }
}

function report(rule: ReadRule, action: ActionType, missed: ReadonlySet<string>, issues: Issues): void {
  const names =
    missed.size === 0
      ? 'a quotient whose divisor may be zero'
      : [...missed].map((name) => `\`${name}\``).join(', ')
  const message =
    action === 'cancel'
      ? `a cancel must stay possible without data, and this reads ${names}; a rule on cancels reads only facts that are \`always\` there`
      : `an order that reduces risk must stay possible without data, and this reads ${names}; add \`unless: action.reducing\``
  issues.error(rule.places.condition.place, message)
}
