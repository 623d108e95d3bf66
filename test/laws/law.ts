/** Runs a law on random cases, says with which seed, and counts what was judged. */
import * as fc from 'fast-check'
import { expect } from 'vitest'
import { checkConstitution } from '../../src/constitution/check.ts'
import type { Constitution } from '../../src/constitution/model.ts'
import { filesOf, type Draft } from './arbitrary.ts'

/** Judged pairs of a constitution and readings that each law is held against. */
const CASES_MIN = process.env.EPHOR_LONG === '1' ? 200_000 : 10_000
/** Worlds judged under each random constitution, since reading one takes longer than judging by it. */
export const WORLDS = 20

/** Another on each run, unless `EPHOR_SEED` asks for one again. */
const SEED = Number(process.env.EPHOR_SEED ?? Math.floor(Math.random() * 2 ** 31))

/** Counts the cases that a law was held against. */
export interface Tally {
  cases: number
  /** Cases of special interest, by name, to show that the generators reach them. */
  readonly seen: Map<string, number>
}

/** A law about random cases: throws, or fails an expectation, where it does not hold. */
export type Law<T> = (given: T, tally: Tally) => void | Promise<void>

function propertyOf<T>(arbitrary: fc.Arbitrary<T>, law: Law<T>, tally: Tally): fc.IAsyncProperty<[T]> {
  return fc.asyncProperty(arbitrary, async (given) => {
    await law(given, tally)
  })
}

/** Holds `law` against at least `CASES_MIN` cases and prints the seed first, so that a run that hangs can be repeated too. */
export async function hold<T>(name: string, arbitrary: fc.Arbitrary<T>, law: Law<T>): Promise<Tally> {
  const tally: Tally = { cases: 0, seen: new Map() }
  const start = performance.now()
  process.stdout.write(`law: ${name}: EPHOR_SEED=${SEED}\n`)
  const details = await fc.check(propertyOf(arbitrary, law, tally), {
    seed: SEED,
    numRuns: CASES_MIN / WORLDS,
    maxSkipsPerRun: 1,
  })
  // The law's own error says what differs in a few lines; the whole counterexample fills pages.
  if (details.failed) {
    const path = details.counterexamplePath ?? 'too many drafts did not load'
    throw new Error(`${name}: EPHOR_SEED=${SEED}, path ${path.slice(0, 60)}`, {
      cause: details.errorInstance,
    })
  }
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  const seen = [...tally.seen].map(([what, count]) => `, ${count} ${what}`).join('')
  process.stdout.write(`law: ${name}: held in ${tally.cases} cases${seen}, ${seconds} s\n`)
  expect(tally.cases).toBeGreaterThanOrEqual(CASES_MIN)
  return tally
}

/** Whether `law`, held against something with a planted fault, is found broken, in ten times the cases at most. */
export async function isBroken<T>(name: string, arbitrary: fc.Arbitrary<T>, law: Law<T>): Promise<boolean> {
  const tally: Tally = { cases: 0, seen: new Map() }
  const { failed, errorInstance } = await fc.check(propertyOf(arbitrary, law, tally), {
    seed: SEED,
    numRuns: (10 * CASES_MIN) / WORLDS,
    maxSkipsPerRun: 1,
    endOnFailure: true,
  })
  // A fault that throws, or drafts that don't load, would look like one that was found.
  const found = failed && errorInstance instanceof LawBroken
  process.stdout.write(
    `planted fault: ${name}: ${found ? 'caught' : 'NOT CAUGHT'} after ${tally.cases} cases, EPHOR_SEED=${SEED}\n`,
  )
  return found
}

/** Thrown where a law does not hold. */
export class LawBroken extends Error {}

const MANIFEST = JSON.stringify({
  name: 'random',
  version: '1.0.0',
  effectiveFrom: '2026-12-01T00:00:00Z',
  currency: 'USD',
})

/** Reads and checks a draft; one in twelve does not load, for units that only meet by chance, and is skipped. */
export function load(draft: Draft): Constitution {
  const { constitution } = checkConstitution(
    new Map(Object.entries({ 'constitution.yaml': MANIFEST, ...filesOf(draft) })),
  )
  fc.pre(constitution !== undefined)
  return constitution
}
