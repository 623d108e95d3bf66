/** Trading states that breached rules put in force. */
import type { Findings } from '../constitution/findings.ts'
import type { HaltScope } from '../protocol/action.ts'
import type { DecisionCore } from '../protocol/decision.ts'

/** The kinds of scope that have a name. */
export type Named = Exclude<HaltScope['kind'], 'everything'>

/** What the breaches among `findings` raise; `nameOf` says what of each kind the action is about, `undefined` where it is about none. */
export function raisedBy(
  findings: Findings,
  nameOf: (kind: Named) => string | undefined,
): DecisionCore['raised'] {
  return findings.notClear().flatMap(({ rule, result }): DecisionCore['raised'] => {
    if (rule.raise === undefined || result !== 'breach' || rule.mode === 'shadow') return []
    const { state, scope: kind } = rule.raise
    if (kind === 'everything') return [{ rule: rule.id, state, scope: { kind } }]
    const name = nameOf(kind)
    return name === undefined ? [] : [{ rule: rule.id, state, scope: { kind, name } }]
  })
}
