/** Checkpoints on a real journal: they save time and nothing else, whatever becomes of their files. */
import { randomInt } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { interceptedIo, newSignal, systemError } from '../../test/journal-support/journals.ts'
import { idAt, NOW, PROGRAM, QUIET, request } from '../../test/support/engine.ts'
import { generateKeyPair } from '../base/ed25519.ts'
import { decisionId } from '../engine/memory.ts'
import { stateLines } from '../engine/state-lines.ts'
import type { State } from '../engine/state.ts'
import { decodeStatement, encodeStatement, STATEMENT_BYTES } from '../journal/checkpoint-statement.ts'
import type { CheckpointStatement } from '../journal/checkpoint-statement.ts'
import type { CheckpointOptions, CheckpointReport } from './checkpoint-options.ts'
import { restart } from './restart.ts'
import { Sidecar, type Opened, type SidecarOptions } from './sidecar.ts'

const LONG = process.env.EPHOR_LONG === '1'
const keys = generateKeyPair()
let home: string
let reports: CheckpointReport[]

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ephor-checkpoints-'))
  mkdirSync(join(home, 'texts'))
  reports = []
})
afterEach(() => rmSync(home, { recursive: true }))

const folder = (): string => join(home, 'journal', 'checkpoints')
const files = (): string[] => (existsSync(folder()) ? readdirSync(folder()).toSorted() : [])
const pathOf = (name: string | undefined): string => join(folder(), name ?? 'none')

async function open(
  checkpoints: Partial<CheckpointOptions> = {},
  more: Partial<SidecarOptions> = {},
): Promise<Opened> {
  return Sidecar.open({
    journalDirectory: join(home, 'journal'),
    constitutionsDirectory: join(home, 'texts'),
    keys,
    keyId: 'test',
    clock: { now: () => NOW, steadyMicros: () => performance.now() * 1000 },
    checkpoints: { report: (report) => reports.push(report), ...checkpoints },
    ...more,
  })
}

let tail = 0
async function decide(sidecar: Sidecar, count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) {
    tail += 1
    await sidecar.submit({ kind: 'action', request: request({}, { id: idAt(NOW, `A${tail}`) }) })
  }
}

/** A journal of some decisions, closed: with one checkpoint at its end, unless there is to be none. */
async function made(checkpoints: Partial<CheckpointOptions> = {}, decisions = 5): Promise<State> {
  const { sidecar } = await open(checkpoints)
  await sidecar.activate(PROGRAM.constitution, 'author')
  await sidecar.submit({ kind: 'observations', observations: QUIET, feeder: null })
  await decide(sidecar, decisions)
  await sidecar.close()
  return sidecar.state
}

const textOf = (state: State): string => [...stateLines(state)].join('\n')

/** Starts, looks, and closes; a start that is only looked at writes no checkpoint. */
async function started(): Promise<Pick<Opened, 'restart'> & { text: string }> {
  const { sidecar, restart } = await open({ everyRecords: null })
  const text = textOf(sidecar.state)
  await sidecar.close()
  return { restart, text }
}

/** Writes the statement of a checkpoint anew, with what `change` says, signed by `by`. */
function restate(name: string, change: Partial<CheckpointStatement>, by = keys): void {
  const bytes = readFileSync(pathOf(name))
  const statement = decodeStatement(bytes.subarray(0, STATEMENT_BYTES), () => keys.publicKey)
  if (typeof statement === 'string') throw new Error(statement)
  encodeStatement({ ...statement, ...change }, by.privateKey).copy(bytes)
  writeFileSync(pathOf(name), bytes)
}

