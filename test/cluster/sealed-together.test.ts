/** Inputs that go into a real inbox together are signed once, and each is taken or refused for itself. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { generateKeyPair } from '../../src/base/ed25519.ts'
import { INBOX_BEGIN, type Cluster, type Inbox, type InboxEntry } from '../../src/cluster/cluster.ts'
import { openRedis } from '../../src/cluster/redis.ts'
import { noneRefused, sealedInbox } from '../../src/sidecar/sealed-inbox.ts'
import { TakenMessages } from '../../src/sidecar/taken-messages.ts'
import { RedisServer } from '../support/redis.ts'

const INPUTS = Array.from({ length: 20 }, (_, n) => JSON.stringify({ kind: 'beat', agent: `a${n}` }))
const { privateKey, publicKey } = generateKeyPair()
const refused = noneRefused()

let redis: RedisServer
let cluster: Cluster
beforeAll(async () => {
  redis = await RedisServer.start()
  cluster = (await openRedis({ url: redis.url, name: 'one' })).cluster
})
afterAll(async () => {
  await cluster.close()
  await redis.end()
})

/** The inbox as a home sees it that has taken nothing yet. */
const inboxOf = (): Inbox =>
  sealedInbox(cluster, {
    peers: { signer: { kid: 'k', privateKey }, keys: new Map([['one', [publicKey]]]) },
    clock: { now: Date.now },
    taken: new TakenMessages(() => 0),
    durable: () => 0,
    refused,
  })
const entriesOf = async (inbox: Inbox): Promise<readonly InboxEntry[]> => {
  const took = await inbox.take(INBOX_BEGIN, 100, 0)
  if (took.kind !== 'took') throw new Error(took.detail)
  return took.entries
}

test('what goes together has one signature, what is urgent its own, and one that is changed is refused alone', async () => {
  const inbox = inboxOf()
  const puts = await Promise.all([
    ...INPUTS.map((input, n) => inbox.put(`r${n}`, input)),
    inbox.put('now', JSON.stringify({ kind: 'beat', agent: 'now' }), 'critical'),
  ])
  expect(puts.map(({ kind }) => kind)).toEqual(puts.map(() => 'put'))
  const raw = await entriesOf(cluster.inbox)
  const signatures = (lane: string): Set<string | undefined> =>
    new Set(raw.filter((one) => one.lane === lane).map(({ input }) => /"sig":"([^"]+)"/.exec(input)?.[1]))
  expect(signatures('inbox').size).toBe(1)
  expect(signatures('critical').size).toBe(1)
  expect(signatures('critical')).not.toEqual(signatures('inbox'))
  const opened = await entriesOf(inbox)
  expect(opened.filter(({ lane }) => lane === 'inbox').map(({ input }) => input)).toEqual(INPUTS)
  // Somebody else puts them there once more, one of them changed.
  const client = redis.connect()
  await client.flushall()
  client.disconnect()
  for (const [n, { input }] of raw.entries())
    await cluster.inbox.put(`again ${n}`, n === 7 ? input.replace('"agent":"a6"', '"agent":"x6"') : input)
  const again = await entriesOf(inboxOf())
  expect(again.map(({ refusal }) => refusal?.detail)).toEqual(
    raw.map(({ lane }, n) => {
      if (lane === 'critical') return 'it is critical and lay in `inbox`'
      return n === 7 ? '`one` did not sign it' : undefined
    }),
  )
  expect(refused).toEqual({ ...noneRefused(), forged: 1, misplaced: 1 })
})
