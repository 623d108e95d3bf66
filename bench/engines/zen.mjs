/** GoRules Zen, native binding: one decision table compiled once, a row a limit, over its own exact decimals. */
import { ZenEngine } from '@gorules/zen-engine'
import { flat, INSTRUMENT } from './facts.mjs'
import { writeLeft } from './rules.mjs'

export const name = 'GoRules Zen (native)'
export const packageName = '@gorules/zen-engine'

const engine = new ZenEngine()

export function prepare(rules) {
  const indexed = rules.some(({ instrument }) => instrument !== undefined)
  const decision = engine.createDecision({
    contentType: 'application/vnd.gorules.decision',
    ...graph(rules, indexed),
  })
  return {
    input: (facts) => {
      const input = {}
      for (const fact of Object.keys(facts)) input[flat(fact)] = facts[fact]
      return input
    },
    decide: async (input) => (await decision.evaluate(input)).result?.rule === undefined,
  }
}

function graph(rules, indexed) {
  const at = { x: 0, y: 0 }
  return {
    nodes: [
      { id: 'in', name: 'in', type: 'inputNode', position: at },
      {
        id: 'limits',
        name: 'limits',
        type: 'decisionTableNode',
        position: at,
        content: table(rules, indexed),
      },
      { id: 'out', name: 'out', type: 'outputNode', position: at },
    ],
    edges: [
      { id: 'e1', sourceId: 'in', targetId: 'limits', type: 'edge' },
      { id: 'e2', sourceId: 'limits', targetId: 'out', type: 'edge' },
    ],
  }
}

/** The first row that matches answers; a cell of a column without a field is a whole condition. */
function table(rules, indexed) {
  const byInstrument = { id: 'instrument', name: 'instrument', field: flat(INSTRUMENT) }
  return {
    hitPolicy: 'first',
    inputs: [...(indexed ? [byInstrument] : []), { id: 'condition', name: 'condition' }],
    outputs: [{ id: 'rule', name: 'rule', field: 'rule' }],
    rules: rules.map(({ id, instrument, all }) => ({
      _id: id,
      ...(instrument === undefined ? {} : { instrument: `'${instrument}'` }),
      condition: all.map(writeComparison).join(' and '),
      rule: `'${id}'`,
    })),
  }
}

function writeComparison({ left, operator, limit }) {
  const bound = limit.of === undefined ? limit.amount : `${limit.share / 1_000_000} * ${flat(limit.of)}`
  return `${writeLeft(left, flat, (inner) => `abs(${inner})`)} ${operator} ${bound}`
}
