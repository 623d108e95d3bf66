import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { EphorError } from '../base/errors.ts'
import { inForce } from '../optimizer/registry/registry.ts'
import { aRegistry } from '../../test/support/registry.ts'
import { CONSTITUTION } from '../../test/support/models.ts'
import { ARTIFACTS, EVALUATIONS, HEAD, LOG, modelFiles } from './model-files.ts'

let directory: string
let artifact: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ephor-models-'))
  const { log, head, artifacts, evaluations } = aRegistry()
  writeFileSync(join(directory, LOG), log)
  writeFileSync(join(directory, HEAD), head ?? '')
  for (const [folder, files] of [
    [ARTIFACTS, artifacts],
    [EVALUATIONS, evaluations],
  ] as const) {
    mkdirSync(join(directory, folder))
    for (const [hash, text] of files) writeFileSync(join(directory, folder, `${hash}.json`), text)
  }
  artifact = join(directory, ARTIFACTS, `${[...artifacts.keys()][0] ?? ''}.json`)
})
afterEach(() => rmSync(directory, { recursive: true }))

function refusal(): string {
  try {
    return inForce(modelFiles(directory), 'champion', CONSTITUTION)?.tuner.kind ?? 'nothing'
  } catch (error) {
    if (error instanceof EphorError) return error.message
    throw error
  }
}

describe('a registry on disk', () => {
  test('is read', () => {
    expect(refusal()).toBe('schedule')
  })

  test('that is not there holds nothing', () => {
    expect(inForce(modelFiles(join(directory, 'none')), 'champion', CONSTITUTION)).toBeUndefined()
  })

  test.each<[string, () => void, RegExp]>([
    ['an artifact that is gone', () => rmSync(artifact), /^MODEL_MISSING/],
    [
      'an artifact that is a link',
      () => {
        renameSync(artifact, `${artifact}.moved`)
        symlinkSync(`${artifact}.moved`, artifact)
      },
      /^MODEL_INVALID: .* is no plain file/,
    ],
    [
      'a folder of artifacts that is a link',
      () => {
        const folder = join(directory, ARTIFACTS)
        renameSync(folder, `${folder}.moved`)
        symlinkSync(`${folder}.moved`, folder)
      },
      /^MODEL_INVALID: .* is no directory of its own/,
    ],
    [
      'an artifact that is a directory',
      () => {
        rmSync(artifact)
        mkdirSync(artifact)
      },
      /^MODEL_INVALID: .* is no plain file/,
    ],
    [
      'an artifact that is a pipe, which nobody writes to',
      () => {
        rmSync(artifact)
        expect(spawnSync('mkfifo', [artifact]).status).toBe(0)
      },
      /^MODEL_INVALID: .* is no plain file/,
    ],
    [
      'a huge artifact',
      () => truncateSync(artifact, 10 * 1024 ** 3),
      /^MODEL_INVALID: .*: 10737418240 bytes; expected/,
    ],
    [
      'a huge log',
      () => truncateSync(join(directory, LOG), 10 * 1024 ** 3),
      /^MODEL_LOG_INVALID: .*: 10737418240 bytes/,
    ],
    [
      'a log that is a link',
      () => {
        renameSync(join(directory, LOG), join(directory, 'moved'))
        symlinkSync(join(directory, 'moved'), join(directory, LOG))
      },
      /^MODEL_LOG_INVALID: .* is no plain file/,
    ],
    [
      'a log that is no UTF-8',
      () => writeFileSync(join(directory, LOG), Buffer.from([0xff])),
      /^MODEL_LOG_INVALID: .* is not UTF-8/,
    ],
    ['a log that is gone', () => rmSync(join(directory, LOG)), /^MODEL_LOG_TRUNCATED/],
    ['a head that is gone', () => rmSync(join(directory, HEAD)), /^MODEL_LOG_TRUNCATED/],
  ])('refuses %s', (_, change, why) => {
    change()
    expect(refusal()).toMatch(why)
  })

  test.each(['../../etc/passwd', '', 'A'.repeat(64), `${'a'.repeat(64)}/..`, 'a'.repeat(1_000_000)])(
    'refuses a name that is no hash: %.20s',
    (name) => {
      const files = modelFiles(directory)
      expect(() => files.artifact(name)).toThrow('is no hash')
      expect(() => files.evaluation(name)).toThrow('is no hash')
    },
  )
})
