/** The evaluators that laws are held against, each behind one shape, and ways to plant a fault in what one sees. */
import { expect } from 'vitest'
import { compile } from '../../src/constitution/compile.ts'
import { judgementText, measureAndJudge, type Judgement } from '../../src/constitution/judge.ts'
import type { Constitution, Fact, Read } from '../../src/constitution/model.ts'
import { createReference } from '../../src/constitution/reference.ts'
import type { ActionType } from '../../src/protocol/action.ts'
import { judgeNaively, verdictOf, type Result, type Results } from './naive.ts'

export type Judge = (action: ActionType, read: Read, now: number) => Results | Promise<Results>
export type Evaluator = (constitution: Constitution) => Judge

/** A judging whole: what each rule found, what it comes to, and all of it as bytes. */
export interface Whole {
  readonly results: Results
  readonly verdict: 'allow' | 'deny' | 'pending'
  readonly bytes: string
}
export type WholeJudge = (action: ActionType, read: Read, now: number) => Whole
export type WholeEvaluator = (constitution: Constitution) => WholeJudge

/** Compiled code; its verdict must follow from what its rules found. */
export const compiled: Evaluator = (constitution) => {
  const program = compile(constitution)
  return (action, read, now) => {
    const judgement = measureAndJudge(program, action, read, now)
    const results = resultsOf(constitution, action, judgement)
    expect(judgement.verdict).toBe(verdictOf(constitution, results))
    return results
  }
}

/** Compiled code, with its findings as bytes. */
export const compiledWhole: WholeEvaluator = (constitution) => {
  const program = compile(constitution)
  return (action, read, now) => {
    const judgement = measureAndJudge(program, action, read, now)
    return {
      results: resultsOf(constitution, action, judgement),
      verdict: judgement.verdict,
      bytes: judgementText(judgement),
    }
  }
}

function resultsOf(constitution: Constitution, action: ActionType, { findings }: Judgement): Results {
  const listing = constitution.rules.filter((rule) => rule.actions.includes(action))
  // A rule that its index leaves out is surely clear.
  const results = new Map<string, Result>(listing.map((rule) => [rule.id, 'clear']))
  for (const { rule, result } of findings) results.set(rule.id, result)
  return results
}

/** The exported rules in json-rules-engine. */
export const reference: Evaluator = (constitution) => {
  const second = createReference(constitution)
  return (action, read, now) => second.judge(action, read, now)
}

export const naive: Evaluator = (constitution) => (action, read, now) =>
  judgeNaively(constitution, action, read, now)

/** Changes what a fact reads as; `read` answers what it was. */
export type Tamper = (read: Read, fact: Fact, now: number) => ReturnType<Read>

/** The reader that `tamper` makes of `read`. */
export function tampered(tamper: Tamper, constitution: Constitution, read: Read, now: number): Read {
  return (name) => {
    const fact = constitution.facts.get(name)
    return fact === undefined ? undefined : tamper(read, fact, now)
  }
}

/** A fault: a condition that can't be read is taken for false. */
export const missingIsFalse: Tamper = (read, { name, type }) => {
  const found = read(name)
  const missing = type.kind === 'boolean' && typeof found?.value !== 'boolean'
  return missing ? { value: false, at: undefined, source: 'fault' } : found
}

/** A fault: a number that can't be read is taken for zero. */
export const missingIsZero: Tamper = (read, { name, type }) =>
  read(name) ?? (type.kind === 'number' ? { value: 0, at: undefined, source: 'fault' } : undefined)
