/** Real sidecars over one cluster in memory: who is home decides, others hand on and follow, and whoever comes after goes on where it stopped. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { INBOX_BEGIN, type Cluster } from '../../src/cluster/cluster.ts'
import { MemoryStore, type Fault } from '../../src/cluster/memory.ts'
import { createClient } from '../../src/client/client.ts'
import { guard } from '../../src/client/guard.ts'
import { verifyJournal } from '../../src/journal/verify.ts'
import type { Action } from '../../src/protocol/action.ts'
import { interceptedIo, systemError } from '../journal-support/journals.ts'
import { cancel, order, quietMarket } from '../support/market.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

let store: MemoryStore
let rigs: Rig[]
let fault: ((call: string, name: string) => Fault | undefined) | undefined

beforeEach(() => {
  rigs = []
  fault = undefined
  store = new MemoryStore({
    now: () => performance.now(),
    sleep: (ms) => pause(ms),
    fault: (call, name) => fault?.(call, name) ?? { kind: 'none', delayMs: 0 },
  })
})
afterEach(async () => {
  fault = undefined
  await Promise.all(rigs.map((rig) => rig.end()))
})

async function enter(name: string, rig = new Rig()): Promise<Rig> {
  rigs.push(rig)
  return rig.start({ cluster: store.connect(name) })
}

type Told =
  | {
      readonly type: 'decided'
      readonly decision: {
        readonly request: { readonly agent: string; readonly action: { readonly type: string } }
      }
    }
  | { readonly type: 'taken'; readonly effect: { readonly kind: string } }

/** Of an order that is not known: what counts is when it is taken. */
const FILLED = {
  execution: 'e-1',
  order: 'd-000000000000000000000000',
  event: 'filled',
  filled: 100,
  price: 200,
  at: OPEN,
}

const lines = (rig: Rig): string[] =>
  readdirSync(rig.journal)
    .filter((name) => name.startsWith('segment-'))
    .toSorted()
    .flatMap((name) => readFileSync(join(rig.journal, name), 'utf8').trim().split('\n'))

const until = async (what: () => unknown): Promise<void> => {
  await expect.poll(async () => Boolean(await what()), { timeout: 30_000, interval: 10 }).toBe(true)
}

const market = async (rig: Rig): Promise<void> => {
  await rig.observe(...quietMarket(OPEN - 1))
}

test('one is home, the other hands on; both hold the same chain', async () => {
  const one = await enter('one')
  const two = await enter('two')
  expect(one.running.sidecar.home).toMatchObject({ isHere: true, epoch: 1 })
  expect(two.running.sidecar.home).toMatchObject({ isHere: false, name: 'one' })
  await market(two)
  const first = await one.judge(order())
  const second = await two.judge(order())
  expect([first.verdict, second.verdict]).toEqual(['allow', 'allow'])
  expect(second.permit).not.toBeNull()
  // Asked again anywhere, it is the same verdict.
  const request = two.request(order())
  const here = await two.post('/v1/actions', 'alpha', request)
  const there = await one.post('/v1/actions', 'alpha', request)
  expect(there.body).toMatchObject({ decision: here.body.decision, sequence: here.body.sequence })
  await until(() => two.running.sidecar.durableSequence === one.running.sidecar.durableSequence)
  expect(lines(two)).toEqual(lines(one))
  const { publicKey } = two.running.home.keys
  await two.stop()
  expect(await verifyJournal(two.journal, publicKey)).toMatchObject({ ok: true })
})

test('what is refused is refused with the same code through the other', async () => {
  await enter('one')
  const two = await enter('two')
  const permit = await two.post('/v1/permits/p-000000000000000000000000/redeem', 'alpha', {})
  expect([permit.status, permit.body.code]).toEqual([404, 'PERMIT_UNKNOWN'])
  const halt = await two.post('/v1/halts', 'operator-1', {
    scope: { kind: 'everything' },
    state: 'halted',
    reason: 'test',
  })
  expect(halt.status).toBe(200)
})

const LOST: Fault = { kind: 'lost', delayMs: 0 }
const isHome = (rig: Rig): boolean => rig.running.sidecar.home?.isHere === true
const ready = (rig: Rig): boolean => rig.running.sidecar.unready === undefined
const sameChain = async (...members: readonly Rig[]): Promise<void> => {
  const [first, ...others] = members
  if (first === undefined) throw new Error('there is one at least')
  for (const other of others)
    // Its hash covers all before it; to tell two long chains apart line by line takes minutes.
    await until(() => lines(other).at(-1) === lines(first).at(-1))
}

