/** Two real sidecars that hold four partitions each: what callers send reaches the one that decides, and what they are answered is true everywhere. */
import { Redis } from 'ioredis'
import { execFile } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DecisionsAnswer, type StateAnswer } from '../../src/protocol/answers.ts'
import { verifyPermit } from '../../src/permit/verify.ts'
import type { Jwks } from '../../src/protocol/permit.ts'
import { nameOfPartition } from '../../src/protocol/partition.ts'
import { DESKS_LAW, desksOf, marketOf, registerDesks } from '../support/desks.ts'
import { eventsOf, type ReadEvent } from '../support/events.ts'
import { expectProblem, until, type Answer } from '../support/http.ts'
import { order, price } from '../support/market.ts'
import { RedisServer } from '../support/redis.ts'
import { holdLease } from '../support/held-lease.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

const OF = 4
const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const desks = desksOf(OF)
const EVERYTHING = { scope: { kind: 'everything' }, state: 'halted', reason: 'test' }

let server: RedisServer
let one: Rig
let two: Rig
beforeAll(async () => {
  server = await RedisServer.start()
  one = await new Rig({ ...DESKS_LAW, redis: server.url, partitions: OF }).start()
  two = await new Rig({ ...DESKS_LAW, redis: server.url, partitions: OF }).start()
}, 60_000)
afterAll(async () => {
  await two.end()
  await one.end()
  await server.end()
})

const cores = (rig: Rig) => rig.running.sidecar.cores
/** Asks again, under the same id, where nothing is known of it: eight homes in one process may lose a lease when the machine is busy. */
async function calmly(ask: () => Promise<Answer>): Promise<Answer> {
  let answer = await ask()
  for (let left = 20; answer.status === 503 && left > 0; left -= 1) {
    await pause(50)
    answer = await ask()
  }
  return answer
}
const act = (rig: Rig, number: number, request: unknown) =>
  calmly(() => rig.post('/v1/actions', desks[number]?.agent ?? '', request))
const requestOf = (number: number, more: object = {}) =>
  one.request(order({ account: desks[number]?.account, ...more }), {}, desks[number]?.agent)

test('each partition has its journal, and is one chain in both sidecars', async () => {
  for (const rig of [one, two])
    for (let number = 0; number < OF; number += 1)
      expect(existsSync(join(rig.journal, nameOfPartition(number)))).toBe(true)
  const ready = await calmly(() => one.get('/readyz', null))
  expect(ready.body).toMatchObject({ status: 'ready' })
  expect(ready.body.partitions).toHaveLength(OF)
  for (let number = 0; number < OF; number += 1)
    await until('both have the law', () =>
      [one, two].every((rig) => cores(rig)[number]?.durableState.program !== undefined),
    )
})

test('who was registered through one may act through the other at once, and an unknown one nowhere', async () => {
  expectProblem(await act(two, 1, requestOf(1)), 'AGENT_UNKNOWN', 'is not registered')
  await registerDesks(two, desks)
  const accounts = await one.get('/v1/accounts')
  expect(accounts.body.accounts).toEqual(desks.map(({ account, owner }) => ({ account, owner })))
  // What is said of accounts goes to their owners, and all else to everybody.
  await one.observe(...marketOf(OPEN - 1, desks))
  for (const [number, { account }] of desks.entries()) {
    const states = cores(one).map(({ durableState }) => durableState.ledger)
    expect(states.map((ledger) => ledger.accounts.has(account))).toEqual(
      desks.map((_, other) => other === number),
    )
    expect(states.every((ledger) => ledger.prices.has('AAPL'))).toBe(true)
  }
  for (let number = 0; number < OF; number += 1) {
    const request = requestOf(number)
    const [mine, theirs] = [await act(two, number, request), await act(one, number, request)]
    expect(mine.body).toMatchObject({ verdict: 'allow', partition: nameOfPartition(number) })
    const { permit, ...answer } = mine.body
    const keys = (await two.get('/.well-known/jwks.json', null)).body as unknown as Jwks
    expect(verifyPermit(String(permit), { keys, now: OPEN })).toMatchObject({
      partition: mine.body.partition,
      sequence: mine.body.sequence,
    })
    expect(theirs.body).toMatchObject(answer)
  }
})

