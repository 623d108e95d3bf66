import { describe, expect, test } from 'vitest'
import { aModel } from '../../test/support/models.ts'
import { NOW, PROGRAM, ready, run, answered, ask } from '../../test/support/engine.ts'
import { sliced, steer, WELL_KNOWN } from '../../test/support/optimizer.ts'
import { readArtifact, sealArtifact, type Model } from '../optimizer/artifact.ts'
import { FEATURES } from '../optimizer/features.ts'
import { Explanation } from '../protocol/optimizer.ts'
import { explainTuning } from './explain.ts'
import { handle } from './handle.ts'
import { NO_MODELS } from './optimizer.ts'

/** A real model of the rules in force, that has seen everything. */
const content = aModel()
const model: Model = readArtifact(
  Buffer.from(
    sealArtifact({
      ...content,
      constitution: PROGRAM.constitution.hash,
      features: content.features.map((one) => ({ ...one, support: [-100, 100] as [number, number] })),
    }),
  ),
)
const { hash } = model.artifact

const decisionOn = (entry: object) => {
  const find = () => ({ schedule: 'receding' as const, hash })
  const state = run(
    ready(PROGRAM, WELL_KNOWN),
    [steer([{ schedule: 'receding', ...entry }], find)],
    NOW,
  ).state
  const [, [event]] = handle(
    state,
    ask(sliced({ execution: { horizonMs: 3_600_000, urgency: 0.3 } })),
    NOW,
    () => model,
  )
  if (event?.type !== 'decided') throw new Error('expected a decision')
  return event.decision
}

test('of what no optimizer looked at there is none', () => {
  const decision = answered(ready(), ask(sliced()))
  expect(decision && explainTuning(decision, NO_MODELS)).toBeUndefined()
})

test('says the region and what binds it, the schedule, the change and what would have been', () => {
  const told = explainTuning(decisionOn({}), NO_MODELS)
  expect(Explanation.parse(told)).toMatchObject({
    verdict: 'narrow',
    asked: 480,
    without: 480,
    constitution: PROGRAM.constitution.hash,
    untuned: null,
    tuned: {
      applied: true,
      step: 1,
      steps: 12,
      left: 480,
      region: { least: 1, most: 480, leastBy: { kind: 'nothing' }, mostBy: { kind: 'order' } },
      baseline: { schedule: 'receding' },
      change: 0,
      model: null,
      shares: null,
    },
  })
  expect(told?.sent).toBe(told?.tuned?.chosen)
  expect(told?.tuned?.chosen).toBe(told?.tuned?.baseline.quantity)
})

describe('of what a model moved', () => {
  const decision = decisionOn({ model: 'champion' })
  const told = explainTuning(decision, () => model)?.tuned

  test('the shares of all groups and the mean add up to the change', () => {
    const { shares, change } = told ?? {}
    expect(change).not.toBe(0)
    const sum = shares?.groups.reduce((total, { value }) => total + value, shares.mean)
    expect(sum).toBeCloseTo(change ?? Number.NaN, 9)
    expect(shares?.groups.flatMap(({ features }) => Object.keys(features)).toSorted()).toEqual(
      FEATURES.map(({ name }) => name).toSorted(),
    )
    expect(shares?.background).toBe(model.artifact.golden.inputs.sha256)
  })

  test('a group that the model does not read has no share', () => {
    // A model of the volume ratio alone.
    const volume = { artifact: model.artifact, infer: (features: Float64Array) => features[6] }
    const shares = explainTuning(decision, () => volume)?.tuned?.shares
    const others = shares?.groups.filter(({ group }) => group !== 'volume') ?? []
    expect(others).toHaveLength(6)
    expect(Math.max(...others.map(({ value }) => Math.abs(value)))).toBeLessThan(1e-9)
  })

  test('without the model all else is told', () => {
    expect(explainTuning(decision, NO_MODELS)?.tuned).toEqual({ ...told, shares: null })
  })
})

test('of what was left as it was it says why', () => {
  const state = run(ready(PROGRAM, WELL_KNOWN), [steer()], NOW).state
  const decision = answered(state, ask(sliced({ execution: { horizonMs: 1, urgency: 0 } })))
  expect(decision && explainTuning(decision, NO_MODELS)).toMatchObject({
    sent: 480,
    without: 480,
    untuned: { why: 'horizon-out-of-range' },
    tuned: null,
  })
})
