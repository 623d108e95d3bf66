/** Who can write to what sidecars share puts no input in anybody's name: entries are signed by the sidecar that sent them, where its key is known. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { generateKeyPair, publicKeyToPem } from '../../src/base/ed25519.ts'
import {
  hashOfLine,
  INBOX_BEGIN,
  type Cluster,
  type Inbox,
  type Log,
  type LogEntry,
  type Put,
  type Unreachable,
} from '../../src/cluster/cluster.ts'
import { MemoryStore } from '../../src/cluster/memory.ts'
import { encodeLine, type ChainEnd } from '../../src/journal/record.ts'
import { openPeerKeys } from '../../src/sidecar/peer-keys.ts'
import { noneRefused, sealedInbox } from '../../src/sidecar/sealed-inbox.ts'
import { sealedLog } from '../../src/sidecar/sealed-log.ts'
import { TakenMessages } from '../../src/sidecar/taken-messages.ts'
import { journalLines } from '../chaos/cluster-check.ts'
import { until } from '../support/http.ts'
import { order, quietMarket } from '../support/market.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

const NAMES = ['one', 'two'] as const
let store: MemoryStore
let rigs: Rig[]
const ways = new Map<string, Cluster>()

beforeEach(async () => {
  store = new MemoryStore({ now: () => performance.now(), sleep: (ms) => pause(ms) })
  rigs = NAMES.map(() => new Rig())
  const keys = (place: number): string => join((rigs[place] as Rig).home, 'keys')
  for (const [place, name] of NAMES.entries()) openPeerKeys(keys(place), name)
  for (const [place, name] of NAMES.entries()) {
    mkdirSync(join(keys(1 - place), 'peers'))
    copyFileSync(join(keys(place), 'sidecar.pub.pem'), join(keys(1 - place), 'peers', `${name}.pub.pem`))
  }
  for (const [place, name] of NAMES.entries()) {
    const cluster = store.connect(name)
    ways.set(name, cluster)
    await (rigs[place] as Rig).start({ cluster })
  }
})
afterEach(() => Promise.all(rigs.map((rig) => rig.end())))

const endOf = (rig: Rig): ChainEnd => {
  const lines = journalLines(rig.journal)
  return { sequence: lines.length, hash: hashOfLine(lines.at(-1) ?? '') }
}

const refusals = (): string[] =>
  journalLines((rigs[0] as Rig).journal).filter((line) => line.includes('"code":"BODY_INVALID"'))

test('what a known sidecar signed is taken', async () => {
  const [one, two] = rigs as [Rig, Rig]
  await two.observe(...quietMarket(OPEN - 1))
  expect((await two.judge(order())).verdict).toBe('allow')
  expect((await one.judge(order())).verdict).toBe('allow')
  expect(refusals()).toEqual([])
})

test('what nobody signed, a stranger signed, or another signed in a known name is refused on record', async () => {
  const stranger = { signer: { kid: 'k', privateKey: generateKeyPair().privateKey }, keys: undefined }
  const { keys } = openPeerKeys(join((rigs[1] as Rig).home, 'keys'), 'two')
  expect(keys?.size).toBe(2)
  const beat = JSON.stringify({ kind: 'beat', agent: 'alpha' })
  const put = async (name: string, source: string): Promise<void> => {
    const { inbox, partition, payloads } = store.connect(name)
    const sealing = {
      peers: stranger,
      clock: { now: () => OPEN },
      taken: new TakenMessages(() => 0),
      durable: () => 0,
      refused: noneRefused(),
    }
    await sealedInbox({ inbox, partition, payloads, name: source }, sealing).put(`${name} ${source}`, beat)
  }
  await store.connect('two').inbox.put('raw', beat)
  await put('two', 'two')
  await put('two', 'one')
  await put('three', 'three')
  await until('all are refused', () => refusals().length === 4)
  expect(refusals()[0]).toContain('it is no envelope')
  expect(refusals()[1]).toContain('`two` did not sign it')
  expect(refusals()[2]).toContain('was put there as `two`’s')
  expect(refusals()[3]).toContain('no key of a sidecar called `three`')
  // However often it is asked for.
  for (let times = 0; times < 2; times += 1) {
    const { text } = await (rigs[0] as Rig).call('GET', '/metrics', null)
    expect(text).toContain('# TYPE ephor_inbox_refused_total counter')
    expect(text).toContain('ephor_inbox_refused_total{why="unreadable"} 1')
    expect(text).toContain('ephor_inbox_refused_total{why="forged"} 3')
    expect(text).toContain('ephor_inbox_refused_total{why="late"} 0')
  }
  expect(journalLines((rigs[0] as Rig).journal).some((line) => line.includes('"type":"beat"'))).toBe(false)
})

/** The first input that the second sidecar signs, and how to put it once more. */
async function signedOnce(): Promise<{ again: () => Promise<void> }> {
  await (rigs[1] as Rig).observe(...quietMarket(OPEN - 1))
  const taken = await store.connect('reader').inbox.take(INBOX_BEGIN, 1, 0)
  if (taken.kind !== 'took') throw new Error('there is one')
  return {
    again: async () => {
      await store.connect('two').inbox.put('replayed', taken.entries[0]?.input ?? '')
    },
  }
}

