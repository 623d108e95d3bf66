/** Constitutions and readings written inside a test. */
import { formatIssue } from '../../src/base/issue.ts'
import { checkConstitution } from '../../src/constitution/check.ts'
import type { Constitution, Read, Reading } from '../../src/constitution/model.ts'

const MANIFEST = JSON.stringify({
  name: 'small',
  version: '1.0.0',
  effectiveFrom: '2026-12-01T00:00:00Z',
  currency: 'USD',
})

/** The constitution of `files`, with a manifest in USD where they have none. Throws with the issues when it does not load. */
export function constitutionOf(files: Readonly<Record<string, string>>): Constitution {
  const { constitution, issues } = checkConstitution(
    new Map(Object.entries({ 'constitution.yaml': MANIFEST, ...files })),
  )
  if (constitution !== undefined) return constitution
  throw new Error(issues.map((issue) => formatIssue(issue, (file) => files[file])).join('\n'))
}

/** Reads from `values`; a value may be of any kind, as faulty sources send it. */
export function readingsOf(values: Readonly<Record<string, unknown>>, at?: number): Read {
  return (fact) =>
    // The cast is the point: what a source sends need not have the type that is promised.
    Object.hasOwn(values, fact) ? ({ value: values[fact], at, source: 'test' } as Reading) : undefined
}
