/** What a verdict rests on, as it is recorded: each finding and each fact in a row, since millions of them are kept. */
import { z } from 'zod'
import { DecisionCore, Value, type Decision, type FactReading, type Finding } from './decision.ts'

/** How the observed value had to stand to the limit. */
export const Relation = z.enum(['<=', '<', '>=', '>', 'multiple of'])
export type Relation = z.infer<typeof Relation>

/** `[result, observed, relation, limit, unit]`; the relation is `null` where no numbers were compared. */
export const RecordedFinding = z.tuple([
  z.enum(['clear', 'breach', 'unknown']),
  Value.nullable(),
  Relation.nullable(),
  Value.nullable(),
  z.string().nullable(),
])
export type RecordedFinding = z.infer<typeof RecordedFinding>

/** `[value, source]`, and the age in milliseconds where there is one. */
export const RecordedFact = z.union([
  z.tuple([Value.nullable(), z.string()]),
  z.tuple([Value.nullable(), z.string(), z.int()]),
])
export type RecordedFact = z.infer<typeof RecordedFact>

const Trial = z.strictObject({
  findings: z.record(z.string(), RecordedFinding).describe('By rule, in their order'),
  facts: z.record(z.string(), RecordedFact).describe('Those that were read, by name'),
})

/** The findings and facts of what was decided upon; for a narrowed action also of what was proposed. */
export const Evidence = Trial.extend({ proposed: Trial.nullable() })
export type Evidence = z.infer<typeof Evidence>
export type Trial = z.infer<typeof Trial>

/** The event that records a verdict. */
export interface Decided {
  readonly decision: DecisionCore
  readonly evidence: Evidence
}

/** The decision whole, as readers get it. */
export function decisionOf({ decision, evidence }: Decided): Decision {
  const { proposed } = evidence
  return { ...decision, ...shown(evidence), proposed: proposed === null ? null : shown(proposed) }
}

function shown({ findings, facts }: Trial): Pick<Decision, 'findings' | 'facts'> {
  return {
    findings: findingsOf(findings),
    facts: Object.fromEntries(Object.entries(facts).map(([name, recorded]) => [name, showFact(recorded)])),
  }
}

/** Findings whole, from how they are recorded. */
export function findingsOf(recorded: Trial['findings']): Finding[] {
  return Object.entries(recorded).map(([rule, row]) => showFinding(rule, row))
}

function showFinding(rule: string, [result, observed, relation, limit, unit]: RecordedFinding): Finding {
  return { rule, result, observed, limit, headroom: headroomOf(observed, relation, limit), unit }
}

function showFact([value, source, ageMs]: RecordedFact): FactReading {
  return { value, source, ageMs: ageMs ?? null }
}

/** How far the observed value is from passing the limit, below zero by as much as it has; `null` where there is no such distance. */
export function headroomOf(
  observed: Finding['observed'],
  relation: Relation | null,
  limit: Finding['limit'],
): number | null {
  if (typeof observed !== 'number' || typeof limit !== 'number') return null
  if (relation === null || relation === 'multiple of') return null
  const headroom = relation.startsWith('<') ? limit - observed : observed - limit
  return Number.isFinite(headroom) ? tidy(headroom) : null
}

/** Fifteen digits are what a double holds; the sixteenth is noise of binary arithmetic. */
export function tidy(value: number): number {
  if (Number.isInteger(value)) return value
  const magnitude = Math.abs(value)
  if (magnitude >= 1e-3 && magnitude < 1e9) {
    // Nearly all figures are decimals of six places or fewer. One of at most fifteen digits that is nearer than half of the fifteenth
    // (5e-16 at the least, 3.5e-16 with what rounding the quotient adds) is the one that printing and reading would find.
    const short = Math.round(value * 1e6) / 1e6
    if (Math.abs(short - value) <= magnitude * 3.5e-16) return short
  }
  return Number(value.toPrecision(15))
}