describe('a start', () => {
  test('with a checkpoint is the start without one, byte for byte, and folds only what came after', async () => {
    const whole = await made()
    expect(files()).toEqual([`checkpoint-${String(whole.sequence).padStart(12, '0')}.lines`])
    const second = await open({ everyRecords: null })
    expect(second.restart).toEqual({ checkpoint: whole.sequence, folded: 0, ignored: [] })
    expect(textOf(second.sidecar.state)).toBe(textOf(whole))
    await decide(second.sidecar, 3)
    const last = textOf(second.sidecar.state)
    await second.sidecar.close()
    const third = await started()
    expect(third.restart).toEqual({ checkpoint: whole.sequence, folded: 3, ignored: [] })
    expect(third.text).toBe(last)
    rmSync(folder(), { recursive: true })
    const fourth = await started()
    expect(fourth.restart).toEqual({ checkpoint: 0, folded: whole.sequence + 3, ignored: [] })
    expect(fourth.text).toBe(last)
  })

  test('with a checkpoint answers again, and finds decisions, those before it too', async () => {
    const { sidecar: first } = await open()
    await first.activate(PROGRAM.constitution, 'author')
    await first.submit({ kind: 'observations', observations: QUIET, feeder: null })
    const answer = await first.submit({ kind: 'action', request: request() })
    const recorded = await first.findDecision(decisionId('alpha', request().id))
    await first.close()
    const { sidecar, restart } = await open()
    expect(restart.checkpoint).toBeGreaterThan(0)
    expect(await sidecar.submit({ kind: 'action', request: request() })).toEqual({
      ...answer,
      recalled: true,
    })
    expect(recorded).toBeDefined()
    expect(await sidecar.findDecision(decisionId('alpha', request().id))).toEqual(recorded)
    expect(sidecar.findableDecisions).toBe(Number.POSITIVE_INFINITY)
    await sidecar.close()
  })

  test('takes the older of two when the newest is damaged', async () => {
    const { sequence } = await made()
    const { sidecar } = await open()
    await decide(sidecar, 2)
    await sidecar.close()
    const [older, newest] = files()
    truncateSync(pathOf(newest), STATEMENT_BYTES + 10)
    const { restart, text } = await started()
    expect(restart).toMatchObject({ checkpoint: sequence, folded: 2, ignored: [{ name: newest }] })
    expect(older).toContain(String(sequence))
    expect(text).toBe(textOf(sidecar.state))
  })

  test('verifies the journal before it all the same', async () => {
    await made()
    const segment = join(home, 'journal', 'segment-000000000001.ndjson')
    const bytes = readFileSync(segment)
    for (const share of [0.1, 0.5, 0.95]) {
      const damaged = Buffer.from(bytes)
      const at = Math.floor(bytes.length * share)
      damaged[at] = (damaged[at] ?? 0) ^ 1
      writeFileSync(segment, damaged)
      await expect(open()).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' })
    }
    truncateSync(segment, bytes.lastIndexOf('\n', bytes.length - 2) + 1)
    await expect(open()).rejects.toMatchObject({ code: 'JOURNAL_TRUNCATED' })
  })

  test('refuses a journal that ends before a checkpoint of it, though its head was set back too', async () => {
    await made({ everyRecords: null })
    cpSync(join(home, 'journal'), join(home, 'older'), { recursive: true })
    const { sidecar } = await open()
    await decide(sidecar, 2)
    await sidecar.close()
    for (const name of ['head', 'segment-000000000001.ndjson'])
      cpSync(join(home, 'older', name), join(home, 'journal', name))
    await expect(open()).rejects.toMatchObject({
      code: 'JOURNAL_TRUNCATED',
      detail: expect.stringMatching(
        /^the signed checkpoint `checkpoint-\d+\.lines` is at \d+, the last record at \d+$/,
      ),
    })
    // Whoever means to go on from the older copy takes the checkpoints away.
    rmSync(folder(), { recursive: true })
    await expect(started()).resolves.toMatchObject({ restart: { checkpoint: 0, ignored: [] } })
  })

  test.each<[string, (name: string) => void, RegExp]>([
    ['by another engine', (name) => restate(name, { engine: '0.0.9' }), /^by engine 0\.0\.9, state \d/],
    ['of another shape', (name) => restate(name, { state: 0 }), /^by engine .*, state 0; this is/],
    ['of another journal', (name) => restate(name, { journal: 'other' }), /^it is of journal other$/],
    [
      'after another history',
      (name) => restate(name, { hash: 'a'.repeat(64) }),
      /has another hash than it says$/,
    ],
    [
      'signed by somebody else',
      (name) => restate(name, {}, generateKeyPair()),
      /^its signature is not that of key `test`$/,
    ],
    ['under an unknown key', (name) => restate(name, { key: 'none' }), /^the key `none` is not known$/],
    [
      'under another name',
      (name) => cpSync(pathOf(name), pathOf('checkpoint-000000000003.lines')),
      /^it is of record \d+$/,
    ],
    ['that is empty', (name) => truncateSync(pathOf(name), 0), /^its statement has 0 of 1024 bytes$/],
  ])('ignores a checkpoint %s, and says why', async (_, change, reason) => {
    const whole = await made()
    const [name = ''] = files()
    change(name)
    const { restart, text } = await started()
    expect(restart.ignored.map((each) => each.reason)).toEqual([expect.stringMatching(reason)])
    expect(text).toBe(textOf(whole))
  })

  test('without the text of its constitution is refused as without a checkpoint', async () => {
    await made()
    rmSync(join(home, 'texts', `${PROGRAM.constitution.hash}.json`))
    await expect(open()).rejects.toThrow(PROGRAM.constitution.hash)
  })
})

