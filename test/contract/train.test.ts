/** `ephor train` and `ephor model` on a simulated market, as a person runs them. */
import { spawnSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bytesOf, aModel } from '../support/models.ts'

const MAIN = join(import.meta.dirname, '../../dist/cli/main.js')
const root = mkdtempSync(join(tmpdir(), 'ephor-train-'))
const bars = join(root, 'bars')
const out = join(root, 'trained')
afterAll(() => rmSync(root, { recursive: true }))

interface Ran {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

function ephor(...words: string[]): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words], {
    encoding: 'utf8',
    cwd: root,
  })
  return { status, stdout, stderr }
}
const rules = ['--constitution', join(import.meta.dirname, '../../constitution')]
/** An eighth of a round: the ways are what is tested here, not what is learned on them. */
const STEPS = '1536'
const small = ['--steps', STEPS, '--seed', '5', '--backend', 'cpu']

/** Bars by the hour, as the file is laid out that is looked for; enough of them to cut in three. */
function writeBars(): void {
  mkdirSync(bars)
  const rows = Array.from({ length: 4000 }, (_, at) => {
    const coins = 100 + 40 * Math.sin(at / 5) + ((at * 37) % 23)
    const price = 1000 + 10 * Math.sin(at / 11)
    return [
      1_526_364_000 + at * 3600,
      'x',
      'BTC/USD',
      price,
      price + 2 + (at % 7),
      price - 2 - (at % 5),
      price,
      coins,
      coins * price,
    ].join(',')
  })
  const text = ['unix,date,symbol,open,high,low,close,volume,Volume USD', ...rows].join('\n')
  writeFileSync(join(bars, 'btc_usd_hourly_train.csv.gz'), gzipSync(text))
}

let first: { model: string; hash: string; backend: string }
beforeAll(() => {
  writeBars()
  const { status, stdout, stderr } = ephor(
    'train',
    '--data',
    bars,
    ...rules,
    ...small,
    '--out',
    out,
    '--json',
  )
  expect(stderr).toMatch(/^\[#+\] 100 %, 0 s left, saves /)
  expect(status).toBe(0)
  first = JSON.parse(stdout) as typeof first
})

describe('train', () => {
  test('writes a model that verifies, with its curve, and takes its checkpoint away', () => {
    const path = join(out, `${first.hash}.json`)
    expect(readdirSync(out).toSorted()).toEqual([`${first.hash}.json`, 'curve.svg'].toSorted())
    expect(readFileSync(join(out, 'curve.svg'), 'utf8')).toMatch(/^<svg [\s\S]*<polyline [\s\S]*<\/svg>\n$/)
    expect(readFileSync(join(out, 'curve.svg'), 'utf8')).not.toContain('NaN')
    const { status, stdout } = ephor('model', 'verify', path, ...rules, '--json')
    expect(status).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      hash: first.hash,
      training: { seed: 5, backend: 'cpu' },
    })
  })

  test('gives the same model for the same seed, byte for byte', () => {
    const { stdout } = ephor(
      'train',
      '--data',
      bars,
      ...rules,
      ...small,
      '--out',
      join(root, 'again'),
      '--json',
    )
    expect(JSON.parse(stdout)).toMatchObject({ hash: first.hash })
  })

  test('says what it misses, and never trains on something else instead', () => {
    expect(ephor('train', '--data', root, ...rules).stderr).toContain('BARS_INVALID: ')
    expect(
      ephor('train', '--data', bars, ...rules, '--out', join(root, 'none'), '--resume').stderr,
    ).toContain('TRAINING_DIFFERS: ')
    const few = join(root, 'few')
    mkdirSync(few)
    const lines = gunzipSync(readFileSync(join(bars, 'btc_usd_hourly_train.csv.gz')))
      .toString()
      .split('\n')
    writeFileSync(join(few, 'btc_usd_hourly_train.csv.gz'), gzipSync(lines.slice(0, 400).join('\n')))
    expect(ephor('train', '--data', few, ...rules).stderr).toContain(
      'BARS_INVALID: btc_usd_hourly_train: 399 bars are too few',
    )
    expect(ephor('train', '--steps', '0').stderr).toContain('expected a whole number above zero')
    const { status, stderr } = ephor('train', '--constitution', bars)
    expect([status, stderr.slice(0, 27)]).toEqual([2, 'error: CONSTITUTION_INVALID'])
  })

  test.skipIf(existsSync(join(import.meta.dirname, '../../node_modules/@tensorflow/tfjs-node')))(
    'refuses a backend that is not installed',
    () => {
      const { status, stderr } = ephor('train', '--backend', 'tensorflow', ...rules)
      expect([status, stderr.includes('TRAINING_UNAVAILABLE: tensorflow: ')]).toEqual([2, true])
    },
  )
})

