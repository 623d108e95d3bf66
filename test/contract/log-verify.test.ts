/** `ephor log verify` on a sidecar's own journal: what is derived again, and what is only believed. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { verifyHome } from '../../src/cli/verify-home.ts'
import { sha256 } from '../../src/base/hash.ts'
import { decisionId } from '../../src/engine/memory.ts'
import { decodeStatement, encodeStatement, STATEMENT_BYTES } from '../../src/journal/checkpoint-statement.ts'
import { openJournal } from '../../src/journal/journal.ts'
import { readRecords } from '../../src/journal/read.ts'
import type { Event } from '../../src/protocol/event.ts'
import { order, quietMarket } from '../support/market.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

let rig: Rig

beforeEach(async () => {
  rig = await new Rig().start()
})
afterEach(async () => {
  vi.restoreAllMocks()
  await rig.end()
})

/** What verification prints, and whether all is well. */
async function verified(json: boolean): Promise<{ ok: boolean; printed: string }> {
  let printed = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    printed += String(chunk)
    return true
  })
  return { ok: await verifyHome(rig.home, { chainOnly: false, json }), printed }
}

test('refusals by the engine are counted by what their records show', async () => {
  await rig.judge(order())
  await rig.observe(...quietMarket(OPEN))
  await rig.judge(order({ instrument: 'MSFT' }))
  await rig.judge(order())
  await rig.stop()
  const text = await verified(false)
  expect(text.ok).toBe(true)
  expect(text.printed).toContain('3 of 3 verdicts derived again')
  expect(text.printed).toContain(
    'refused by the engine itself: 1 ACCOUNT_UNKNOWN believed, 2 INSTRUMENT_UNKNOWN derived again\n',
  )
  expect(JSON.parse((await verified(true)).printed)).toMatchObject({
    ok: true,
    derived: {
      decisions: 3,
      refusals: {
        ACCOUNT_UNKNOWN: { derived: 0, believed: 1 },
        INSTRUMENT_UNKNOWN: { derived: 2, believed: 0 },
      },
    },
  })
})

test('where the engine refused nothing, nothing is said of it', async () => {
  await rig.observe(...quietMarket(OPEN))
  await rig.judge(order())
  await rig.stop()
  expect((await verified(false)).printed).not.toContain('refused by the engine')
})

/** Writes more records with the sidecar's own key, made from its last verdict. */
async function forge(...changes: readonly ((event: Decided) => Event)[]): Promise<void> {
  const { keys, keyId } = rig.running.home
  await rig.stop()
  let last: Decided | undefined
  for await (const record of readRecords(rig.journal)) {
    const event = record.event as unknown as Event
    if (event.type === 'decided') last = event
  }
  const decided = last ?? expect.fail('nothing was decided')
  const { journal } = await openJournal({ directory: rig.journal, keys, keyId, now: () => OPEN })
  const texts = changes.map((change) => JSON.stringify(change(decided)))
  await journal.append(texts.map((eventText) => ({ at: OPEN, eventText }))).durable
  await journal.close()
}
type Decided = Extract<Event, { type: 'decided' }>

test('what is wrong with other records is taken off no verdicts', async () => {
  await rig.observe(...quietMarket(OPEN))
  await rig.judge(order())
  await forge(({ decision: { decision } }) => ({ schema: 1, type: 'lapsed', decision }))
  const { ok, printed } = await verified(false)
  expect(ok).toBe(false)
  expect(printed).toMatch(/^record \d+: d-\w+ lapsed at \d+, and was not over until \d+$/m)
  expect(printed).toContain('1 of 1 verdicts derived again')
  expect(JSON.parse((await verified(true)).printed)).toMatchObject({ derived: { decisions: 1, same: 1 } })
})

test('an id that is decided and sent for a second time is found, and another verdict that reserves nothing', async () => {
  await rig.observe(...quietMarket(OPEN))
  await rig.judge(order())
  const id = rig.request(order()).id
  await forge(
    (event) => event,
    ({ decision: { decision } }) => ({ schema: 1, type: 'redeemed', decision }),
    ({ decision, evidence }) => ({
      schema: 1,
      type: 'decided',
      decision: {
        ...decision,
        decision: decisionId('alpha', id),
        request: { ...decision.request, id },
        worth: 0,
      },
      evidence,
    }),
  )
  const { ok, printed } = await verified(false)
  expect(ok).toBe(false)
  expect(printed).toMatch(/^record \d+: d-\w+: its id was decided before$/m)
  expect(printed).toMatch(/^record \d+: d-\w+: `worth` is recorded as 0, and comes out as \d+$/m)
  expect(printed).toContain('1 of 3 verdicts derived again')
})

/** Checkpoints at two records, of a sidecar that has stopped; the newest last. */
async function checkpoints(): Promise<string[]> {
  await rig.observe(...quietMarket(OPEN))
  for (let turn = 0; turn < 2; turn += 1) {
    await rig.judge(order())
    await rig.stop()
    if (turn === 0) await rig.start()
  }
  const folder = join(rig.journal, 'checkpoints')
  return readdirSync(folder)
    .toSorted()
    .map((name) => join(folder, name))
}

test('each checkpoint is held against what the journal comes to there', async () => {
  const paths = await checkpoints()
  expect(paths).toHaveLength(2)
  const { ok, printed } = await verified(false)
  expect(ok).toBe(true)
  expect(printed.match(/^checkpoint-\d+\.lines: what the journal comes to, byte for byte$/gm)).toHaveLength(2)
  expect(JSON.parse((await verified(true)).printed)).toMatchObject({
    checkpoints: [{ found: 'same' }, { found: 'same' }],
  })
})

test('a checkpoint that is damaged is wrong', async () => {
  const [path = ''] = await checkpoints()
  const bytes = readFileSync(path)
  bytes.writeUInt8((bytes.at(-5) ?? 0) ^ 1, bytes.length - 5)
  writeFileSync(path, bytes)
  const { ok, printed } = await verified(false)
  expect(ok).toBe(false)
  expect(printed).toMatch(/: its bytes do not have the hash that was signed$/m)
})

test('a false checkpoint is wrong, though the journal’s own key signed it', async () => {
  const { keys } = rig.running.home
  const [, path = ''] = await checkpoints()
  const bytes = readFileSync(path)
  const statement = decodeStatement(bytes.subarray(0, STATEMENT_BYTES), () => keys.publicKey)
  if (typeof statement === 'string') throw new Error(statement)
  const lines = bytes.toString('utf8', STATEMENT_BYTES).replace('"equity"', '"equitz"')
  const forged = { ...statement, sha256: sha256(lines), bytes: Buffer.byteLength(lines) }
  writeFileSync(path, Buffer.concat([encodeStatement(forged, keys.privateKey), Buffer.from(lines)]))
  const { ok, printed } = await verified(false)
  expect(ok).toBe(false)
  expect(printed).toMatch(/: it is signed, and not what the journal comes to$/m)
})

test('a checkpoint by another version is not compared, and is no problem', async () => {
  const { keys } = rig.running.home
  const [path = ''] = await checkpoints()
  const bytes = readFileSync(path)
  const statement = decodeStatement(bytes.subarray(0, STATEMENT_BYTES), () => keys.publicKey)
  if (typeof statement === 'string') throw new Error(statement)
  encodeStatement({ ...statement, engine: '0.0.9' }, keys.privateKey).copy(bytes)
  writeFileSync(path, bytes)
  const { ok, printed } = await verified(false)
  expect(ok).toBe(true)
  expect(printed).toMatch(/: it is by engine 0\.0\.9, state \d+; this is /)
})
