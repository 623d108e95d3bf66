import { describe, expect, test } from 'vitest'
import { EphorError } from '../../base/errors.ts'
import { aRegistry, filesOf } from '../../../test/support/registry.ts'
import { CONSTITUTION } from '../../../test/support/models.ts'
import { inForce } from './registry.ts'

function refusal(ask: () => unknown): string {
  try {
    ask()
  } catch (error) {
    if (error instanceof EphorError) return error.code
    throw error
  }
  return 'read'
}

describe('what is in force', () => {
  test('the schedule that was shipped is champion, and nothing has another alias', () => {
    const files = filesOf(aRegistry())
    const champion = inForce(files, 'champion', CONSTITUTION)
    expect(champion?.tuner).toMatchObject({ kind: 'schedule', plan: { schedule: 'receding AC, expecting' } })
    expect(inForce(files, 'challenger', CONSTITUTION)).toBeUndefined()
    expect(inForce(files, 'shadow', CONSTITUTION)).toBeUndefined()
  })

  test('where there is no registry nothing is', () => {
    expect(
      inForce(filesOf({ log: '', artifacts: new Map(), evaluations: new Map() }), 'champion', CONSTITUTION),
    ).toBeUndefined()
  })

  test('a file that is not there is missed by name', () => {
    const registry = aRegistry()
    expect(
      refusal(() => inForce(filesOf({ ...registry, artifacts: new Map() }), 'champion', CONSTITUTION)),
    ).toBe('MODEL_MISSING')
    expect(
      refusal(() => inForce(filesOf({ ...registry, evaluations: new Map() }), 'champion', CONSTITUTION)),
    ).toBe('MODEL_MISSING')
  })
})
