/** The law that evaluators find the same, of every rule and in every world. */
import { expect } from 'vitest'
import type { Constitution } from '../../src/constitution/model.ts'
import type { ActionType } from '../../src/protocol/action.ts'
import { actionOf, readOf, type World } from './arbitrary-world.ts'
import type { Evaluator } from './evaluators.ts'
import { LawBroken, type Law } from './law.ts'
import type { Results } from './naive.ts'

/** All of `evaluators` find the same for every rule. */
export function agreement<T extends { readonly worlds: readonly World[] }>(
  evaluators: Readonly<Record<string, Evaluator>>,
  constitutionOf: (given: T) => Constitution,
): Law<T> {
  return async (given, tally) => {
    const { worlds } = given
    const constitution = constitutionOf(given)
    const judges = Object.entries(evaluators).map(([name, evaluator]) => ({
      name,
      judge: evaluator(constitution),
    }))
    for (const each of worlds) {
      const action = actionOf(each, constitution)
      tally.cases += 1
      const found = await Promise.all(
        judges.map(async ({ name, judge }) => ({
          name,
          results: await judge(action, readOf(each), each.now),
        })),
      )
      const [first, ...others] = found
      for (const result of first?.results.values() ?? [])
        tally.seen.set(result, (tally.seen.get(result) ?? 0) + 1)
      for (const other of others) compareResults(constitution, each, action, first, other)
    }
  }
}

interface Found {
  readonly name: string
  readonly results: Results
}

/** Names the first rule on which two evaluators differ, with all that is needed to judge it again. */
function compareResults(
  constitution: Constitution,
  { now, readings }: World,
  action: ActionType,
  first: Found | undefined,
  other: Found,
): void {
  if (first === undefined) return
  expect([...other.results.keys()].toSorted()).toEqual([...first.results.keys()].toSorted())
  for (const [id, result] of first.results) {
    const theirs = other.results.get(id)
    if (theirs === result) continue
    const law = JSON.parse(constitution.text) as {
      readonly rules: readonly { readonly id: string }[]
      readonly facts: { readonly facts: Readonly<Record<string, { readonly is?: string }>> }
      readonly tables: unknown
    }
    const rule = JSON.stringify(law.rules.find((candidate) => candidate.id === id))
    const derived = Object.entries(law.facts.facts).flatMap(([name, { is }]) =>
      is === undefined ? [] : [`${name} = ${is}`],
    )
    const context = `${rule}\n${derived.join('; ')}\n${JSON.stringify(law.tables)}`
    const sent = Object.entries(readings).map(
      ([name, { value, at }]) => `${name}=${printed(value)}@${at ?? ''}`,
    )
    throw new LawBroken(
      `${first.name} says ${result} and ${other.name} says ${theirs} of ${action} at ${now}\n${context}\n${sent.join(' ')}`,
    )
  }
}

function printed(value: unknown): string {
  return typeof value === 'string' ? `'${value}'` : Object.is(value, -0) ? '-0' : String(value)
}