test('a home that stops hands over at once, and what came before is known to the next', async () => {
  const one = await enter('one')
  const two = await enter('two')
  await market(one)
  const request = one.request(order())
  const before = await one.post('/v1/actions', 'alpha', request)
  await one.stop()
  await until(() => isHome(two))
  const after = await two.post('/v1/actions', 'alpha', request)
  expect(after.body).toMatchObject({ decision: before.body.decision, sequence: before.body.sequence })
  expect((await two.judge(order())).verdict).toBe('allow')
  await one.start({ cluster: store.connect('one') })
  expect(isHome(one)).toBe(false)
  await sameChain(two, one)
})

test('who is leaving when word comes that it has the lease does not begin to be home', async () => {
  const one = await enter('one')
  const two = new Rig()
  rigs.push(two)
  const cluster = store.connect('two')
  let [acquired, left] = [(): void => undefined, (): void => undefined]
  const isAcquired = new Promise<void>((done) => (acquired = done))
  const isLeft = new Promise<void>((done) => (left = done))
  const lease: Cluster['lease'] = {
    acquire: async (floor, accepted) => {
      const found = await cluster.lease.acquire(floor, accepted)
      if (found.kind === 'acquired') {
        acquired()
        await isLeft
      }
      return found
    },
    renew: (epoch) => cluster.lease.renew(epoch),
    settle: (epoch) => cluster.lease.settle(epoch),
    release: (epoch, successor) => cluster.lease.release(epoch, successor),
  }
  const close = (): Promise<void> => {
    left()
    return cluster.close()
  }
  await two.start({ cluster: { ...cluster, lease, close } })
  await one.stop()
  await isAcquired
  await two.stop()
  // It runs out, and whoever comes is home.
  const three = await enter('three')
  await until(() => three.running.sidecar.home?.isHere)
  expect(lines(three).filter((line) => line.includes('"by":"two"'))).toEqual([])
})

test('a home that is cut off releases nothing, and its leftovers are set aside when it is back', async () => {
  const one = await enter('one')
  const two = await enter('two')
  await market(one)
  expect((await one.judge(order())).verdict).toBe('allow')
  await until(() => two.running.sidecar.durableSequence === one.running.sidecar.durableSequence)
  // From now on nothing of it arrives: what it takes is in its own journal and nowhere else.
  fault = (_, name) => (name === 'one' ? LOST : undefined)
  const request = one.request(order())
  const cut = await one.post('/v1/actions', 'alpha', request)
  expect([cut.status, cut.body.code]).toEqual([503, 'CLUSTER_UNREACHABLE'])
  expect(lines(one).length).toBeGreaterThan(one.running.sidecar.durableSequence)
  await until(() => isHome(two))
  const refused = await one.post('/v1/actions', 'alpha', one.request(order()))
  expect(refused.body.code).toBe('CLUSTER_UNREACHABLE')
  // The same id has its one verdict at the next home.
  const decided = await two.post('/v1/actions', 'alpha', request)
  expect(decided.body.verdict).toBe('allow')
  fault = undefined
  await until(() => ready(one) && !isHome(one))
  await sameChain(two, one)
  const aside = readdirSync(join(one.journal, 'quarantine'))
  expect(aside).toEqual([expect.stringMatching(/^records-\d+-\d+-\d+\.ndjson$/)])
  const again = await one.post('/v1/actions', 'alpha', request)
  expect(again.body).toMatchObject({ decision: decided.body.decision, sequence: decided.body.sequence })
  const { publicKey } = one.running.home.keys
  await one.stop()
  expect(await verifyJournal(one.journal, publicKey)).toMatchObject({ ok: true })
})

test('an append or a put whose reply is lost, or that is carried out twice, changes nothing', async () => {
  const one = await enter('one')
  const two = await enter('two')
  await market(one)
  let turn = 0
  fault = (call) => {
    if (call !== 'append' && call !== 'put') return undefined
    turn += 1
    return { kind: (['unanswered', 'twice', 'none'] as const)[turn % 3] ?? 'none', delayMs: 0 }
  }
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, place) => (place % 2 === 0 ? one : two).judge(order({ quantity: 1 }))),
  )
  expect(new Set(answers.map(({ sequence }) => sequence)).size).toBe(12)
  fault = undefined
  await sameChain(one, two)
})

test('what comes while the lease is not sure waits and holds nothing up, and is taken by who is sure of it next', async () => {
  const one = await enter('one')
  const two = await enter('two')
  await market(two)
  let isUnsure = true
  fault = (call, name) => (isUnsure && name === 'one' && call === 'renew' ? LOST : undefined)
  // Sure of it for 300 ms from its last renewal on, home until another has it after 400.
  await pause(290)
  const asked = two.judge(order())
  // A home that looked without a pause would leave no turn for this.
  setTimeout(() => (isUnsure = false), 40)
  expect((await asked).verdict).toBe('allow')
  await sameChain(one, two)
})

