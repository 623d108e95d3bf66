/** Casbin: the model it documents for many attribute rules, a deny policy a limit, its condition evaluated by the matcher. */
import { newEnforcer, newModelFromString } from 'casbin'
import { flat, INSTRUMENT } from './facts.mjs'
import { writeWhole } from './rules.mjs'

export const name = 'casbin'
export const packageName = 'casbin'

const MODEL = `
[request_definition]
r = f
[policy_definition]
p = rule, instrument, eft
[policy_effect]
e = !some(where (p.eft == deny))
[matchers]
m = MATCHER
`

export async function prepare(rules) {
  const indexed = rules.some(({ instrument }) => instrument !== undefined)
  const matcher = indexed ? 'r.f.instrument_id == p.instrument && eval(p.rule)' : 'eval(p.rule)'
  const enforcer = await newEnforcer(newModelFromString(MODEL.replace('MATCHER', matcher)))
  await enforcer.addPolicies(
    rules.map(({ instrument = '*', all }) => [all.map(writeComparison).join(' && '), instrument, 'deny']),
  )
  await enforcer.addFunction('abs', Math.abs)
  return {
    input: (facts) => {
      const input = { [flat(INSTRUMENT)]: facts[INSTRUMENT] }
      for (const fact of Object.keys(facts)) input[flat(fact)] = facts[fact]
      return input
    },
    decide: (input) => enforcer.enforceSync(input),
  }
}

function writeComparison(comparison) {
  return writeWhole(comparison, (fact) => `r.f.${flat(fact)}`)
}