describe('model verify', () => {
  test('refuses what is no plain file, and what is too large, without reading it', () => {
    const link = join(root, 'link.json')
    symlinkSync(join(out, `${first.hash}.json`), link)
    const huge = join(root, 'huge.json')
    writeFileSync(huge, '')
    truncateSync(huge, 10 * 1024 ** 3)
    for (const [path, why] of [
      [link, 'is no plain file'],
      [root, 'is no plain file'],
      ['/dev/zero', 'is no plain file'],
      [huge, '10737418240 bytes; expected'],
      ['../../../none', 'there is no such file'],
    ] as const) {
      const { status, stderr } = ephor('model', 'verify', path)
      expect([status, stderr.startsWith('error: MODEL_INVALID: '), stderr.includes(why)]).toEqual([
        2,
        true,
        true,
      ])
    }
  })

  test('refuses a model of other rules', () => {
    const path = join(root, 'other.json')
    writeFileSync(path, bytesOf(aModel()))
    expect(ephor('model', 'verify', path).status).toBe(0)
    expect(ephor('model', 'verify', path, ...rules).stderr).toContain('error: MODEL_CONSTITUTION_DIFFERS: ')
  })
})

test('model evaluate writes a report with its pictures, and says what did not pass', () => {
  const words = [
    '--seeds',
    '2',
    '--steps',
    STEPS,
    '--control-seeds',
    '1',
    '--control-steps',
    STEPS,
    '--orders',
    '150',
  ]
  const { status, stdout, stderr } = ephor(
    'model',
    'evaluate',
    '--data',
    bars,
    '--out',
    join(root, 'report'),
    ...words,
    '--json',
  )
  expect(stderr).toContain('s  training, seed 2 of 2')
  const found = JSON.parse(stdout) as { passes: { controls: boolean }; comparisons: { name: string }[] }
  expect(status).toBe(found.passes.controls ? 0 : 1)
  const report = readFileSync(join(root, 'report', 'optimizer-report.md'), 'utf8')
  for (const { name } of found.comparisons) expect(report).toContain(`### ${name}`)
  expect(report).toContain('**Champion: ')
  expect(report).not.toMatch(/NaN|undefined/)
  for (const picture of ['optimizer-curves.svg', 'optimizer-savings.svg'])
    expect(readFileSync(join(root, 'report', 'pictures', picture), 'utf8')).not.toContain('NaN')
})

test('a schedule is evaluated by itself: its file, what was found, its card and a page, and nothing passes that was not checked', () => {
  const out = join(root, 'one')
  const words = ['--schedule', 'receding AC, expecting', '--orders', '100', '--out', out, ...rules]
  const { status, stdout, stderr } = ephor('model', 'evaluate', '--data', bars, ...words)
  expect(stderr).toContain('steps to be judged')
  // A million actions were not checked here.
  expect([status, stdout.includes('gate c: No action against a rule')]).toEqual([1, true])
  expect(readFileSync(join(out, 'card.md'), 'utf8')).toContain('nothing was learned')
  const page = readFileSync(join(out, 'optimizer-checks.md'), 'utf8')
  expect(page).toMatch(
    /json-rules-engine, .*judged [\d,]+ actions against every enforced rule of the constitution and refused 0/,
  )
  expect(page).not.toMatch(/NaN|undefined/)
  expect(ephor('model', 'verify', join(out, 'artifact.json')).stdout).toContain(
    'sends what it sent when it was judged',
  )
  const again = ephor('model', 'evaluate', '--data', bars, ...words, '--again', join(out, 'evaluation.json'))
  expect(again.stderr).not.toContain('steps to be judged')
  expect(again.stdout.split('evaluation ')[1]).toBe(stdout.split('evaluation ')[1])
})
