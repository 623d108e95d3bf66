/** Putting a constitution in force over HTTP and under `--dev`: whole and valid, or not at all. */
import { appendFileSync, cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { pino, type Logger } from 'pino'
import { readRecordsBackwards } from '../../src/journal/read.ts'
import type { JournalRecord } from '../../src/journal/record.ts'
import { expectProblem, until } from '../support/http.ts'
import { order, quietMarket } from '../support/market.ts'
import { codesOf, CONSTITUTION, OPEN, Rig, UNTHROTTLED } from '../support/sidecar.ts'

let rig: Rig
let directory: string
let log: string

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ephor-constitution-'))
  cpSync(UNTHROTTLED, directory, { recursive: true })
  rig = new Rig({ constitution: directory })
  log = ''
})
afterEach(async () => {
  await rig.end()
  rmSync(directory, { recursive: true })
})

/** Replaces `what` in a file of the constitution, which must be there. */
function edit(file: string, what: string, by: string): void {
  const path = join(directory, file)
  const text = readFileSync(path, 'utf8')
  expect(text).toContain(what)
  writeFileSync(path, text.replace(what, by))
}
const setVersion = (version: string): void =>
  edit('constitution.yaml', inForceVersion, `version: "${version}"`)
const inForceVersion =
  /version: .*/.exec(readFileSync(join(CONSTITUTION, 'constitution.yaml'), 'utf8'))?.[0] ?? ''

const activate = (body: object = {}): ReturnType<Rig['post']> => rig.post('/v1/constitution', 'author', body)
const lastRecord = async (type?: string): Promise<JournalRecord> => {
  for await (const record of readRecordsBackwards(rig.journal))
    if (type === undefined || (record.event as { type?: unknown }).type === type) return record
  throw new Error('the journal is empty')
}
const inForce = async (): Promise<Record<string, unknown>> => (await rig.get('/v1/constitution')).body

