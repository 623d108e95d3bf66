/** Who can write to what sidecars share puts no input in anybody's name: entries are signed by the sidecar that sent them, where its key is known. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { generateKeyPair, publicKeyToPem } from '../../src/base/ed25519.ts'
import { MemoryStore } from '../../src/cluster/memory.ts'
import { openPeerKeys } from '../../src/sidecar/peer-keys.ts'
import { sealedInbox } from '../../src/sidecar/sealed-inbox.ts'
import { journalLines } from '../chaos/cluster-check.ts'
import { until } from '../support/http.ts'
import { order, quietMarket } from '../support/market.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

const NAMES = ['one', 'two'] as const
let store: MemoryStore
let rigs: Rig[]

beforeEach(async () => {
  store = new MemoryStore({ now: () => performance.now(), sleep: (ms) => pause(ms) })
  rigs = NAMES.map(() => new Rig())
  const keys = (place: number): string => join((rigs[place] as Rig).home, 'keys')
  for (const [place, name] of NAMES.entries()) openPeerKeys(keys(place), name)
  for (const [place, name] of NAMES.entries()) {
    mkdirSync(join(keys(1 - place), 'peers'))
    copyFileSync(join(keys(place), 'sidecar.pub.pem'), join(keys(1 - place), 'peers', `${name}.pub.pem`))
  }
  for (const [place, name] of NAMES.entries())
    await (rigs[place] as Rig).start({ cluster: store.connect(name) })
})
afterEach(() => Promise.all(rigs.map((rig) => rig.end())))

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
    await sealedInbox(store.connect(name).inbox, source, stranger, { now: () => OPEN }).put(
      `${name} ${source}`,
      beat,
    )
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
  expect(journalLines((rigs[0] as Rig).journal).some((line) => line.includes('"type":"beat"'))).toBe(false)
})

test('an input that was signed once is not put again under another place', async () => {
  const [, two] = rigs as [Rig, Rig]
  await two.observe(...quietMarket(OPEN - 1))
  const taken = await store.connect('reader').inbox.take('0-0', 1, 0)
  if (taken.kind !== 'took') throw new Error('there is one')
  const before = journalLines((rigs[0] as Rig).journal).length
  await store.connect('two').inbox.put('replayed', taken.entries[0]?.input ?? '')
  await until('it is refused', () => refusals().length === 1)
  expect(refusals()[0]).toContain('came before')
  expect(journalLines((rigs[0] as Rig).journal)).toHaveLength(before + 1)
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
