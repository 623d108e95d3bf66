/** Law 9 on the constitution that Ephor comes with, whose limits are the ones people will run. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { checkConstitution } from '../../src/constitution/check.ts'
import type { Constitution, Fact } from '../../src/constitution/model.ts'
import { readFiles } from '../../src/sidecar/constitutions.ts'
import { agreement } from './agreement.ts'
import { sentOf, type World } from './arbitrary-world.ts'
import { compiled, naive, reference, type Evaluator } from './evaluators.ts'
import { hold, WORLDS } from './law.ts'

function house(): Constitution {
  const { constitution } = checkConstitution(
    readFiles(new URL('../../constitution', import.meta.url).pathname),
  )
  if (constitution === undefined) throw new Error('the default constitution does not load')
  return constitution
}

/** Figures around which the default limits lie, some of them exactly there. */
const NUMBERS = [0, 1, 2, 0.01, 0.03, 0.1, 10, 50, 100, 971, 1000, 200, 200.01, 206, 206.01, 9_700_000, 1e7]

/** A value that fits a fact; texts come from the keys of the tables. */
function valueFor({ type }: Fact, texts: readonly string[]): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'boolean':
      return fc.boolean()
    case 'enum':
      return fc.constantFrom(...type.values)
    case 'text':
      return fc.constantFrom(...texts)
    case 'number':
      return fc.constantFrom(...NUMBERS)
  }
}

/** Readings of all facts of `constitution`, a few of them missing. */
function worldsOf(constitution: Constitution): fc.Arbitrary<World> {
  const texts = ['elsewhere']
  for (const table of constitution.tables.values()) texts.push(...table.rows.flatMap(({ keys }) => keys))
  const values = [...constitution.facts.values()].map((fact) =>
    fc.tuple(fc.constant(fact.name), fc.option(valueFor(fact, texts), { freq: 40, nil: undefined })),
  )
  return fc.record({
    pick: fc.nat({ max: 59 }),
    now: fc.integer({ min: Date.UTC(2026, 10, 30), max: Date.UTC(2026, 11, 8) }),
    readings: fc.tuple(...values).map((entries) => sentOf(entries)),
  })
}

test('compiled code, json-rules-engine and the naive interpreter agree on the default constitution', async () => {
  const constitution = house()
  const worlds = fc.array(worldsOf(constitution), { minLength: WORLDS, maxLength: WORLDS })
  // One constitution for all runs, so each evaluator is made once.
  const once = (evaluator: Evaluator): Evaluator => {
    const judge = evaluator(constitution)
    return () => judge
  }
  const evaluators = { naive: once(naive), compiled: once(compiled), reference: once(reference) }
  const law = agreement(evaluators, () => constitution)
  const { seen } = await hold('agreement on the default constitution', fc.record({ worlds }), law)
  for (const result of ['clear', 'breach', 'unknown']) expect(seen.get(result)).toBeGreaterThan(1000)
})