describe('activation', () => {
  beforeEach(async () => {
    await rig.start()
    await rig.observe(...quietMarket(OPEN))
  })

  /** Activates though cases fail, as somebody who knows why. */
  const acceptFailing = (): ReturnType<typeof activate> =>
    activate({ acceptFailingCases: true, reason: 'a tenth for today' })

  test('what is edited is not in force until it is activated; then it is, from the next decision on', async () => {
    const before = await inForce()
    edit('rules/size.yaml', '2% * account.equity', '0.1% * account.equity')
    expect((await rig.judge(order())).verdict).toBe('allow')
    const answer = await acceptFailing()
    expect(answer.body).toMatchObject({ schema: 1, activated: true })
    expect(answer.body.casesFailed).toBeGreaterThan(0)
    expect(answer.body.constitution).not.toBe(before.constitution)
    const after = await inForce()
    expect(after.constitution).toBe(answer.body.constitution)
    const denied = await rig.judge(order())
    expect(codesOf(denied)).toEqual(['ORDER_VALUE_CAP'])
    expect(denied.constitution).toBe(after.constitution)
    // Nothing is put in force by asking again, so there is nothing to accept.
    const again = await activate()
    expect(again.body).toEqual({ ...answer.body, activated: false })
    edit('rules/size.yaml', '0.1% * account.equity', '2% * account.equity')
    expect((await activate()).body).toEqual({
      schema: 1,
      constitution: before.constitution,
      activated: true,
      casesFailed: 0,
    })
  })

  test('what the old one allowed a moment ago is neither told again nor sent', async () => {
    const request = rig.request(order())
    const { body } = await rig.post('/v1/actions', 'alpha', request)
    expect(body.verdict).toBe('allow')
    edit('rules/size.yaml', '2% * account.equity', '0.1% * account.equity')
    await acceptFailing()
    expectProblem(await rig.post('/v1/actions', 'alpha', request), 'CONSTITUTION_CHANGED', 'house')
    const permit = String(body.decision).replace('d-', 'p-')
    const redeemed = await rig.post(`/v1/permits/${permit}/redeem`, 'alpha', {})
    expectProblem(redeemed, 'CONSTITUTION_CHANGED', 'ask again with a new id')
  })

  test('cases that do not hold are named, and keep it from being put in force', async () => {
    const before = await inForce()
    const { durableSequence } = rig.running.sidecar
    edit('rules/size.yaml', '2% * account.equity', '3% * account.equity')
    const refused = await activate()
    expectProblem(refused, 'CASES_FAILED', /cases\/size\.yaml:\d+:\d+: .*: expected deny, got pending/)
    expect(refused.body.detail).toContain('change the cases beside it too')
    expect(refused.body.detail).toContain('acceptFailingCases')
    expect(await inForce()).toEqual(before)
    expect(rig.running.sidecar.durableSequence).toBe(durableSequence)
  })

  test('a file of cases that cannot be read is a failure too', async () => {
    setVersion('1.0.1')
    edit('cases/size.yaml', 'cases:', 'case:')
    expectProblem(await activate(), 'CASES_FAILED', 'cases/size.yaml')
  })

  test('who accepts that cases fail says why, and the record keeps it', async () => {
    edit('rules/size.yaml', '2% * account.equity', '3% * account.equity')
    const wrong = [
      { acceptFailingCases: true },
      { acceptFailingCases: false, reason: 'because' },
      { acceptFailingCases: true, reason: '' },
    ]
    for (const body of wrong) expectProblem(await activate(body), 'BODY_INVALID', /reason|acceptFailingCases/)
    expectProblem(await activate({ reason: 'because' }), 'CASES_FAILED', 'cases/size.yaml')
    const { casesFailed } = (await acceptFailing()).body
    expect((await lastRecord()).event).toMatchObject({
      type: 'activated',
      by: 'author',
      casesFailed,
      acceptFailingCases: true,
      reason: 'a tenth for today',
    })
    await rig.stop()
    await rig.start()
    expect((await inForce()).rules).toBeDefined()
  })

  test('where all cases hold there is nothing to accept, and the record says nothing of it', async () => {
    setVersion('1.0.1')
    expect((await acceptFailing()).body).toMatchObject({ activated: true, casesFailed: 0 })
    expect((await lastRecord()).event).not.toHaveProperty('acceptFailingCases')
  })

  test('it stays in force over a restart, whatever stands in the directory by then', async () => {
    edit('rules/size.yaml', '2% * account.equity', '0.1% * account.equity')
    const { constitution } = (await acceptFailing()).body
    await rig.stop()
    rmSync(join(directory, 'rules'), { recursive: true })
    await rig.start()
    expect((await inForce()).constitution).toBe(constitution)
    await rig.observe(...quietMarket(OPEN))
    expect(codesOf(await rig.judge(order()))).toEqual(['ORDER_VALUE_CAP'])
  })

  test.each<[string, () => void, RegExp]>([
    [
      'a misspelt fact',
      () => edit('rules/size.yaml', 'order.value >', 'order.valeu >'),
      /rules\/size\.yaml:\d+:\d+: .*order\.valeu/,
    ],
    [
      'dollars against shares',
      () => edit('rules/size.yaml', '> 2% * account.equity', '> order.quantity'),
      /rules\/size\.yaml:\d+:\d+: /,
    ],
    [
      'YAML that is none',
      () => edit('rules/market.yaml', 'rules:', 'rules: ['),
      /rules\/market\.yaml:\d+:\d+: /,
    ],
    [
      'an unknown key',
      () => edit('rules/market.yaml', 'forbid: not agent.permitted', 'forbids: not agent.permitted'),
      /rules\/market\.yaml:\d+:\d+: /,
    ],
    [
      'a rule twice',
      () =>
        appendFileSync(
          join(directory, 'rules/market.yaml'),
          '\n  - { id: halted, title: x, why: x, cites: [x], checks: [C21], applies: { actions: [order] }, forbid: not agent.permitted }\n',
        ),
      /rules\/market\.yaml:\d+:\d+: .*halted/,
    ],
    [
      'a table with a word for a number',
      () => edit('tables/price-bands.csv', 'equity,regular,3', 'equity,regular,three'),
      /tables\/price-bands\.csv:\d+:\d+: /,
    ],
    ['no rules', () => rmSync(join(directory, 'rules'), { recursive: true }), /./],
    ['no manifest', () => rmSync(join(directory, 'constitution.yaml')), /constitution\.yaml/],
    ['no directory', () => renameSync(directory, `${directory}-gone`), /cannot be read/],
  ])('%s is refused where it stands, and what was in force stays', async (_, damage, where) => {
    const before = await inForce()
    const { durableSequence } = rig.running.sidecar
    damage()
    expectProblem(await activate(), 'CONSTITUTION_INVALID', where)
    expect(await inForce()).toEqual(before)
    expect((await rig.judge(order())).verdict).toBe('allow')
    expect(rig.running.sidecar.durableSequence).toBe(durableSequence + 1)
    cpSync(UNTHROTTLED, directory, { recursive: true })
    rmSync(`${directory}-gone`, { recursive: true, force: true })
  })

  test('a hash that the directory has not is refused, the right one is taken', async () => {
    const before = await inForce()
    setVersion('9.9.9')
    const other = 'a'.repeat(64)
    const refused = await activate({ hash: other })
    expectProblem(refused, 'CONSTITUTION_INVALID', `not ${other}`)
    expectProblem(
      await activate({ hash: before.constitution }),
      'CONSTITUTION_INVALID',
      String(before.constitution),
    )
    expect((await inForce()).constitution).toBe(before.constitution)
    const right = /has ([0-9a-f]{64})/.exec(String(refused.body.detail))?.[1]
    expect((await activate({ hash: right })).body).toEqual({
      schema: 1,
      constitution: right,
      activated: true,
      casesFailed: 0,
    })
  })

  test('one that takes effect tomorrow does not today', async () => {
    edit('constitution.yaml', '2026-01-01T00:00:00Z', '2026-12-02T00:00:00Z')
    expectProblem(await activate(), 'CONSTITUTION_INVALID', '2026-12-02')
    rig.now = Date.parse('2026-12-02T00:00:00Z')
    expect((await activate()).body).toMatchObject({ activated: true, casesFailed: 0 })
  })

  test('rules that read what this version does not measure live are refused by name; as shadows they are taken', async () => {
    const before = await inForce()
    edit(
      'facts.yaml',
      'facts:\n',
      'facts:\n  market.volume1d: { type: quantity, sum: bar.volume, by: [instrument.id], window: day }\n',
    )
    const rule = (mode: string): string =>
      `\n  - { id: spent, title: x, why: x, cites: [x], checks: [C05], ${mode}applies: { actions: [order, replace] }, forbid: order.quantity > 1000000 * instrument.lot and order.quantity > market.volume1d, unless: action.reducing }\n`
    edit('rules/size.yaml', '\n  - id: order-value-cap', `${rule('')}\n  - id: order-value-cap`)
    writeFileSync(
      join(directory, 'cases', 'spent.yaml'),
      'about: [SPENT]\nworld: plain\ncases:\n  - note: nothing spent\n    expect: { verdict: allow }\n',
    )
    expectProblem(await activate(), 'CONSTITUTION_UNSUPPORTED', 'spent reads market.volume1d')
    expect(await inForce()).toEqual(before)
    edit('rules/size.yaml', rule(''), rule('mode: shadow, '))
    expect((await activate()).body).toMatchObject({ activated: true, casesFailed: 0 })
  })

  test('what is in force names each of its rules', async () => {
    const { rules } = await inForce()
    expect((rules as { rule: string }[]).length).toBe(
      rig.running.sidecar.state.program?.constitution.rules.length,
    )
    expect(rules).toContainEqual(
      expect.objectContaining({
        rule: 'order-value-cap',
        code: 'ORDER_VALUE_CAP',
        effect: 'forbid',
        mode: 'enforce',
        grantable: false,
      }),
    )
  })
})

