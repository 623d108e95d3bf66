/** A journal that was cut or changed while nobody ran: what a crash can leave is set aside, anything else refuses the start. */
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { verifyJournal } from '../../src/journal/verify.ts'
import type { ActionAnswer } from '../../src/protocol/decision.ts'
import { order, quietMarket } from '../support/market.ts'
import { OPEN, Rig } from '../support/sidecar.ts'
import { serve } from './cli-sidecar.ts'

let rig: Rig
let released: ActionAnswer[]
const segment = (): string => join(rig.journal, 'segment-000000000001.ndjson')
const head = (): string => join(rig.journal, 'head')

beforeEach(async () => {
  rig = await new Rig().start()
  await rig.observe(...quietMarket(OPEN))
  released = [await rig.judge(order()), await rig.judge(order({ quantity: 5000 })), await rig.judge(order())]
})
afterEach(() => rig.end())

/** Where the last line begins. */
const lastLine = (bytes: Buffer): number => bytes.lastIndexOf('\n', bytes.length - 2) + 1

/** Resolves when the signed head covers all that was released. */
async function covered(): Promise<void> {
  const { sidecar, home } = rig.running
  await vi.waitFor(async () =>
    expect((await verifyJournal(rig.journal, home.keys.publicKey)).headSequence).toBe(
      sidecar.durableSequence,
    ),
  )
}

/** Refused by name, in the process and on the command line, with the files left as they were. */
async function expectRefused(code: string, detail: RegExp): Promise<void> {
  const before = readFileSync(segment())
  await expect(rig.start()).rejects.toMatchObject({ code, detail: expect.stringMatching(detail) })
  await expect(serve(rig.home)).rejects.toThrow(new RegExp(`ended with 2: error: ${code}: `))
  expect(readFileSync(segment())).toEqual(before)
  expect(existsSync(join(rig.journal, 'quarantine'))).toBe(false)
  expect(existsSync(join(rig.journal, 'writer.lock'))).toBe(false)
}

describe('behind the signed head', () => {
  test('a record cut short is set aside; what was released is all there, and the unreleased can be asked anew', async () => {
    // As a kill leaves it: the record is half written, and the head does not state it yet.
    await covered()
    copyFileSync(head(), join(rig.home, 'head-before'))
    const request = rig.request(order({ quantity: 7 }))
    await rig.post('/v1/actions', 'alpha', request)
    await rig.stop()
    copyFileSync(join(rig.home, 'head-before'), head())
    // A kill leaves no checkpoint of the end; one would say that more than a torn write is gone.
    rmSync(join(rig.journal, 'checkpoints'), { recursive: true })
    const whole = readFileSync(segment())
    const from = lastLine(whole)
    truncateSync(segment(), Math.floor((from + whole.length) / 2))
    const torn = readFileSync(segment()).subarray(from)

    await rig.start()
    const { quarantined, sequence } = rig.running.recovery
    expect(sequence).toBe(released.at(-1)?.sequence)
    expect(quarantined).toMatchObject({ bytes: torn.length, segment: 'segment-000000000001.ndjson' })
    expect(readFileSync(quarantined?.file ?? '')).toEqual(torn)
    for (const answer of released)
      expect((await rig.get(`/v1/decisions/${answer.decision}`)).body).toMatchObject({
        sequence: answer.sequence,
        decision: { verdict: answer.verdict },
      })
    expect((await rig.post('/v1/actions', 'alpha', request)).body).toMatchObject({
      verdict: 'allow',
      sequence: sequence + 1,
    })
    const { publicKey } = rig.running.home.keys
    await rig.stop()
    expect(await verifyJournal(rig.journal, publicKey)).toMatchObject({ ok: true, unsigned: 0 })
  })

  test('a whole record that no head states is kept, and is the answer when it is asked for again', async () => {
    await covered()
    copyFileSync(head(), join(rig.home, 'head-before'))
    const request = rig.request(order({ quantity: 7 }))
    const { text } = await rig.post('/v1/actions', 'alpha', request)
    await rig.stop()
    copyFileSync(join(rig.home, 'head-before'), head())
    await rig.start()
    expect(rig.running.recovery).toMatchObject({ unsignedRecords: 1, quarantined: null })
    expect((await rig.post('/v1/actions', 'alpha', request)).text).toBe(text)
  })

  test('bytes that are no record are set aside', async () => {
    await rig.stop()
    appendFileSync(segment(), Buffer.alloc(4096))
    await rig.start()
    expect(rig.running.recovery.quarantined).toMatchObject({ bytes: 4096 })
    expect(readdirSync(join(rig.journal, 'quarantine'))).toHaveLength(1)
    expect((await rig.judge(order())).sequence).toBe((released.at(-1)?.sequence ?? 0) + 1)
  })
})

describe('before the signed head', () => {
  beforeEach(() => rig.stop())

  test.each<[string, (bytes: Buffer) => number]>([
    ['in the middle of the last record', (bytes) => bytes.length - 100],
    ['by its last byte', (bytes) => bytes.length - 1],
    ['between records', lastLine],
    ['to nothing', () => 0],
  ])('cut %s: refused', async (_, length) => {
    truncateSync(segment(), length(readFileSync(segment())))
    await expectRefused('JOURNAL_TRUNCATED', /the signed head is at \d+, the last record at \d+/)
  })

  test('the segment gone: refused', async () => {
    rmSync(segment())
    await expect(rig.start()).rejects.toMatchObject({ code: 'JOURNAL_TRUNCATED' })
  })

  test('the head gone: refused', async () => {
    rmSync(head())
    await expectRefused('JOURNAL_CORRUPT', /`head` is missing/)
  })

  test('a byte flipped anywhere: refused, naming the line', async () => {
    const whole = readFileSync(segment())
    for (const share of [0.02, 0.3, 0.6, 0.97]) {
      const damaged = Buffer.from(whole)
      const at = Math.floor(whole.length * share)
      damaged[at] = (damaged[at] ?? 0) ^ 0x01
      writeFileSync(segment(), damaged)
      const line = whole.subarray(0, at).filter((byte) => byte === 10).length + 1
      await expect(rig.start()).rejects.toMatchObject({
        code: 'JOURNAL_CORRUPT',
        detail: expect.stringContaining(`line ${line}, byte `),
      })
    }
    await expectRefused('JOURNAL_CORRUPT', /line \d+, byte \d+: hash/)
  })

  test('a verdict changed and its hash made to fit: refused by the record after it', async () => {
    const lines = readFileSync(segment(), 'utf8').split('\n')
    const index = lines.findIndex((line) => line.includes('"verdict":"deny"'))
    const { createHash } = await import('node:crypto')
    const forged = (lines[index] ?? '').replace('"verdict":"deny"', '"verdict":"allow"')
    const hash = createHash('sha256').update(forged.slice(75)).digest('hex')
    lines[index] = `{"hash":"${hash}",${forged.slice(75)}`
    writeFileSync(segment(), lines.join('\n'))
    await expectRefused('JOURNAL_CORRUPT', /previous/)
  })
})