/** Starts on the journal as it is, again and again, but for its recovery and for compiling the constitution. */
async function startsOf(): Promise<() => ReturnType<typeof restart>> {
  const { sidecar, recovery } = await open({ everyRecords: null })
  await sidecar.close()
  const { journal, sequence } = recovery
  const recovered = { directory: join(home, 'journal'), journal, sequence, publicKeyOf: () => keys.publicKey }
  return () => restart(recovered, (hash) => sidecar.store.programOf(hash))
}

/** Offsets of a file of `length` bytes to damage: each in the long form, else some of each part. */
function offsets(length: number): number[] {
  if (LONG) return Array.from({ length }, (_, at) => at)
  const sampled = Array.from({ length: 60 }, () => randomInt(length))
  return [0, 1, STATEMENT_BYTES - 1, STATEMENT_BYTES, length - 2, length - 1, ...sampled]
}

describe('a checkpoint damaged at any byte is ignored, and the whole journal folded', () => {
  test.each<[string, (bytes: Buffer, at: number) => Buffer]>([
    ['flipped', (bytes, at) => (bytes.writeUInt8((bytes[at] ?? 0) ^ (1 << randomInt(8)), at), bytes)],
    ['cut', (bytes, at) => bytes.subarray(0, at)],
    ['torn: zeros from there', (bytes, at) => bytes.fill(0, at)],
    [
      'with a byte put in',
      (bytes, at) => Buffer.concat([bytes.subarray(0, at), Buffer.from('1'), bytes.subarray(at)]),
    ],
  ])('%s', { timeout: 1_800_000 }, async (_, damage) => {
    const whole = textOf(await made({}, 2))
    const [name = ''] = files()
    const bytes = readFileSync(pathOf(name))
    const start = await startsOf()
    for (const at of offsets(bytes.length)) {
      const damaged = damage(Buffer.from(bytes), at)
      if (damaged.equals(bytes)) continue
      writeFileSync(pathOf(name), damaged)
      const { state, restart: how } = await start()
      if (how.checkpoint !== 0 || how.ignored.length !== 1 || textOf(state) !== whole)
        expect.fail(`byte ${at}: ${JSON.stringify(how)}`)
    }
    // The test can fail: undamaged it is used.
    writeFileSync(pathOf(name), bytes)
    expect((await start()).restart.checkpoint).toBeGreaterThan(0)
  })
})