test('what is critical passes all that waits, but for what its own agent said before', async () => {
  const one = await enter('one')
  const two = await enter('two')
  await market(two)
  fault = (call, name) => (call === 'take' && name === 'one' ? LOST : undefined)
  const reader = store.connect('reader')
  const lanes = async (): Promise<string[]> => {
    const took = await reader.inbox.take(INBOX_BEGIN, 100, 0)
    return took.kind === 'took' ? took.entries.map(({ lane }) => lane) : []
  }
  const before = (await lanes()).length
  const asked: Promise<unknown>[] = []
  const waits = async (answer: Promise<unknown>): Promise<void> => {
    asked.push(answer)
    await until(async () => (await lanes()).length === before + asked.length)
  }
  for (const [agent, action] of [
    ['alpha', order()],
    ['alpha', cancel()],
    ['hedger', cancel()],
  ] as const)
    await waits(two.post('/v1/actions', agent, two.request(action, {}, agent)))
  await waits(two.post('/v1/executions', 'feed', [FILLED]))
  expect((await lanes()).slice(0, 3)).toEqual(['critical', 'critical', 'inbox'])
  fault = undefined
  await Promise.all(asked)
  const told = lines(one).flatMap((line) => {
    const { event } = JSON.parse(line) as { event: Told }
    if (event.type === 'taken') return event.effect.kind === 'executed' ? ['executions'] : []
    const request = event.type === 'decided' ? event.decision.request : undefined
    return request === undefined ? [] : [`${request.agent} ${request.action.type}`]
  })
  expect(told).toEqual(['hedger cancel', 'executions', 'alpha order', 'alpha cancel'])
  await sameChain(one, two)
})

test('foreign entries in the inbox are refused on record, and the next are taken', async () => {
  const one = await enter('one')
  const foreign = store.connect('stranger')
  for (const text of ['', 'not JSON', '{"kind":"tick"}', '{"kind":"beat","agent":"a","more":1}'])
    await foreign.inbox.put(text, text)
  const two = await enter('two')
  await market(two)
  const refused = lines(one).filter((line) => line.includes('"code":"BODY_INVALID"'))
  expect(refused).toHaveLength(4)
})

test('a Redis that lost records gets them back from the home', async () => {
  const one = await enter('one')
  const two = await enter('two')
  await market(one)
  const kept = await one.judge(order())
  store.restart(3)
  await until(() => one.running.sidecar.home?.epoch === 2)
  expect((await one.judge(order())).verdict).toBe('allow')
  await sameChain(one, two)
  const read = await store.connect('auditor').log.read(0, 10_000, 0)
  expect(read.kind === 'read' && read.entries.map(({ line }) => line)).toEqual(lines(one))
  expect(lines(one).some((line) => line.includes(kept.decision))).toBe(true)
})

test('nobody else is home after a restart of Redis, until the former home is back or an operator accepts its absence', async () => {
  const one = await enter('one')
  await market(one)
  const two = await enter('two')
  await sameChain(one, two)
  // Killed, as far as Redis can tell: it neither renews nor gives up.
  fault = (_, name) => (name === 'one' ? LOST : undefined)
  await one.stop()
  store.restart()
  await until(() => !ready(two))
  await until(() => two.running.sidecar.unready?.includes('waiting for `one`'))
  const refused = await two.post('/v1/actions', 'alpha', two.request(order()))
  expect([refused.status, refused.body.code]).toEqual([503, 'HOME_UNKNOWN'])
  await two.stop()
  await two.start({ cluster: store.connect('two'), acceptAbsence: 'one' })
  await until(() => isHome(two))
  expect((await two.judge(order())).verdict).toBe('allow')
  fault = undefined
})

test('a sidecar by itself becomes the first home with all it recorded; a stranger’s journal is refused', async () => {
  const one = new Rig()
  await one.start()
  await one.observe(...quietMarket(OPEN - 1))
  const before = await one.judge(order())
  await one.stop()
  const stranger = new Rig()
  rigs.push(stranger)
  await stranger.start()
  await stranger.stop()
  await enter('one', one)
  const two = await enter('two')
  await sameChain(one, two)
  expect(await two.running.sidecar.findDecision(before.decision)).toBeDefined()
  await expect(stranger.start({ cluster: store.connect('stranger') })).rejects.toMatchObject({
    code: 'LOG_DIFFERS',
  })
})

