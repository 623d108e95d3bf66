/**
 * The rules of the comparison, drawn from a seed, in a form that each engine's adapter writes in its own language.
 *
 * A rule is a conjunction of comparisons; a comparison holds `left` (a fact, the sum, the difference or the distance of two)
 * against a share of a fact in parts per million, or against an amount. Limits lie above what a quiet day brings, so that most
 * actions pass all rules and every rule has to be looked at.
 */
import { chance } from '../seed.mjs'
import { FACTS, INSTRUMENT } from './facts.mjs'

const fact = (name) => ({ kind: 'fact', of: [name] })
const sum = (a, b) => ({ kind: 'sum', of: [a, b] })
const difference = (a, b) => ({ kind: 'difference', of: [a, b] })
const distance = (a, b) => ({ kind: 'distance', of: [a, b] })

/** Shares are ranges in parts per million, amounts in the fact's own whole units. */
const above = (left, low, high, of) => ({ left, operator: '>', low, high, of })
const reaches = (left, low, high) => ({ left, operator: '>=', low, high })
const below = (left, low, high, of) => ({ left, operator: '<', low, high, of })

const TEMPLATES = [
  [above(fact('order.value'), 10_500, 50_000, 'account.equity')],
  [above(fact('order.quantity'), 6_000, 60_000, 'instrument.adv')],
  [above(distance('order.limitPrice', 'market.reference'), 20_000, 80_000, 'market.reference')],
  [above(sum('position.worstValue', 'order.value'), 70_000, 300_000, 'account.equity')],
  [above(fact('order.value'), 11_000_000, 90_000_000)],
  [above(sum('position.filled5min', 'order.quantity'), 50_000, 200_000, 'market.volume5min')],
  [above(fact('position.worst'), 21_000, 120_000, 'instrument.adv')],
  [above(fact('position.worst'), 900, 30_000, 'instrument.sharesOutstanding')],
  [above(fact('market.age'), 901, 5_000)],
  [above(fact('account.dayLoss'), 11_000, 60_000, 'account.equity')],
  [above(fact('account.drawdown'), 51_000, 200_000, 'account.equity')],
  [above(fact('market.disagreement'), 4_001, 20_000)],
  [above(sum('account.gross', 'order.value'), 1_300_000, 4_000_000, 'account.equity')],
  [above(sum('account.net', 'order.value'), 450_000, 1_500_000, 'account.equity')],
  [below(difference('account.cash', 'order.value'), 20_000, 350_000, 'account.equity')],
  [above(fact('account.marginUsed'), 310_000, 900_000, 'account.equity')],
  [above(sum('strategy.exposure', 'order.value'), 110_000, 400_000, 'account.equity')],
  [above(sum('sector.exposure', 'order.value'), 170_000, 500_000, 'account.equity')],
  [reaches(fact('agent.orders1s'), 16, 400)],
  [above(fact('agent.heartbeatAge'), 801, 5_000)],
  [
    above(fact('market.move5min'), 10_000, 20_000),
    above(fact('order.value'), 10_100, 20_000, 'account.equity'),
  ],
  [
    above(fact('account.dayLoss'), 5_000, 9_000, 'account.equity'),
    above(sum('account.gross', 'order.value'), 1_250_000, 2_000_000, 'account.equity'),
  ],
  [above(fact('market.move5min'), 20_001, 90_000)],
  [above(fact('position.filled5min'), 21_000, 200_000, 'market.volume5min')],
]

/** `count` rules that apply to every order. */
export function rules(count, seed = 1) {
  return draw(count, seed, () => undefined)
}

/** `groups` × `each` rules, where each group applies to one instrument. */
export function rulesByInstrument(groups, each, seed = 1) {
  return draw(groups * each, seed, (index) => instrumentName(Math.floor(index / each)))
}

export function instrumentName(index) {
  return `I${String(index).padStart(3, '0')}`
}

function draw(count, seed, instrumentOf) {
  const { between } = chance(seed)
  return Array.from({ length: count }, (_, index) => ({
    id: `r${String(index).padStart(5, '0')}`,
    instrument: instrumentOf(index),
    all: TEMPLATES[index % TEMPLATES.length].map(({ left, operator, low, high, of }) => ({
      left,
      operator,
      limit: of === undefined ? { amount: between(low, high) } : { share: between(low, high), of },
    })),
  }))
}

/** Writes a comparison with the words of a language: all of them but Ephor's and zen's work on whole numbers. */
export function writeWhole({ left, operator, limit }, name, abs = (inner) => `abs(${inner})`) {
  const text = writeLeft(left, name, abs)
  if (limit.of === undefined) return `${text} ${operator} ${limit.amount}`
  const scaled = left.kind === 'fact' || left.kind === 'distance' ? text : `(${text})`
  return `${scaled} * 1000000 ${operator} ${limit.share} * ${name(limit.of)}`
}

export function writeLeft(left, name, abs) {
  const [a, b] = left.of.map(name)
  switch (left.kind) {
    case 'fact':
      return a
    case 'sum':
      return `${a} + ${b}`
    case 'difference':
      return `${a} - ${b}`
    default:
      return abs(`${a} - ${b}`)
  }
}

/** What every engine must answer: the rules in integers of any length, with no engine at all. */
export function isDenied(allRules, facts) {
  return allRules.some(
    ({ instrument, all }) =>
      (instrument === undefined || instrument === facts[INSTRUMENT]) &&
      all.every((comparison) => holds(comparison, facts)),
  )
}

function holds({ left, operator, limit }, facts) {
  const value = leftValue(left, facts)
  const [a, b] =
    limit.of === undefined
      ? [value, BigInt(limit.amount)]
      : [value * 1_000_000n, BigInt(limit.share) * BigInt(facts[limit.of])]
  if (operator === '>') return a > b
  return operator === '<' ? a < b : a >= b
}

function leftValue(left, facts) {
  const [a, b] = left.of.map((name) => BigInt(facts[name]))
  switch (left.kind) {
    case 'fact':
      return a
    case 'sum':
      return a + b
    case 'difference':
      return a - b
    default:
      return a > b ? a - b : b - a
  }
}

/** Actions, drawn from a seed: two of five on a quiet day, the others exactly at, one unit inside and one beyond a rule's limit. */
export function actions(count, allRules, seed = 2) {
  const random = chance(seed)
  return Array.from({ length: count }, (_, index) => {
    const facts = quietDay(random)
    const rule = random.among(allRules)
    if (rule.instrument !== undefined) facts[INSTRUMENT] = rule.instrument
    const distanceToLimit = [undefined, 0, undefined, -1, 1][index % 5]
    if (distanceToLimit !== undefined)
      for (const comparison of rule.all) putAtLimit(comparison, facts, distanceToLimit)
    return facts
  })
}

function quietDay({ between }) {
  const facts = { [INSTRUMENT]: 'I000' }
  for (const [name, { low, high, step }] of Object.entries(FACTS))
    facts[name] = low + step * between(0, Math.floor((high - low) / step))
  return facts
}

/** Moves the first fact of `left` so that `left` lies `beyond` whole units past the limit. */
function putAtLimit({ left, operator, limit }, facts, beyond) {
  const bound =
    limit.of === undefined ? limit.amount : Math.floor((limit.share * facts[limit.of]) / 1_000_000)
  const wanted = operator === '<' ? bound - beyond : bound + beyond
  const [first, second] = left.of
  const other = second === undefined ? 0 : facts[second]
  const value = left.kind === 'sum' ? wanted - other : wanted + other
  if (value >= 0) facts[first] = value
}