describe('a first start', () => {
  beforeEach(() => edit('rules/size.yaml', '2% * account.equity', '3% * account.equity'))

  test('takes no constitution whose cases do not hold, and can be tried again', async () => {
    await expect(rig.start()).rejects.toMatchObject({
      code: 'CASES_FAILED',
      detail: expect.stringMatching(/cases\/size\.yaml:\d+:\d+: [^]*--accept-failing-cases/),
    })
    edit('rules/size.yaml', '3% * account.equity', '2% * account.equity')
    await rig.start()
    expect((await lastRecord()).event).toMatchObject({ type: 'activated', by: 'ephor' })
  })

  test('takes it for a reason, which is recorded', async () => {
    await rig.start({ acceptFailingCases: 'cases follow tomorrow' })
    expect((await lastRecord('activated')).event).toMatchObject({
      acceptFailingCases: true,
      reason: 'cases follow tomorrow',
    })
  })
})

describe('under --dev', () => {
  const logger = (): Logger =>
    pino(
      { level: 'info' },
      new Writable({
        write: (chunk: Buffer, _, done) => {
          log += chunk.toString()
          done()
        },
      }),
    )
  const version = async (): Promise<unknown> => (await inForce()).version

  test('a valid edit is taken, a broken one is reported and ignored, a replaced file counts as an edit', async () => {
    await rig.start({ dev: true, logger: logger() })
    await rig.observe(...quietMarket(OPEN))
    const manifest = join(directory, 'constitution.yaml')
    setVersion('2.0.0')
    await until('2.0.0 is in force', async () => (await version()) === '2.0.0')

    const rules = readFileSync(join(directory, 'rules/size.yaml'), 'utf8')
    writeFileSync(join(directory, 'rules/size.yaml'), rules.replace('order.value >', 'order.valeu >'))
    await until('the mistake is reported', () => /order\.valeu/.test(log))
    expect(log).toContain('not activated')
    expect(await version()).toBe('2.0.0')
    expect((await rig.judge(order())).verdict).toBe('allow')
    writeFileSync(join(directory, 'rules/size.yaml'), rules)

    // Editors write a new file and rename it over the old one.
    for (const next of ['3.0.0', '4.0.0']) {
      const text = readFileSync(manifest, 'utf8').replace(/version: .*/, `version: "${next}"`)
      writeFileSync(`${manifest}.tmp`, text)
      renameSync(`${manifest}.tmp`, manifest)
      await until(`${next} is in force`, async () => (await version()) === next)
    }
  })

  test('an edited limit is in force before its cases are edited, and that they fail is said', async () => {
    await rig.start({ dev: true, logger: logger() })
    await rig.observe(...quietMarket(OPEN))
    const before = (await inForce()).constitution
    edit('rules/size.yaml', '2% * account.equity', '0.1% * account.equity')
    await until('the edit is in force', async () => (await inForce()).constitution !== before)
    expect(codesOf(await rig.judge(order()))).toEqual(['ORDER_VALUE_CAP'])
    await until('the cases are named', () => /cases\/size\.yaml:\d+:\d+/.test(log))
    expect(log).toContain('change the cases beside it too')
  })

  test('without it an edit changes nothing', async () => {
    await rig.start({ logger: logger() })
    const before = await inForce()
    setVersion('2.0.0')
    expect(await inForce()).toEqual(before)
    expect(log.match(/constitution in force/g)).toHaveLength(1)
  })
})