test('an input that was signed once is not put again under another place', async () => {
  const { again } = await signedOnce()
  const before = journalLines((rigs[0] as Rig).journal).length
  await again()
  await until('it is refused', () => refusals().length === 1)
  expect(refusals()[0]).toContain('came before')
  expect(journalLines((rigs[0] as Rig).journal)).toHaveLength(before + 1)
})

describe('a record of the log', () => {
  /** Lines that follow the log, as who can write to Redis would make them: all of them `beat`s. */
  const forged = (count: number): LogEntry[] => {
    let chain = endOf(rigs[0] as Rig)
    return Array.from({ length: count }, () => {
      const bytes = Buffer.alloc(1_024)
      const encoded = encodeLine(bytes, 0, chain, {
        at: OPEN,
        eventText: '{"schema":1,"type":"beat","agent":"x"}',
      })
      ;({ chain } = encoded)
      return { sequence: chain.sequence, line: bytes.toString('utf8', 0, encoded.offset - 1) }
    })
  }
  const refused = async (reason: string): Promise<void> => {
    const two = rigs[1] as Rig
    await until('it takes no part any more', () => two.running.sidecar.unready?.includes(reason) === true)
    const answer = await two.post('/v1/actions', 'alpha', two.request(order()))
    expect([answer.status, answer.body.code]).toEqual([503, 'HOME_UNKNOWN'])
    expect(journalLines(two.journal).some((line) => line.includes('"agent":"x"'))).toBe(false)
  }
  const append = async (entries: readonly LogEntry[]): Promise<void> => {
    expect(await store.connect('evil').log.append(1, entries)).toEqual({ kind: 'appended' })
  }
  test('that nobody signed is not followed', async () => {
    await append(forged(1))
    await refused('neither it nor what the log gives after it is signed')
  })

  test('is not followed for a signature that stands on another history, nor is anything before it', async () => {
    const one = rigs[0] as Rig
    const [first, second] = forged(2) as [LogEntry, LogEntry]
    const { signer } = openPeerKeys(join(one.home, 'keys'), 'one')
    const signed: LogEntry[] = []
    const log = { append: (_: number, some: readonly LogEntry[]) => signed.push(...some) } as unknown as Log
    await sealedLog({ log, name: 'one', partition: 'p00' }, { signer, keys: undefined }).append(1, [second])
    // What the line says of itself stays, so that the signature fits; its bytes do not.
    const [{ seal, line, sequence }] = signed as [LogEntry]
    await append([first, { sequence, line: line.replace('"timing"', '"timinG"'), seal }])
    await refused('LOG_DIFFERS')
  })

  test('that a former home released is not set aside for what nobody signed', async () => {
    const [one, two] = rigs as [Rig, Rig]
    await two.stop()
    await one.observe(...quietMarket(OPEN - 1))
    const kept = journalLines(one.journal)
    const end = endOf(one)
    await one.stop()
    const log = await store.connect('evil').log.read(0, 10_000, 0)
    if (log.kind !== 'read') throw new Error('there is one')
    const before = log.entries.slice(0, -1)
    store = new MemoryStore({ now: () => performance.now(), sleep: (ms) => pause(ms) })
    const evil = store.connect('evil')
    expect(await evil.lease.acquire(0)).toMatchObject({ kind: 'acquired' })
    const last = before.at(-1) as LogEntry
    const bytes = Buffer.alloc(1_024)
    const encoded = encodeLine(
      bytes,
      0,
      { sequence: last.sequence, hash: hashOfLine(last.line) },
      { at: OPEN, eventText: '{"schema":1,"type":"beat","agent":"x"}' },
    )
    await evil.log.append(1, [
      ...before,
      { sequence: end.sequence, line: bytes.toString('utf8', 0, encoded.offset - 1) },
    ])
    await expect(one.start({ cluster: store.connect('one') })).rejects.toMatchObject({ code: 'LOG_UNSIGNED' })
    expect(journalLines(one.journal)).toEqual(kept)
  })
})

