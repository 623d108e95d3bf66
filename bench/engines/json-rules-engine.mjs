/**
 * json-rules-engine: one prebuilt engine, a rule a limit.
 *
 * Its conditions hold no arithmetic, so sums and shares are handed to it as facts worked out beforehand, which is the cheapest way
 * it has; a quotient of whole numbers below 2^53 lies on the same side of a whole limit as the exact one.
 */
import { Engine } from 'json-rules-engine'
import { INSTRUMENT } from './facts.mjs'
import { writeLeft } from './rules.mjs'

const OPERATORS = { '>': 'greaterThan', '<': 'lessThan', '>=': 'greaterThanInclusive' }

export const name = 'json-rules-engine'
export const packageName = 'json-rules-engine'

export function prepare(rules) {
  const derived = new Map()
  const engine = new Engine([], { allowUndefinedFacts: false })
  for (const { id, instrument, all } of rules) {
    const conditions = all.map((comparison) => condition(comparison, derived))
    // A greater priority is looked at first, and what is not this instrument's is then left alone.
    if (instrument !== undefined)
      conditions.unshift({ fact: INSTRUMENT, operator: 'equal', value: instrument, priority: 10 })
    engine.addRule({ name: id, conditions: { all: conditions }, event: { type: 'breach', params: { id } } })
  }
  return {
    input: (facts) => {
      const input = { ...facts }
      for (const [key, derive] of derived) input[key] = derive(facts)
      return input
    },
    decide: async (input) => (await engine.run(input)).events.length === 0,
  }
}

function condition({ left, operator, limit }, derived) {
  const text = writeLeft(
    left,
    (fact) => fact,
    (inner) => `abs(${inner})`,
  )
  const key = limit.of === undefined ? text : `${text} per million of ${limit.of}`
  if (key !== left.of[0]) {
    const value = valueOf(left)
    derived.set(key, limit.of === undefined ? value : (facts) => (value(facts) * 1_000_000) / facts[limit.of])
  }
  return { fact: key, operator: OPERATORS[operator], value: limit.share ?? limit.amount }
}

function valueOf({ kind, of: [a, b] }) {
  switch (kind) {
    case 'fact':
      return (facts) => facts[a]
    case 'sum':
      return (facts) => facts[a] + facts[b]
    case 'difference':
      return (facts) => facts[a] - facts[b]
    default:
      return (facts) => Math.abs(facts[a] - facts[b])
  }
}