test('an owner is for good, wherever it is said', async () => {
  const [, desk] = desks
  const other = { account: desk?.account, owner: desks[2]?.owner }
  for (const rig of [one, two])
    expectProblem(
      await rig.post('/v1/accounts', 'operator-1', other),
      'OWNER_FIXED',
      `p00: \`${desk?.account}\` is \`${desk?.owner}\`’s`,
    )
})

test('an order on the account of another desk is denied in its agent’s partition', async () => {
  const answer = await act(two, 1, requestOf(1, { account: desks[2]?.account }))
  expect(answer.body).toMatchObject({ verdict: 'deny', partition: 'p01' })
  expect(answer.body.reasons).toContainEqual(expect.objectContaining({ code: 'OWNER_DIFFERS' }))
})

test('of a list each is refused under its own place', async () => {
  const list = [
    price(OPEN - 1, 'nyse'),
    { ...marketOf(OPEN - 1, desks).at(-1), account: 'nobody-s' },
    { ...price(OPEN + 3_600_000, 'bats') },
  ]
  const answer = await two.post('/v1/observations', 'feed', list)
  expect(answer.body).toMatchObject({ accepted: 1, refused: [{ index: 1 }, { index: 2 }] })
  expect(answer.text).toContain('p00: nobody was registered here as the owner of `nobody-s`')
})

test('what the venue did is counted where the order is, in one list of all desks', async () => {
  const orders: string[] = []
  for (let number = 0; number < OF; number += 1) {
    const request = requestOf(number)
    const { body } = await act(number % 2 === 0 ? one : two, number, request)
    orders.push(String(body.decision))
    const permit = `/v1/permits/${String(body.decision).replace(/^d-/, 'p-')}/redeem`
    const redeemed = await calmly(() => two.post(permit, desks[number]?.agent ?? '', {}))
    expect(redeemed.status, redeemed.text).toBe(200)
  }
  const filled = orders.map((decision, number) => ({
    execution: `e-${number}`,
    order: decision,
    event: 'filled',
    filled: 100,
    price: 200,
    at: OPEN,
  }))
  expect(await two.execute(...filled)).toMatchObject({ accepted: OF, repeated: 0 })
  expect(await one.execute(...filled)).toMatchObject({ accepted: 0, repeated: OF })
  const unknown = { ...filled[0], execution: 'e-9', order: 'd-000000000000000000000000' }
  const answer = await two.post('/v1/executions', 'feed', [filled[1], unknown])
  expect(answer.body).toMatchObject({ repeated: 1, refused: [{ index: 1, code: 'EXECUTION_ORDER_UNKNOWN' }] })
})

test('a halt is answered when every home has taken it, and is one halt', async () => {
  const halted = await two.post('/v1/halts', 'operator-1', EVERYTHING)
  expect(halted.status).toBe(200)
  const { halt } = halted.body
  expect(cores(two).map(({ durableState }) => [...durableState.ledger.halts.keys()])).toEqual(
    Array.from({ length: OF }, () => [halt]),
  )
  const state = (await two.get('/v1/state')).body as unknown as StateAnswer
  expect(state.halts).toMatchObject([{ halt, partitions: ['p00', 'p01', 'p02', 'p03'] }])
  for (let number = 0; number < OF; number += 1)
    expect((await act(one, number, requestOf(number))).body.verdict).toBe('deny')
  const resume = (rig: Rig, operator: string) =>
    rig.call('DELETE', `/v1/halts/${String(halt)}`, operator, { body: { reason: 'over' } })
  expect((await resume(one, 'operator-1')).body).toMatchObject({ lifted: false, operators: 1 })
  expect((await resume(two, 'operator-2')).body).toMatchObject({ lifted: true, operators: 2 })
  expect((await act(two, 3, requestOf(3))).body.verdict).toBe('allow')
})

test('a halt that a home cannot take is not answered as taken, and the answer names the partition', async () => {
  const redis = new Redis(server.url)
  // Nobody else can be home.
  const letGo = await holdLease(redis, 'p02')
  await until('both know', () => [one, two].every((rig) => cores(rig)[2]?.home?.isHere === false))
  const halted = await one.post('/v1/halts', 'operator-1', { ...EVERYTHING, reason: 'again' })
  expectProblem(halted, 'HOME_SILENT', 'p02: ')
  await letGo()
  await until('there is a home again, with the halt', () =>
    [one, two].every((rig) => cores(rig)[2]?.durableState.ledger.halts.size === 1),
  )
  redis.disconnect()
  const state = (await two.get('/v1/state')).body as unknown as StateAnswer
  const [halt] = state.halts
  for (const operator of ['operator-1', 'operator-2']) {
    const body = { reason: 'over' }
    expect((await two.call('DELETE', `/v1/halts/${halt?.halt}`, operator, { body })).status).toBe(200)
  }
  expect((await two.get('/v1/state')).body.halts).toEqual([])
})

