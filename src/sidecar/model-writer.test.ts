import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { EphorError } from '../base/errors.ts'
import { readAliases, inForce } from '../optimizer/registry/registry.ts'
import { sealEvaluation } from '../optimizer/registry/evaluation.ts'
import type { AliasState, Proposed } from '../optimizer/registry/alias-log.ts'
import { aModel, bytesOf, CONSTITUTION } from '../../test/support/models.ts'
import {
  approvedBy,
  hashIn,
  passing,
  person,
  placeIn,
  SCHEDULE,
  type Person,
} from '../../test/support/registry.ts'
import { HEAD, LOG, modelFiles } from './model-files.ts'
import { enter, keepModelFile, type Reached } from './model-writer.ts'

const MODEL = Buffer.from(bytesOf(aModel())).toString('utf8')
const [alice, bob] = ['alice', 'bob'].map(person) as [Person, Person]

let directory: string
/** Passes all gates, and one that misses the second. */
let good: string
let poor: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ephor-writer-'))
  const evaluate = (text: string, more: object = {}): string => {
    const sealed = sealEvaluation({ ...passing(hashIn(text)), ...more })
    keepModelFile(directory, 'evaluation', hashIn(sealed), sealed)
    return hashIn(sealed)
  }
  for (const text of [SCHEDULE, MODEL]) keepModelFile(directory, 'artifact', hashIn(text), text)
  const [first] = passing('').comparisons
  good = evaluate(MODEL)
  poor = evaluate(MODEL, { comparisons: [{ ...first, ofSchedule: { value: 0.01, low: -0.01, high: 0.02 } }] })
  const shipped = evaluate(SCHEDULE)
  put((state) => ({
    ...placeIn(state),
    kind: 'shipped',
    alias: 'champion',
    artifact: hashIn(SCHEDULE),
    evaluation: shipped,
    reason: 'Made.',
  }))
  put((state) => ({
    ...placeIn(state),
    kind: 'approvers',
    approvers: [alice, bob].map(({ name, publicKey }) => ({ name, publicKey })),
    approvals: [],
  }))
})
afterEach(() => rmSync(directory, { recursive: true }))

function put(make: (state: AliasState) => Proposed, reached?: Reached, rules = CONSTITUTION): AliasState {
  return enter(directory, make(readAliases(modelFiles(directory))), rules, reached)
}
const promote =
  (alias: 'shadow' | 'challenger' | 'champion', evaluation: string) =>
  (state: AliasState): Proposed =>
    approvedBy(
      { ...placeIn(state), kind: 'promoted', alias, artifact: hashIn(MODEL), evaluation, approvals: [] },
      [alice, bob],
    )
const champion = (): string | undefined =>
  inForce(modelFiles(directory), 'champion', CONSTITUTION)?.tuner.hash
const entries = (): number => readAliases(modelFiles(directory)).entries.length

function refusal(ask: () => unknown): string {
  try {
    ask()
  } catch (error) {
    if (error instanceof EphorError) return error.message
    throw error
  }
  return 'done'
}

describe('a promotion', () => {
  test('goes the whole way with a model that passes', () => {
    for (const alias of ['shadow', 'challenger', 'champion'] as const) put(promote(alias, good))
    expect(champion()).toBe(hashIn(MODEL))
    put((state) =>
      approvedBy(
        {
          ...placeIn(state),
          kind: 'rolledBack',
          alias: 'champion',
          artifact: hashIn(SCHEDULE),
          approvals: [],
        },
        [bob],
      ),
    )
    expect(champion()).toBe(hashIn(SCHEDULE))
  })

  test('of a model that misses a gate ends at shadow', () => {
    put(promote('shadow', poor))
    expect(refusal(() => put(promote('challenger', poor)))).toMatch(
      /^MODEL_GATES_NOT_PASSED: .* as challenger: gate b: Cheaper on later bars/,
    )
    expect(entries()).toBe(3)
  })

  test('under other rules than the model’s is refused', () => {
    expect(refusal(() => put(promote('shadow', good), undefined, 'f'.repeat(64)))).toMatch(
      /^MODEL_CONSTITUTION_DIFFERS/,
    )
  })

  test('by the evaluation of something else is refused', () => {
    const other = sealEvaluation(passing('9'.repeat(64)))
    keepModelFile(directory, 'evaluation', hashIn(other), other)
    expect(refusal(() => put(promote('shadow', hashIn(other))))).toMatch(
      /^MODEL_EVALUATION_INVALID: .* is of 9999/,
    )
  })

  test('while another writes is refused', () => {
    let inner = ''
    put(promote('shadow', good), (step) => {
      if (step === 'begun') inner = refusal(() => put(promote('shadow', good)))
    })
    expect(inner).toMatch(/^JOURNAL_LOCKED/)
    expect(entries()).toBe(3)
  })
})

describe('a writer that dies', () => {
  test.each(['begun', 'appended', 'synced', 'head written'] as const)(
    'having %s leaves what was in force, and the next one succeeds',
    (when) => {
      put(promote('shadow', good))
      put(promote('challenger', good))
      const dies: Reached = (step) => {
        if (step === when) throw new Error('killed')
      }
      expect(() => put(promote('champion', good), dies)).toThrow('killed')
      expect([champion(), entries()]).toEqual([hashIn(SCHEDULE), 4])
      put(promote('champion', good))
      expect([champion(), entries()]).toEqual([hashIn(MODEL), 5])
      expect(readFileSync(join(directory, LOG), 'utf8').split('\n')).toHaveLength(6)
    },
  )

  test('once the head is there the new one is in force', () => {
    for (const alias of ['shadow', 'challenger'] as const) put(promote(alias, good))
    expect(() =>
      put(promote('champion', good), (step) => {
        if (step === 'done') throw new Error('killed')
      }),
    ).toThrow('killed')
    expect(champion()).toBe(hashIn(MODEL))
  })

  test('half a line behind the head is cut off by the next', () => {
    appendFileSync(join(directory, LOG), '{"kind":"promo')
    expect(entries()).toBe(2)
    put(promote('shadow', good))
    expect(entries()).toBe(3)
  })
})

describe('what was written', () => {
  test('is never written over', () => {
    const hash = hashIn(MODEL)
    keepModelFile(directory, 'artifact', hash, MODEL)
    expect(refusal(() => keepModelFile(directory, 'artifact', hash, `${MODEL} `))).toMatch(/^MODEL_ALTERED/)
    expect(refusal(() => keepModelFile(directory, 'artifact', '../../x', MODEL))).toMatch(
      /^MODEL_INVALID: .* is no hash/,
    )
  })

  test('is refused once its log was cut, and nothing is written then', () => {
    const path = join(directory, LOG)
    truncateSync(path, readFileSync(path).length - 10)
    const before = readFileSync(path)
    expect(refusal(() => put(promote('shadow', good)))).toMatch(/^MODEL_LOG_TRUNCATED/)
    expect(readFileSync(path)).toEqual(before)
    expect(existsSync(join(directory, 'writer.lock'))).toBe(false)
  })

  test('is refused once its head says another thing', () => {
    writeFileSync(
      join(directory, HEAD),
      readFileSync(join(directory, HEAD), 'utf8').replace('"sequence":2', '"sequence":1'),
    )
    expect(refusal(champion)).toMatch(/^MODEL_LOG_ALTERED: the head states/)
  })
})