describe('writing', () => {
  test('goes on beside decisions, every so many records, and keeps the newest two', async () => {
    const { sidecar } = await open({ everyRecords: 10 })
    await sidecar.activate(PROGRAM.constitution, 'author')
    await sidecar.submit({ kind: 'observations', observations: QUIET, feeder: null })
    for (let written = 0; written < 4;) {
      await decide(sidecar, 1)
      written = reports.filter(({ kind }) => kind === 'written').length
      expect(files().filter((name) => name.endsWith('.lines')).length).toBeLessThanOrEqual(3)
    }
    await sidecar.close()
    expect(files()).toHaveLength(2)
    expect(reports.every(({ kind }) => kind === 'written')).toBe(true)
    const sequences = reports.map(({ sequence }) => sequence)
    expect(sequences.at(-1)).toBe(sidecar.state.sequence)
    for (const [place, sequence] of sequences.slice(1, -1).entries())
      expect(sequence - (sequences[place] ?? 0)).toBeGreaterThanOrEqual(10)
    expect((await started()).text).toBe(textOf(sidecar.state))
  })

  test('never runs ahead of the signed head', async () => {
    const released = newSignal()
    const renamed: string[] = []
    let holding = false
    const io = interceptedIo(async (operation) => {
      if (operation === 'rename') renamed.push(operation)
      if (holding && operation === 'datasync head') await released.given
    })
    const { sidecar } = await open({ everyRecords: 1 }, { io })
    await sidecar.activate(PROGRAM.constitution, 'author')
    await vi.waitFor(() => expect(reports).toHaveLength(1))
    renamed.length = 0
    holding = true
    await sidecar.submit({ kind: 'observations', observations: QUIET, feeder: null })
    const partial = (): boolean => files().some((name) => name.endsWith('.partial'))
    await vi.waitFor(() => expect(partial()).toBe(true))
    // The lines are soon written, and the head is not: so the file gets no name, however long it takes.
    for (let turn = 0; turn < 200; turn += 1) await stat(folder())
    expect(renamed).toEqual([])
    released.give()
    await vi.waitFor(() => expect(reports).toHaveLength(2))
    expect(renamed).toEqual(['rename'])
    await sidecar.close()
  })

  test.each(['open', 'write', 'datasync'] as const)(
    'a disk that refuses to %s one stops nothing else',
    async (what) => {
      const io = interceptedIo((operation) => {
        if (operation.startsWith(`${what} checkpoint-`)) throw systemError('ENOSPC')
      })
      const { sidecar } = await open({ everyRecords: 1 }, { io })
      await sidecar.activate(PROGRAM.constitution, 'author')
      await sidecar.submit({ kind: 'observations', observations: QUIET, feeder: null })
      await vi.waitFor(() => expect(reports.length).toBeGreaterThan(0))
      await decide(sidecar, 5)
      expect(sidecar.unready).toBeUndefined()
      await sidecar.close()
      expect(reports[0]).toMatchObject({ kind: 'failed', reason: expect.stringContaining('ENOSPC') })
      expect(reports.some(({ kind }) => kind === 'written')).toBe(false)
      expect(files()).toEqual([])
      expect((await started()).text).toBe(textOf(sidecar.state))
    },
  )

  test('gives up one that grows too large', async () => {
    await made({ bytesMax: 1024 })
    expect(reports).toEqual([
      { kind: 'failed', sequence: expect.any(Number), reason: 'it would be larger than 1024 bytes' },
    ])
    expect(files()).toEqual([])
  })

  test('is left out where it is not wanted, and after the journal failed', async () => {
    await made({ everyRecords: null })
    let failing = false
    const io = interceptedIo((operation) => {
      if (failing && operation === 'datasync segment') throw systemError('EIO')
    })
    const { sidecar } = await open({}, { io })
    failing = true
    await expect(decide(sidecar, 1)).rejects.toMatchObject({ code: 'JOURNAL_FAILED' })
    await sidecar.close()
    expect(files()).toEqual([])
    expect(reports).toEqual([])
  })

  test('removes what an earlier process left unfinished, and what is of another journal further on', async () => {
    await made()
    const [own = ''] = files()
    const left = pathOf('checkpoint-000000000002.partial')
    writeFileSync(left, 'half')
    for (const name of ['checkpoint-000000700000.lines', 'checkpoint-000000800000.lines'])
      cpSync(pathOf(own), pathOf(name))
    const { sidecar } = await open()
    await decide(sidecar, 1)
    await Promise.all([sidecar.close(), sidecar.close()])
    expect(files()).toEqual([own, `checkpoint-${String(sidecar.state.sequence).padStart(12, '0')}.lines`])
    expect(reports.map(({ kind }) => kind)).toEqual(['written', 'written'])
  })
})
