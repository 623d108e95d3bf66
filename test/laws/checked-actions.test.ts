/** What the optimizer may choose is judged by json-rules-engine: the count is right, may be gone on with, and sees a fault that is planted. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { checkRegions, noneChecked, readChecked } from '../../src/cli/checked-actions.ts'
import { checkSteps } from '../../src/cli/checked-steps.ts'
import { regionOf } from '../../src/optimizer/region.ts'
import { loadConstitution } from '../../src/sidecar/constitutions.ts'

const { constitution } = loadConstitution(join(import.meta.dirname, '../../constitution'))
if (constitution === undefined) throw new Error('the constitution does not load')
const COUNT = process.env['EPHOR_LONG'] === '1' ? 100_000 : 400
const none = noneChecked(constitution.hash, 7)

describe('drawn actions', () => {
  test('none of them breaks a rule', async () => {
    const found = await checkRegions(constitution, none, COUNT)
    expect([found.violations, found.first]).toEqual([0, null])
    expect(found.checked).toBeGreaterThanOrEqual(COUNT)
    for (const what of ['order', 'rules', 'approval']) expect(found.bound[what], what).toBeGreaterThan(0)
  })

  test('a run that was stopped comes to the same as one that was not', async () => {
    const half = await checkRegions(constitution, none, COUNT / 4)
    const whole = await checkRegions(
      constitution,
      readChecked(JSON.stringify(half), constitution.hash, 7),
      COUNT / 2,
    )
    expect(whole).toEqual(await checkRegions(constitution, none, COUNT / 2))
  })

  test('a lot too many is seen', async () => {
    const found = await checkRegions(constitution, none, COUNT / 4, undefined, (asked) => {
      const region = regionOf(asked)
      return 'untuned' in region
        ? region
        : { ...region, lo: region.hi + 1, hi: region.hi + 1, hasHoles: false }
    })
    expect(found.violations).toBeGreaterThan(0)
    expect(found.first).toContain('"against":["')
  })

  test.each<[string, string, string, number]>([
    ['other rules', JSON.stringify(none), 'f'.repeat(64), 7],
    ['another seed', JSON.stringify(none), constitution.hash, 8],
    ['no JSON', '{', constitution.hash, 7],
    ['a key too few', '{"schema":1}', constitution.hash, 7],
  ])('what was checked with %s is not gone on with', (_, text, hash, seed) => {
    expect(() => readChecked(text, hash, seed)).toThrow('CHECK_DIFFERS')
  })
})

describe('steps of an evaluation', () => {
  test('pass up to the share of volume that the rules allow, and no lot further, nor in a halt', async () => {
    const at = (lots: number, isHalted = false) => ({ lots, volumeLots: 1000, isHalted })
    expect(await checkSteps(constitution, [at(1), at(90)])).toEqual({ checked: 2, violations: 0 })
    expect(await checkSteps(constitution, [at(91), at(90, true), at(5)])).toEqual({
      checked: 3,
      violations: 2,
    })
  })
})