test('who loses the lease while an answer waits says so, and the next home has it', async () => {
  const one = await enter('one')
  const two = await enter('two')
  await market(one)
  await sameChain(one, two)
  fault = (call, name) => (name === 'one' && call === 'append' ? LOST : undefined)
  const request = one.request(order())
  const asked = one.post('/v1/actions', 'alpha', request)
  // As an operator's hand in Redis would: the lease is free while its holder still counts on it.
  await store.connect('one').lease.release(1)
  const answer = await asked
  expect([answer.status, answer.body.code]).toEqual([503, 'HOME_LOST'])
  fault = undefined
  await until(() => isHome(two))
  expect((await two.post('/v1/actions', 'alpha', request)).body.verdict).toBe('allow')
  await sameChain(two, one)
})

test('a home that takes nothing from the inbox is said to be silent', async () => {
  await enter('one')
  const two = await enter('two')
  fault = (call) => (call === 'take' ? LOST : undefined)
  const answer = await two.post('/v1/observations', 'feed', quietMarket(OPEN - 1))
  expect([answer.status, answer.body.code]).toEqual([503, 'HOME_SILENT'])
})

test('a follower whose constitution is not to be had says so', async () => {
  await enter('one')
  fault = (call) => (call === 'text' ? LOST : undefined)
  const rig = new Rig()
  rigs.push(rig)
  const starting = rig.start({ cluster: store.connect('two') })
  await pause(100)
  fault = undefined
  await starting
  expect(ready(rig)).toBe(true)
})

test('a home whose disk fails lets another be home', async () => {
  let isFailing = false
  const one = new Rig()
  rigs.push(one)
  await one.start({
    cluster: store.connect('one'),
    io: interceptedIo((operation) => {
      if (isFailing && operation === 'datasync segment') throw systemError('EIO')
    }),
  })
  const two = await enter('two')
  await market(one)
  const request = one.request(order())
  isFailing = true
  const failed = await one.post('/v1/actions', 'alpha', request)
  expect([failed.status, failed.body.code]).toEqual([503, 'JOURNAL_FAILED'])
  await until(() => isHome(two))
  expect((await two.post('/v1/actions', 'alpha', request)).body.verdict).toBe('allow')
  expect(one.running.sidecar.unready).toContain('EIO')
})

test('cut off from the cluster, a guard sends a cancel and nothing else', async () => {
  const one = await enter('one')
  await market(one)
  fault = () => LOST
  await until(() => !ready(one))
  const client = createClient({ url: one.base, token: one.token('alpha'), agent: 'alpha' })
  const sent: unknown[] = []
  const unrecorded: unknown[] = []
  const act = guard(client, async (action) => sent.push(action), {
    onUnrecordedCancel: ({ error }) => unrecorded.push(error.code),
  })
  await act(cancel() as Action)
  await expect(act(order() as Action)).rejects.toMatchObject({ code: 'CLUSTER_UNREACHABLE' })
  expect(sent).toEqual([cancel()])
  expect(unrecorded).toEqual(['CLUSTER_UNREACHABLE'])
})

test('a halt that a home has taken and not brought into the log is not forgotten with what it recorded', async () => {
  const former = await enter('former')
  const next = await enter('next')
  await former.observe(...quietMarket(OPEN - 1))
  const raised = (): number => former.running.sidecar.state.ledger.halts.size
  const lose =
    (isLost: (call: string, name: string) => boolean) =>
    (call: string, name: string): Fault => ({ kind: isLost(call, name) ? 'lost' : 'none', delayMs: 0 })
  // What it records does not come into the log, and the other hears no halts.
  fault = lose((call, name) => (name === 'former' ? call === 'append' : call === 'hear'))
  const waiting = former.post('/v1/observations', 'feed', quietMarket(OPEN))
  await until(() => former.running.sidecar.pending > 0)
  const halt = former.post('/v1/halts', 'operator-1', {
    scope: { kind: 'everything' },
    state: 'halted',
    reason: 'stop',
  })
  await until(() => raised() === 1)
  fault = lose((call, name) => name === 'former' || call === 'hear')
  await until(() => next.running.sidecar.home?.isHere)
  await Promise.all([waiting, halt])
  await next.stop()
  fault = undefined
  await until(() => former.running.sidecar.home?.isHere && former.running.sidecar.unready === undefined)
  former.now = OPEN + 1000
  await former.observe(...quietMarket(former.now))
  expect((await former.judge(order({ quantity: 1 }))).verdict).toBe('deny')
  expect(raised()).toBe(1)
})
