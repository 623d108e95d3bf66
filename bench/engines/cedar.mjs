/**
 * Cedar in WebAssembly: one permit, a forbid a limit, over whole numbers in the context; the policy set is parsed once and kept
 * by the stateful interface. An instrument's rules name it in their scope.
 */
import { setFlagsFromString } from 'node:v8'
import { preparsePolicySet, statefulIsAuthorized } from '@cedar-policy/cedar-wasm/nodejs'
import { flat, INSTRUMENT } from './facts.mjs'

export const name = 'Cedar (WASM)'
export const packageName = '@cedar-policy/cedar-wasm'

// Node 20 sometimes dies of `unreachable code` when it deoptimizes a call into WebAssembly that it had inlined.
setFlagsFromString('--no-turbo-inline-js-wasm-calls')

let sets = 0

export function prepare(rules) {
  const staticPolicies = { permit: 'permit(principal, action, resource);' }
  for (const { id, instrument, all } of rules) staticPolicies[id] = writePolicy(instrument, all)
  sets += 1
  const preparsedPolicySetId = `set${sets}`
  const parsed = preparsePolicySet(preparsedPolicySetId, { staticPolicies })
  if (parsed.type !== 'success') throw new Error(`Cedar refuses the policies: ${JSON.stringify(parsed)}`)
  return {
    input: (facts) => {
      const context = {}
      for (const fact of Object.keys(facts)) if (fact !== INSTRUMENT) context[flat(fact)] = facts[fact]
      return {
        principal: { type: 'Agent', id: 'a1' },
        action: { type: 'Action', id: 'order' },
        resource: { type: 'Instrument', id: facts[INSTRUMENT] },
        context,
        preparsedPolicySetId,
        validateRequest: false,
        entities: [],
      }
    },
    decide: (input) => {
      const answer = statefulIsAuthorized(input)
      // A forbid that fails is no forbid to Cedar; here it would be a mistake of the benchmark.
      if (answer.type !== 'success' || answer.response.diagnostics.errors.length > 0)
        throw new Error(`Cedar fails: ${JSON.stringify(answer)}`)
      return answer.response.decision === 'allow'
    },
  }
}

function writePolicy(instrument, all) {
  const resource = instrument === undefined ? 'resource' : `resource == Instrument::"${instrument}"`
  return `forbid(principal, action, ${resource}) when { ${all.map(writeComparison).join(' && ')} };`
}

function writeComparison({ left, operator, limit }) {
  const [a, b] = left.of.map(attribute)
  const bound = limit.of === undefined ? String(limit.amount) : `${limit.share} * ${attribute(limit.of)}`
  const scale = limit.of === undefined ? '' : ' * 1000000'
  if (left.kind === 'fact') return `${a}${scale} ${operator} ${bound}`
  if (left.kind === 'sum') return `(${a} + ${b})${scale} ${operator} ${bound}`
  if (left.kind === 'difference') return `(${a} - ${b})${scale} ${operator} ${bound}`
  // Cedar has no absolute value.
  return `((${a} - ${b})${scale} ${operator} ${bound} || (${b} - ${a})${scale} ${operator} ${bound})`
}

function attribute(fact) {
  return `context.${flat(fact)}`
}