test('what a monitor stops for all is one halt, however many of them saw it, and is lifted once', async () => {
  const jump = [price(OPEN, 'nyse', 150), price(OPEN, 'bats', 150)]
  await two.observe(...jump)
  const seen = async () => ((await one.get('/v1/state')).body as unknown as StateAnswer).halts
  await until('all have it, under one name', async () => {
    const [halt, ...more] = await seen()
    return more.length === 0 && halt?.partitions?.length === OF && /^h-\d+-\d+$/.test(halt.halt)
  })
  const [halt] = await seen()
  expect(halt).toMatchObject({ scope: { kind: 'instrument', name: 'AAPL' }, by: 'price-jump' })
  for (const operator of ['operator-1', 'operator-2'])
    expect(
      (await one.call('DELETE', `/v1/halts/${halt?.halt}`, operator, { body: { reason: 'it is news' } }))
        .status,
    ).toBe(200)
  expect(await seen()).toEqual([])
  for (const rig of [one, two])
    await until('both sidecars know', () =>
      cores(rig).every((core) => core.durableState.ledger.halts.size === 0),
    )
})

test('decisions are one list, page by page', async () => {
  const all = new Map<string, number>()
  let cursor = ''
  let last = Infinity
  for (let pages = 0; pages < 30; pages += 1) {
    const body = DecisionsAnswer.parse((await two.get(`/v1/decisions?limit=2${cursor}`)).body)
    for (const { partition, sequence, decision } of body.decisions) {
      all.set(`${partition} ${sequence}`, decision.at)
      expect(decision.at).toBeLessThanOrEqual(last)
      last = decision.at
    }
    if (body.next === null) break
    cursor = `&cursor=${body.next}`
  }
  const counts = cores(two).map(({ durableState }) => durableState.memory.order.size)
  expect(all.size).toBe(counts.reduce((sum, count) => sum + count))
  expectProblem(await two.get('/v1/decisions?cursor=12'), 'QUERY_INVALID', 'expected 4 sequences')
})

test('a reader of events goes on from where it was, in every partition', async () => {
  const verdicts = (events: readonly ReadEvent[]) => events.filter(({ event }) => event === 'verdict')
  const nameOf = ({ data }: ReadEvent): string => {
    const { partition, sequence } = JSON.parse(data) as { partition: string; sequence: number }
    return `${partition} ${sequence}`
  }
  const count = cores(two)
    .map(({ durableState }) => durableState.memory.order.size)
    .reduce((sum, each) => sum + each)
  const begin = Array(OF).fill(0).join('.')
  const all = verdicts(await eventsOf(two, 'auditor', begin, (events) => verdicts(events).length >= count))
  expect(new Set(all.map(nameOf)).size).toBe(count)
  for (const place of [0, 3, count - 2]) {
    const from = all[place]?.place
    const rest = verdicts(
      await eventsOf(two, 'auditor', from, (events) => verdicts(events).length >= count - place - 1),
    )
    expect(rest.map(nameOf)).toEqual(all.slice(place + 1).map(nameOf))
  }
  expectProblem(await two.get('/v1/events?after=1'), 'QUERY_INVALID', 'expected 4 sequences')
  expectProblem(
    await two.get('/v1/events?after=0.0.0.99999'),
    'QUERY_INVALID',
    'p03: there is no record 99999',
  )
})

test('a retirement is answered when every partition goes by it', async () => {
  const agent = desks[3]?.agent ?? ''
  const retired = await two.call('DELETE', `/v1/agents/${agent}`, 'operator-1', { body: { reason: 'over' } })
  expect(retired.status).toBe(200)
  for (const { durableState } of cores(two))
    expect(durableState.ledger.agents.get(agent)?.retiredAt).toBeDefined()
  expect((await one.post(`/v1/agents/${agent}/heartbeat`, agent, {})).status).not.toBe(200)
})

