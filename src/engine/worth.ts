/** What an action counts for: what it reserves, what it costs where it opens a position after all, and what it takes of its basket. */
import { multiply, rational, toNumberUp } from '../base/rational.ts'
import type { Program } from '../constitution/compile.ts'
import { exactNumber } from '../constitution/exact-evaluate.ts'
import { TRUE, type Facts } from '../constitution/facts.ts'
import type { Judgement } from '../constitution/judge.ts'
import { tidy } from '../protocol/evidence.ts'

/** The fact that says what an order is worth at worst. */
const WORTH = { kind: 'fact', name: 'order.value', start: 0, end: 0 } as const
/** Below this, fifteen digits of a double hold the millionth part of a unit. */
const EXACT_BELOW = 1e9

/**
 * What the action reserves of the account's money, where the rules came to `verdict`: what the constitution itself says that the order is worth. An exit needs
 * none, so it reserves none.
 */
export function worthOf(program: Program, facts: Facts, verdict: Judgement['verdict']): number | null {
  if (verdict === 'deny' || isReducing(program, facts)) return 0
  return valueOf(program, facts)
}

/** What the constitution says that the order is worth; `null` where it cannot say. */
export function valueOf(program: Program, facts: Facts): number | null {
  const { constitution, slotOf } = program
  if (constitution.facts.get(WORTH.name)?.type.kind !== 'number') return null
  const worth = facts.numbers[slotOf(WORTH.name)] ?? Number.NaN
  if (Number.isNaN(worth)) return null
  if (Math.abs(worth) < EXACT_BELOW) return tidy(worth)
  const exact = exactNumber(WORTH, facts, program)
  return exact === undefined ? null : toNumberUp(exact)
}

/** Whether the rules, where they came to `verdict`, took an order for one that reduces. */
export function isExit(program: Program, facts: Facts, verdict: Judgement['verdict']): boolean {
  return verdict !== 'deny' && isReducing(program, facts)
}

/** Whether the rules took the action for one that reduces; where none asks, it does not count as one. */
export function isReducing({ constitution, slotOf }: Program, facts: Facts): boolean {
  return constitution.facts.has('action.reducing') && facts.truths[slotOf('action.reducing')] === TRUE
}

const MICRO = rational(1_000_000)

/** In micro-units, rounded up; `undefined` where nobody can say. */
export function microOf(worth: number | null): bigint | undefined {
  if (worth === null) return undefined
  const { numerator, denominator } = multiply(rational(worth), MICRO)
  return (numerator + denominator - 1n) / denominator
}
