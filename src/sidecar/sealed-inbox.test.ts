/** A large input lies by its hash, is fetched once, and is refused where what lies there is not what was signed. */
import { expect, test } from 'vitest'
import { generateKeyPair } from '../base/ed25519.ts'
import { sha256 } from '../base/hash.ts'
import { INBOX_BEGIN, PAYLOAD_MIN, PAYLOAD_MS, type InboxEntry } from '../cluster/cluster.ts'
import { MemoryStore } from '../cluster/memory.ts'
import type { Delivered } from '../engine/tenure.ts'
import { ConstitutionStore } from './constitutions.ts'
import { deliveredOf } from './delivery.ts'
import { noneRefused, sealedInbox } from './sealed-inbox.ts'
import { TakenMessages } from './taken-messages.ts'
import { beginSpan, inTrace } from './trace.ts'

const { privateKey, publicKey } = generateKeyPair()
const large = JSON.stringify({ kind: 'beat', agent: 'a'.repeat(PAYLOAD_MIN) })
const small = JSON.stringify({ kind: 'beat', agent: 'a' })

/** An inbox over a store of its own, what the store was asked for, and a way to let time pass. */
function world() {
  let now = 1_800_000_000_000
  let fault: 'none' | 'lost' = 'none'
  const calls: string[] = []
  const refused = noneRefused()
  const store = new MemoryStore({
    now: () => now,
    sleep: async () => undefined,
    fault: (what) => {
      calls.push(what)
      return { kind: what === 'text' ? fault : 'none', delayMs: 0 }
    },
  })
  const cluster = store.connect('one')
  const inbox = sealedInbox(cluster, {
    peers: { signer: { kid: 'k', privateKey }, keys: new Map([['one', [publicKey]]]) },
    clock: { now: () => now },
    taken: new TakenMessages(() => 0),
    durable: () => 0,
    refused,
  })
  const taken = async (): Promise<readonly InboxEntry[] | string> => {
    const took = await inbox.take(INBOX_BEGIN, 10, 0)
    return took.kind === 'took' ? took.entries : took.kind
  }
  return {
    cluster,
    inbox,
    calls,
    refused,
    taken,
    pass: (ms: number) => (now += ms),
    lose: (isLost: boolean) => (fault = isLost ? 'lost' : 'none'),
  }
}

test('only what is large lies by its hash, and comes back as it was', async () => {
  const { cluster, inbox, calls, taken } = world()
  await inbox.put('r1', small)
  expect(calls).not.toContain('keep')
  await inbox.put('r2', large)
  const raw = await cluster.inbox.take(INBOX_BEGIN, 10, 0)
  const texts = raw.kind === 'took' ? raw.entries.map(({ input }) => input) : []
  expect(texts[1]?.length).toBeLessThan(1_000)
  expect(texts[1]).toContain(sha256(large))
  expect(await taken()).toMatchObject([{ input: small }, { input: large }])
  expect(calls.filter((call) => call === 'text')).toHaveLength(1)
})

test('what lies in another lane than its sender signed for is refused', async () => {
  const { cluster, inbox, taken } = world()
  await inbox.put('r1', small, 'critical')
  await inbox.put('r2', small)
  const raw = await cluster.inbox.take(INBOX_BEGIN, 10, 0)
  const [critical, normal] = raw.kind === 'took' ? raw.entries : []
  await cluster.inbox.put('r3', normal?.input ?? '', 'critical')
  await cluster.inbox.put('r4', critical?.input ?? '')
  expect(await taken()).toMatchObject([
    { lane: 'critical', input: small },
    { lane: 'critical', refusal: { detail: 'it is normal and lay in `critical`' } },
    { lane: 'inbox', input: small },
    { lane: 'inbox', refusal: { detail: 'it is critical and lay in `inbox`' } },
  ])
})

test('an input of an unknown version is refused by name, and counted', async () => {
  const { cluster, inbox, refused, taken } = world()
  await inbox.put('r1', small)
  const raw = await cluster.inbox.take(INBOX_BEGIN, 10, 0)
  const text = raw.kind === 'took' ? (raw.entries[0]?.input ?? '') : ''
  await cluster.inbox.put('r2', text.replace('ephor.input.1.0', 'ephor.input.2.0'))
  expect(await taken()).toMatchObject([
    { input: small },
    { refusal: { detail: '`ephor.input.2.0`: version 1 is read here' } },
  ])
  expect(refused).toEqual({ ...noneRefused(), version: 1 })
})

test.each<[string, (at: ReturnType<typeof world>) => unknown, string]>([
  ['another text', ({ cluster }) => cluster.payloads.keep(sha256(large), `${large} `), 'has another hash'],
  ['nothing any more', ({ pass }) => pass(PAYLOAD_MS), 'is not there, or not any more'],
])('%s under the hash is refused by name', async (_, spoil, reason) => {
  const at = world()
  await at.inbox.put('r', large)
  await spoil(at)
  const entries = await at.taken()
  expect(entries).toMatchObject([{ input: '', refusal: { code: 'BODY_INVALID' } }])
  expect(JSON.stringify(entries)).toContain(sha256(large))
  expect(JSON.stringify(entries)).toContain(reason)
  expect(at.refused).toEqual({ ...noneRefused(), payload: 1 })
})

test('what cannot be reached waits, and what came before it is taken', async () => {
  const { inbox, lose, taken } = world()
  await inbox.put('r1', small)
  await inbox.put('r2', large)
  lose(true)
  expect(await taken()).toMatchObject([{ input: small }])
  lose(false)
  expect(await taken()).toMatchObject([{ input: small }, { input: large }])
})

test('a trace is its sender’s word: one that was changed or put in is not told, and what is taken is the same with one and without', async () => {
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  const { cluster, inbox, taken, refused } = world()
  const span = beginSpan('test', 'INTERNAL', traceparent)
  await inTrace(span, () => inbox.put('r1', small))
  await inbox.put('r2', small)
  const raw = await cluster.inbox.take(INBOX_BEGIN, 10, 0)
  const [traced, plain] = raw.kind === 'took' ? raw.entries.map(({ input }) => input) : []
  expect(plain).not.toContain('traceparent')
  await cluster.inbox.put('r3', traced?.replace('-4bf9', '-5bf9') ?? '')
  await cluster.inbox.put(
    'r4',
    plain?.replace(',"priority"', `,"traceparent":"${traceparent}","priority"`) ?? '',
  )
  const entries = (await taken()) as readonly InboxEntry[]
  expect(entries.map((entry) => [entry.traceparent, entry.refusal?.detail])).toEqual([
    [traceparent, undefined],
    [undefined, undefined],
    [undefined, '`one` did not sign it'],
    [undefined, '`one` did not sign it'],
  ])
  expect(refused.forged).toBe(2)
  const [first, second] = await Promise.all(
    entries.slice(0, 2).map((entry) => deliveredOf(entry, new ConstitutionStore(''), cluster.texts)),
  )
  const { entry: _, message: __, ...without } = second as Delivered
  expect(first).toEqual({ ...without, entry: expect.any(String), message: expect.any(String) })
})