test('nobody is told the verdict on what another asked, whatever places the inbox gave', async () => {
  const [one, two] = rigs as [Rig, Rig]
  await one.observe(...quietMarket(OPEN - 1))
  const inbox = ways.get('two')?.inbox as { put: Inbox['put'] }
  const { put } = inbox
  const puts: Promise<Put | Unreachable>[] = []
  inbox.put = async (...what) => {
    const mine = puts.push(put(...what)) - 1
    await until('both are there', () => puts.length === 2)
    return puts[1 - mine] as Promise<Put | Unreachable>
  }
  const answers = await Promise.all(
    [100, 200].map((quantity) => two.post('/v1/actions', 'alpha', two.request(order({ quantity })))),
  )
  expect(answers.map(({ status, body }) => [status, body.code])).toEqual([
    [503, 'HOME_LOST'],
    [503, 'HOME_LOST'],
  ])
})

test('an input that was signed once does not act again at a home that was not running when it did', async () => {
  const [one, two] = rigs as [Rig, Rig]
  const { again } = await signedOnce()
  await two.stop()
  await two.start({ cluster: store.connect('two') })
  await one.stop()
  await until('another is home', () => two.running.sidecar.home?.isHere === true)
  const before = journalLines(two.journal).length
  await again()
  await until('it is refused', () =>
    journalLines(two.journal).some((line) => line.includes('is not known here')),
  )
  expect(journalLines(two.journal)).toHaveLength(before + 1)
  expect(journalLines(two.journal).at(-1)).toContain('HOME_LOST')
  await one.start({ cluster: store.connect('one') })
  expect((await one.judge(order())).verdict).toBe('allow')
})

test('an input that was signed once does not act again at a home that followed when it did', async () => {
  const [one, two] = rigs as [Rig, Rig]
  const { again } = await signedOnce()
  await one.stop()
  await until('another is home', () => two.running.sidecar.home?.isHere === true)
  const before = journalLines(two.journal).length
  await again()
  await until('it is refused', () => journalLines(two.journal).some((line) => line.includes('came before')))
  expect(journalLines(two.journal)).toHaveLength(before + 1)
})

test('a file among the keys that is none stops the start', () => {
  const keys = join((rigs[0] as Rig).home, 'keys')
  const [file] = readdirSync(join(keys, 'peers'))
  renameSync(join(keys, 'peers', file ?? ''), join(keys, 'peers', 'two.pem'))
  expect(() => openPeerKeys(keys, 'one')).toThrow('expected a file called NAME.pub.pem')
  expect(publicKeyToPem(generateKeyPair().publicKey)).not.toBe(
    readFileSync(join(keys, 'sidecar.pub.pem'), 'utf8'),
  )
})
