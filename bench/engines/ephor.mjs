/** Ephor itself: the rules as a constitution's author writes them, with units, compiled once. */
import { checkConstitution } from '../../dist/constitution/check.js'
import { compile, gather } from '../../dist/constitution/compile.js'
import { judge, verdictOf } from '../../dist/constitution/judge.js'
import { FACTS, INSTRUMENT, KINDS } from './facts.mjs'
import { writeLeft } from './rules.mjs'

export function prepareEphor(rules) {
  const { constitution, issues } = checkConstitution(filesOf(rules))
  if (constitution === undefined) throw new Error(`the constitution is refused: ${JSON.stringify(issues[0])}`)
  const program = compile(constitution)
  return {
    /** The facts in natural units: dollars, not cents. */
    measured: (facts) => {
      const measured = { [INSTRUMENT]: facts[INSTRUMENT] }
      for (const [name, { kind }] of Object.entries(FACTS)) measured[name] = facts[name] / KINDS[kind].perUnit
      return measured
    },
    gather: (measured) => gather(program, 'order', (name) => reading(measured[name]), 0),
    judge: (facts) => judge(program, 'order', facts).verdict === 'allow',
    verdict: (facts) => verdictOf(program, 'order', facts) === 'allow',
  }
}

function reading(value) {
  return { value, at: undefined, source: 'action' }
}

function filesOf(rules) {
  const manifest = { name: 'bench', version: '1.0.0', effectiveFrom: '2026-01-01T00:00:00Z', currency: 'USD' }
  const facts = { [INSTRUMENT]: { type: 'text', source: 'action', always: true } }
  for (const [name, { kind }] of Object.entries(FACTS))
    facts[name] = { type: KINDS[kind].type, source: 'ledger', always: true }
  return new Map([
    ['constitution.yaml', JSON.stringify(manifest)],
    ['facts.yaml', JSON.stringify({ facts })],
    ['rules/all.yaml', JSON.stringify({ rules: rules.map(writeRule) })],
  ])
}

function writeRule({ id, instrument, all }) {
  return {
    id,
    title: 'A limit of the comparison',
    applies: {
      actions: ['order', 'replace'],
      ...(instrument === undefined ? {} : { [INSTRUMENT]: [instrument] }),
    },
    forbid: all.map(writeComparison).join(' and '),
  }
}

function writeComparison({ left, operator, limit }) {
  const literal = KINDS[FACTS[left.of[0]].kind].literal
  const bound = limit.of === undefined ? literal(limit.amount) : `${limit.share / 10_000}% * ${limit.of}`
  const text = writeLeft(
    left,
    (name) => name,
    (inner) => `abs(${inner})`,
  )
  return `${text} ${operator} ${bound}`
}