test('how an agent did on a day is told to all partitions once the day is over', async () => {
  const { agent, owner } = desks[2] ?? { agent: '', owner: '' }
  const capital = { amount: 100_000, currency: 'USD' }
  const registered = await one.post('/v1/agents', 'operator-1', { agent, role: 'trader', owner, capital })
  expect(registered.status, registered.text).toBe(200)
  const beat = () => calmly(() => two.post(`/v1/agents/${agent}/heartbeat`, agent, {}))
  expect((await beat()).status).toBe(200)
  for (const rig of [one, two]) rig.now += 86_400_000
  expect((await beat()).status).toBe(200)
  const known = (rig: Rig) =>
    cores(rig).map(({ durableState }) =>
      JSON.stringify([...(durableState.ledger.trackRecords.get(agent)?.days ?? [])]),
    )
  expect(JSON.parse(known(one)[2] ?? '')).toMatchObject([{ capital: capital.amount }])
  // Homes look now and then.
  for (const rig of [one, two]) await rig.pass(40)
  for (const rig of [one, two])
    await until('all know it', () => known(rig).every((days) => days === known(rig)[2]))
})

test('the command line goes through all journals, and holds them against each other', async () => {
  const ephor = async (...args: string[]) => {
    const ran = promisify(execFile)(process.execPath, [CLI, ...args])
    const ended = (status: number, { stdout, stderr }: { stdout: string; stderr: string }) => ({
      status,
      told: stdout + stderr,
    })
    return ran.then(
      (told) => ended(0, told),
      (error: { code: number; stdout: string; stderr: string }) => ended(error.code, error),
    )
  }
  const archive = join(one.home, 'archive')
  const options = ['--home', one.home, '--redis', server.url, '--partitions', String(OF)]
  const archived = await ephor('log', 'archive', archive, ...options)
  for (let number = 0; number < OF; number += 1)
    expect(archived.told).toMatch(
      new RegExp(`records archived: ${nameOfPartition(number)} up to record \\d+`),
    )
  expect((await ephor('log', 'archive', archive, '--home', one.home, '--verify')).status).toBe(0)
  expect((await ephor('log', 'query', '--home', one.home, '--limit', '3')).told).toMatch(
    /p0\d \d+ .*\n[^]*more: --cursor/,
  )
  await one.stop()
  const verified = await ephor('log', 'verify', '--home', one.home)
  expect(verified.told).toContain(
    '4 partitions: what was followed is what p00 recorded, and no halt passed one by',
  )
  expect(verified.status).toBe(0)
  // A history of another first partition under the others' hands is found, though each is whole in itself.
  const [mine, other] = [join(one.journal, 'p00'), mkdtempSync(join(tmpdir(), 'ephor-p00-'))]
  cpSync(mine, other, { recursive: true })
  cpSync(join(one.journal, 'p02'), mine, { recursive: true })
  const mixed = await ephor('log', 'verify', '--home', one.home)
  expect(mixed).toMatchObject({
    status: 1,
    told: expect.stringContaining('the partitions do not fit together'),
  })
  expect(mixed.told).toMatch(/record \d+: record \d+ of p00 does not say what was followed/)
  cpSync(other, mine, { recursive: true })
  rmSync(other, { recursive: true })
  await one.start()
}, 60_000)

test('the number never changes, and a directory is of one or of several', async () => {
  const other = new Rig()
  try {
    const start = other.start({ redis: server.url, partitions: 3 })
    await expect(start).rejects.toMatchObject({
      code: 'REDIS_UNFIT',
      detail: expect.stringContaining('begun with 4 partitions and this sidecar has 3'),
    })
    await expect(other.start({ partitions: 4 })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      detail: expect.stringContaining('name it with `--redis`'),
    })
    await other.start()
    await other.stop()
    const empty = `${server.url}/5`
    await expect(other.start({ redis: empty, partitions: OF })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      detail: expect.stringContaining('which never becomes one of 4'),
    })
    // Nothing was fixed by what was refused.
    const redis = new Redis(empty)
    expect(await redis.keys('*')).toEqual([])
    redis.disconnect()
  } finally {
    await other.end()
  }
  await two.stop()
  await expect(two.start({ redis: undefined, partitions: 1 } as never)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    detail: expect.stringContaining('has the journals of 4 partitions'),
  })
  await two.start()
})
