/** Reductions that were set aside beforehand, over a real Redis: used at one sidecar while that is cut off, and at no other, once. */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { v7 as uuidv7 } from 'uuid'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { MemoryStore } from '../../src/cluster/memory.ts'
import { verifyHome } from '../../src/cli/verify-home.ts'
import { permitIdOf, verifyPermit } from '../../src/permit/verify.ts'
import type { ActionAnswer } from '../../src/protocol/decision.ts'
import { interceptedIo, systemError } from '../journal-support/journals.ts'
import { serve, type CliSidecar } from '../chaos/cli-sidecar.ts'
import { ALLOTTING, allottingPolicies } from '../support/allotting-policies.ts'
import { DESKS_LAW, desksOf, marketOf, registerDesks } from '../support/desks.ts'
import { callAt, until as untilWithin, type Answer } from '../support/http.ts'
import { account as equityOf, order, quietMarket, sellAtMarket } from '../support/market.ts'
import { RedisServer } from '../support/redis.ts'
import { OPEN, Rig, type RigOptions } from '../support/sidecar.ts'
import { TcpProxy } from '../support/tcp-proxy.ts'

const HOUR = 3_600_000
const until = (holds: () => unknown): Promise<void> =>
  untilWithin('it holds', async () => Boolean(await holds()))
let server: RedisServer
let proxy: TcpProxy
let one: Rig
let two: Rig
beforeAll(async () => {
  server = await RedisServer.start()
})
afterAll(() => server.end())

const rigOf = (url: string, more: RigOptions = {}): Rig =>
  new Rig({ redis: url, policies: ALLOTTING, ...more })

/** What is asked of the disk of `two`, to make it fail. */
let onDisk: ((operation: string) => void) | undefined

beforeEach(async () => {
  onDisk = undefined
  const redis = server.connect()
  await redis.flushall()
  redis.disconnect()
  proxy = await TcpProxy.start(server.port)
  one = await rigOf(server.url).start()
  two = await rigOf(proxy.url, { io: interceptedIo((operation) => onDisk?.(operation)) }).start()
  await one.observe(...quietMarket(OPEN - 1))
})
afterEach(async () => {
  proxy.hold(false)
  await Promise.all([one.end(), two.end()])
  await proxy.end()
})

const aside = (rig: Rig, quantity: number, more: object = {}): Promise<ActionAnswer> =>
  rig.judge(sellAtMarket(quantity), { allot: true, ...more })
const redeem = (rig: Rig, { permit }: Pick<ActionAnswer, 'permit'>): Promise<Answer> =>
  rig.post(`/v1/permits/${permitIdOf(permit ?? '')}/redeem`, 'alpha', {})
const giveBack = (
  rig: Rig,
  { permit }: Pick<ActionAnswer, 'permit'>,
  as = 'alpha',
  body: object = {},
): Promise<Answer> => rig.post(`/v1/permits/${permitIdOf(permit ?? '')}/return`, as, body)
const said = ({ status, body }: Answer): unknown[] => [status, body.code]
const isCut = (rig: Rig): boolean => rig.running.sidecar.unready !== undefined
const cut = async (): Promise<void> => {
  proxy.hold(true)
  await until(() => isCut(two))
}
const back = async (): Promise<void> => {
  proxy.hold(false)
  await until(() => !isCut(two))
}
/** Lets `two` tick until `one` has it. */
const told = async (is: () => boolean): Promise<void> => {
  await until(async () => {
    await two.pass(0)
    two.running.sidecar.tick(0)
    return is()
  })
}
/** Stops it; all that it recorded stands, and is derived again. */
const verified = async (rig: Rig): Promise<void> => {
  await rig.stop()
  expect(await verifyHome(rig.home, { chainOnly: false })).toBe(true)
  await rig.start()
}
const open = (rig: Rig): number => rig.running.sidecar.durableState.permits.setAside.size
const selling = (rig: Rig): number =>
  rig.running.sidecar.durableState.ledger.exposures.get('main')?.get('AAPL')?.sell ?? 0
/** Whether its book says that a home has it on record; `undefined` where it says nothing of it. */
const isTold = (rig: Rig, decision: string): boolean | undefined => {
  const [text = ''] = readFileSync(join(rig.home, 'allotments.json'), 'utf8').split('\n')
  const { marks } = JSON.parse(text) as { marks: { decision: string; told?: number }[] }
  const mark = marks.find((each) => each.decision === decision)
  return mark?.told !== undefined
}
const nameOf = (rig: Rig): string => rig.running.home.keyId

test('what is set aside says for whom and until when, in the answer and in its permit', async () => {
  const answer = await aside(two, 400)
  expect(answer).toMatchObject({ verdict: 'allow', allotted: { to: nameOf(two), until: OPEN + 4 * HOUR } })
  const { keys } = (await two.get('/.well-known/jwks.json', null)).body as never as {
    keys: Parameters<typeof verifyPermit>[1]['keys']
  }
  const claims = verifyPermit(answer.permit ?? '', {
    keys: { keys } as never,
    action: answer.action,
    now: OPEN + 3 * HOUR,
  })
  expect(claims).toMatchObject({ allotted: nameOf(two), exp: (OPEN + 4 * HOUR) / 1000 })
  expect(await two.get('/v1/policies/emergency')).toMatchObject({
    body: { allotments: { life: 4 * HOUR, perAgent: 3 } },
  })
})

test('in contact it is redeemed through its own sidecar alone', async () => {
  const answer = await aside(two, 400)
  await until(() => open(one) === 1)
  expect(said(await redeem(one, answer))).toEqual([409, 'ALLOTMENT_ELSEWHERE'])
  expect(await redeem(two, answer)).toMatchObject({ status: 200, body: { decision: answer.decision } })
  expect(said(await redeem(two, answer))).toEqual([409, 'PERMIT_SPENT'])
  // The home sets aside for itself, too.
  const own = await aside(one, 100)
  expect(own.allotted?.to).toBe(nameOf(one))
  await until(() => open(two) === 1)
  expect(said(await redeem(two, own))).toEqual([409, 'ALLOTMENT_ELSEWHERE'])
  expect((await redeem(one, own)).status).toBe(200)
})

test('what does not reduce any more is sent neither in contact nor cut off, and stays reserved until it is given back', async () => {
  const answer = await aside(two, 400)
  one.now += 1000
  two.now = one.now
  await one.observe({ kind: 'portfolio', account: 'main', positions: [], at: one.now })
  const adopted = await one.post('/v1/portfolios/main/adopt', 'operator-1', { reason: 'closed by hand' })
  expect(adopted.status).toBe(200)
  await until(() => two.running.sidecar.durableSequence === one.running.sidecar.durableSequence)
  expect(said(await redeem(two, answer))).toEqual([409, 'ALLOTMENT_OVERTAKEN'])
  await cut()
  expect(said(await redeem(two, answer))).toEqual([409, 'ALLOTMENT_OVERTAKEN'])
  expect(selling(one)).toBe(400)
  await back()
  expect((await giveBack(two, answer)).status).toBe(200)
  expect(selling(one)).toBe(0)
})

describe('cut off', () => {
  test('it is redeemed here once; nothing else is, and nobody else uses what is reserved', async () => {
    const answer = await aside(two, 400)
    const usual = await two.judge(sellAtMarket(50))
    await cut()
    const redeemed = await redeem(two, answer)
    expect(redeemed).toMatchObject({ status: 200, body: { decision: answer.decision, cutOff: true } })
    // Again, what was not set aside, and what is asked now.
    expect(said(await redeem(two, answer))).toEqual([409, 'PERMIT_SPENT'])
    expect(said(await redeem(two, usual))).toEqual([503, 'CLUSTER_UNREACHABLE'])
    const asked = await two.post('/v1/actions', 'alpha', two.request(sellAtMarket(10), { allot: true }))
    expect(said(asked)).toEqual([503, 'CLUSTER_UNREACHABLE'])
    // Meanwhile the home neither redeems it, nor lets it lapse, nor lets more reduce than is left.
    expect(said(await redeem(one, answer))).toEqual([409, 'ALLOTMENT_ELSEWHERE'])
    await one.pass(10)
    one.now += 5 * HOUR
    await one.pass(2)
    expect([open(one), selling(one)]).toEqual([1, 400])
    const reducing = async (quantity: number): Promise<boolean | undefined> => {
      const { decision } = await one.judge(sellAtMarket(quantity))
      return (await one.running.sidecar.findDecision(decision))?.decision.reducing
    }
    await one.observe(...quietMarket(one.now))
    expect(await reducing(601)).toBe(false)
    expect(await reducing(600)).toBe(true)
    await back()
    // Back, and the home does not know it yet.
    expect([open(one), open(two)]).toEqual([1, 1])
    expect(said(await redeem(two, answer))).toEqual([409, 'PERMIT_SPENT'])
    await told(() => open(one) === 0)
    expect(selling(one)).toBe(1000)
    expect(said(await redeem(two, answer))).toEqual([409, 'PERMIT_SPENT'])
    const { text } = await two.get('/metrics', 'auditor')
    expect(text).toMatch(/^ephor_allotments_redeemed_cut_off_total 1$/m)
    expect(text).toMatch(/^ephor_allotments 0$/m)
    await until(() => isTold(two, answer.decision))
    await verified(two)
  })

  test('two who redeem at once: one of them may', async () => {
    const answer = await aside(two, 400)
    await cut()
    const both = await Promise.all([redeem(two, answer), redeem(two, answer), redeem(two, answer)])
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409, 409])
    // Back, and the home, which would let it be redeemed, does not know it yet.
    await back()
    expect([open(one), open(two)]).toEqual([1, 1])
    expect(said(await redeem(two, answer))).toEqual([409, 'PERMIT_SPENT'])
  })

  test('a redemption that was on its way when the line was cut is one with that while cut off', async () => {
    const answer = await aside(two, 400)
    proxy.hold(true)
    const redeemed = await redeem(two, answer)
    expect(redeemed).toMatchObject({ status: 200, body: { cutOff: true } })
    await back()
    // What was on its way arrived.
    await until(() => open(one) === 0)
    await told(() => open(one) === 0)
    expect(said(await redeem(two, answer))).toEqual([409, 'PERMIT_SPENT'])
    expect(selling(one)).toBe(400)
  })

  test('a halt that is raised here holds it; one that it covers not does not', async () => {
    const [first, second] = [await aside(two, 100), await aside(two, 200)]
    await cut()
    const halt = (scope: object): Promise<Answer> =>
      two.post('/v1/halts', 'operator-1', { scope, state: 'halted', reason: 'test' })
    expect(said(await halt({ kind: 'instrument', name: 'MSFT' }))).toEqual([503, 'CLUSTER_UNREACHABLE'])
    expect((await redeem(two, first)).status).toBe(200)
    await halt({ kind: 'everything' })
    expect(said(await redeem(two, second))).toEqual([409, 'HALTED_SINCE'])
  })

  test('a halt that was known holds it, and so does the end by either clock', async () => {
    const [first, second] = [await aside(two, 100), await aside(two, 200)]
    await cut()
    two.now += 4 * HOUR - 1
    expect((await redeem(two, first)).status).toBe(200)
    two.now += 1
    expect(said(await redeem(two, second))).toEqual([409, 'PERMIT_SPENT'])
    // A clock that goes back makes nothing young that a later record says is over.
    await back()
    two.now = OPEN
    one.now = OPEN + 4 * HOUR
    await one.observe({ ...(quietMarket(one.now)[1] as object) })
    await until(() => two.running.sidecar.durableState.lastAt === one.now)
    await cut()
    expect(said(await redeem(two, second))).toEqual([409, 'PERMIT_SPENT'])
  })

  test('where the disk fails nothing leaves, then or later; what may be on the disk is told', async () => {
    const [first, second] = [await aside(two, 100), await aside(two, 200)]
    await cut()
    onDisk = (operation) => {
      if (operation === 'syncDirectory') throw systemError('EIO')
    }
    expect(said(await redeem(two, first))).toEqual([503, 'JOURNAL_FAILED'])
    onDisk = undefined
    expect(said(await redeem(two, first))).toEqual([409, 'PERMIT_SPENT'])
    expect(said(await redeem(two, second))).toEqual([503, 'JOURNAL_FAILED'])
    proxy.hold(false)
    await two.stop()
    await two.start()
    await told(() => open(one) === 1)
    expect(selling(one)).toBe(300)
  })

  test('an fsync that fails leaves nothing of it on the disk either', async () => {
    const answer = await aside(two, 100)
    await cut()
    onDisk = (operation) => {
      if (operation === 'datasync allotments.json.new') throw systemError('EIO')
    }
    expect(said(await redeem(two, answer))).toEqual([503, 'JOURNAL_FAILED'])
    expect(readFileSync(join(two.home, 'allotments.json'), 'utf8')).not.toContain(answer.decision)
  })

  test('given back while cut off it is used no more, and comes free once the home is told', async () => {
    const answer = await aside(two, 400)
    await cut()
    expect(said(await giveBack(two, answer))).toEqual([503, 'CLUSTER_UNREACHABLE'])
    expect(said(await redeem(two, answer))).toEqual([409, 'PERMIT_SPENT'])
    expect(selling(one)).toBe(400)
    await back()
    await told(() => open(one) === 0)
    expect(selling(one)).toBe(0)
  })

  test('who is home uses nothing: nobody else knows what of its journal came into the log; once it follows, it does', async () => {
    const answer = await aside(two, 100)
    await one.stop()
    await until(() => two.running.sidecar.home?.isHere)
    await one.start()
    const asHome = await aside(two, 200)
    await until(() => open(one) === 2)
    await cut()
    await until(() => one.running.sidecar.home?.isHere)
    for (const each of [answer, asHome]) expect((await redeem(two, each)).status).toBe(503)
    await back()
    await until(() => two.running.sidecar.home?.isHere === false)
    await cut()
    for (const each of [answer, asHome])
      expect(await redeem(two, each)).toMatchObject({ status: 200, body: { cutOff: true } })
    await back()
    await told(() => open(one) === 0)
    expect(selling(one)).toBe(300)
  })
})

describe('who is gone', () => {
  test('is written off by an operator who names it, through any sidecar', async () => {
    const answer = await aside(two, 400)
    await until(() => open(one) === 1)
    const gone = nameOf(two)
    expect(said(await giveBack(one, answer))).toEqual([409, 'ALLOTMENT_ELSEWHERE'])
    expect(said(await giveBack(one, answer, 'hedger'))).toEqual([404, 'ALLOTMENT_UNKNOWN'])
    expect(said(await giveBack(one, answer, 'operator-1'))).toEqual([422, 'BODY_INVALID'])
    expect(said(await giveBack(one, answer, 'alpha', { gone, reason: 'x' }))).toEqual([422, 'BODY_INVALID'])
    await two.stop()
    const body = { gone, reason: 'the host burnt' }
    expect((await giveBack(one, answer, 'operator-1', body)).status).toBe(200)
    expect([open(one), selling(one)]).toEqual([0, 0])
    await two.start()
    await until(() => open(two) === 0 && !isCut(two))
    expect(said(await redeem(two, answer))).toEqual([409, 'PERMIT_SPENT'])
  })

  test('is not who comes under its name with another book', async () => {
    const answer = await aside(two, 400)
    await two.stop()
    const path = join(two.home, 'allotments.json')
    writeFileSync(path, readFileSync(path, 'utf8').replace('"marks":[]', '"marks": []'))
    await expect(two.start()).rejects.toMatchObject({ code: 'JOURNAL_CORRUPT' })
    renameSync(path, `${path}.lost`)
    await two.start()
    await until(() => open(two) === 1 && !isCut(two))
    expect(said(await redeem(two, answer))).toEqual([409, 'ALLOTMENT_ELSEWHERE'])
    two.now += 5 * HOUR
    await two.pass(1)
    expect(open(one)).toBe(1)
    await cut()
    expect(said(await redeem(two, answer))).toEqual([503, 'CLUSTER_UNREACHABLE'])
  })
})

test('what is refused or denied to be set aside says why', async () => {
  const unfit = await two.post(
    '/v1/actions',
    'alpha',
    two.request(sellAtMarket(10), { allot: true, accept: ['narrow'] }),
  )
  expect(said(unfit)).toEqual([422, 'ALLOTMENT_UNFIT'])
  const buy = await two.judge(order(), { allot: true })
  expect([buy.verdict, buy.permit, buy.reasons.map(({ code }) => code)]).toEqual([
    'deny',
    null,
    ['ALLOTMENT_UNCERTAIN'],
  ])
  for (let count = 1; count <= 3; count += 1) await aside(two, count)
  await verified(two)
  const more = await two.post('/v1/actions', 'alpha', two.request(sellAtMarket(10), { allot: true }))
  expect(said(more)).toEqual([429, 'AGENT_LIMIT_REACHED'])
  const alone = await new Rig({ policies: ALLOTTING }).start()
  await alone.observe(...quietMarket(OPEN - 1))
  const asked = await alone.post('/v1/actions', 'alpha', alone.request(sellAtMarket(10), { allot: true }))
  expect(said(asked)).toEqual([422, 'ALLOTMENT_UNFIT'])
  await alone.end()
  // One of several under the shipped policy.
  const store = new MemoryStore({ now: () => performance.now(), sleep: (ms) => pause(ms) })
  const shipped = await new Rig({ cluster: store.connect('shipped') }).start()
  const off = await shipped.post('/v1/actions', 'alpha', shipped.request(sellAtMarket(10), { allot: true }))
  expect(said(off)).toEqual([409, 'ALLOTMENT_OFF'])
  await shipped.end()
})

describe('over a line of which a part is cut', () => {
  let isLost: (call: string, name: string) => boolean
  let store: MemoryStore
  let former: Rig
  let next: Rig
  beforeEach(async () => {
    isLost = () => false
    store = new MemoryStore({
      now: () => performance.now(),
      sleep: (ms) => pause(ms),
      fault: (call, name) => ({ kind: isLost(call, name) ? 'lost' : 'none', delayMs: 0 }),
    })
    const enter = (name: string): Promise<Rig> =>
      new Rig({ cluster: store.connect(name), policies: ALLOTTING }).start()
    former = await enter('former')
    next = await enter('next')
    await former.observe(...quietMarket(OPEN - 1))
  })
  afterEach(async () => {
    isLost = () => false
    await Promise.all([former.end(), next.end()])
  })

  test('who follows a log that went on otherwise uses nothing of what was set aside in his', async () => {
    const answer = await aside(next, 100)
    await until(() => open(next) === 1)
    // Redis loses what came last, and the one who had it is given up.
    isLost = (_, name) => name === 'former'
    await former.stop()
    store.restart(3)
    const third = new Rig({ cluster: store.connect('third'), policies: ALLOTTING })
    try {
      await third.start({ acceptAbsence: 'former' })
      await until(() => third.running.sidecar.home?.isHere)
      third.now += 1_000
      await third.observe(...quietMarket(third.now))
      await until(() => next.running.sidecar.unready?.includes('of the log'))
      isLost = (_, name) => name !== 'third'
      // Each waits for halts a little: by the last of them nobody has heard any for long enough.
      for (let count = 0; count < 5; count += 1) expect((await redeem(next, answer)).status).toBe(503)
      expect(open(next)).toBe(1)
    } finally {
      await third.end()
    }
  })

  test('nothing is redeemed here while halts are heard, though the home is silent', async () => {
    const answer = await aside(next, 100)
    isLost = (call) => call === 'take'
    expect(said(await redeem(next, answer))).toEqual([503, 'HOME_SILENT'])
  })

  test('an answer of the home that comes late, and one that is given here, are not both had', async () => {
    const answer = await aside(next, 100)
    isLost = (call) => call === 'take'
    const first = redeem(next, answer)
    await until(() => next.running.sidecar.pending === 1)
    await pause(100)
    isLost = (call, name) => call === 'take' || (name === 'next' && call === 'hear')
    await until(() => next.running.sidecar.unready !== undefined)
    const second = redeem(next, answer)
    // Long enough for one that does not wait for the other.
    await pause(600)
    isLost = () => false
    const both = await Promise.all([first, second])
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409])
  })
})

test('where there are several partitions one book serves them all, and each home is told its own', async () => {
  const desks = desksOf(2)
  const more = { ...DESKS_LAW, policies: ALLOTTING, partitions: 2 }
  const redis = server.connect()
  await Promise.all([one.stop(), two.stop()])
  await redis.flushall()
  redis.disconnect()
  const [there, here] = [
    await new Rig({ ...more, redis: server.url }).start(),
    await new Rig({ ...more, redis: proxy.url }).start(),
  ]
  try {
    await until(
      () => there.running.sidecar.unready === undefined && here.running.sidecar.unready === undefined,
    )
    await registerDesks(there, desks)
    await there.observe(...marketOf(OPEN - 1, desks))
    const answers: ActionAnswer[] = []
    for (const { agent, account } of desks)
      answers.push(
        await here.judge({ ...sellAtMarket(100), account }, { allot: true }, agent),
        await here.judge({ ...sellAtMarket(200), account }, { allot: true }, agent),
      )
    expect(answers.map(({ verdict, partition }) => `${verdict} ${partition}`)).toEqual([
      'allow p00',
      'allow p00',
      'allow p01',
      'allow p01',
    ])
    const openIn = (rig: Rig): number[] =>
      rig.running.sidecar.cores.map(({ durableState }) => durableState.permits.setAside.size)
    await until(() => openIn(there).join() === '2,2' && openIn(here).join() === '2,2')
    proxy.hold(true)
    await until(() => here.running.sidecar.cores.every(({ unready }) => unready !== undefined))
    // One of each desk; and where one desk is stopped, what it has left.
    for (const place of [0, 2]) {
      const path = `/v1/permits/${permitIdOf(answers[place]?.permit ?? '')}/redeem`
      const redeemed = await here.post(path, desks[place / 2]?.agent ?? '', {})
      expect(redeemed).toMatchObject({ status: 200, body: { cutOff: true } })
    }
    await until(() => there.running.sidecar.unready === undefined)
    proxy.hold(false)
    await until(() => here.running.sidecar.unready === undefined)
    const ticking = (cores: readonly { tick: (since: number) => void }[], is: string): Promise<void> =>
      until(() => {
        for (const core of cores) core.tick(0)
        return openIn(there).join() === is
      })
    await ticking(here.running.sidecar.cores.slice(0, 1), '1,2')
    await until(() => isTold(here, answers[0]?.decision ?? ''))
    expect(isTold(here, answers[2]?.decision ?? '')).toBe(false)
    await ticking([here.running.sidecar], '1,1')
    // An operator names no agent: whoever has it is asked.
    const left = answers[3]?.permit ?? ''
    const gone = { gone: nameOf(here), reason: 'the host burnt' }
    expect((await there.post(`/v1/permits/${permitIdOf(left)}/return`, 'operator-1', gone)).status).toBe(200)
    expect(openIn(there)).toEqual([1, 0])
    await there.stop()
    expect(await verifyHome(there.home, { chainOnly: false })).toBe(true)
  } finally {
    proxy.hold(false)
    await Promise.all([there.end(), here.end()])
  }
})

test('what halts everything in one partition of this process holds what the others have, though it cannot spread any more', async () => {
  const policies = allottingPolicies((yaml) =>
    yaml.replace(/(watches: drawdown\n(?:.*\n){2} +scope: )account/, '$1everything'),
  )
  const desks = desksOf(2)
  await Promise.all([one.stop(), two.stop()])
  const redis = server.connect()
  await redis.flushall()
  redis.disconnect()
  const more = { ...DESKS_LAW, policies, partitions: 2 }
  const there = await new Rig({ ...more, redis: server.url }).start()
  const here = await new Rig({ ...more, redis: proxy.url }).start()
  try {
    await until(() => [there, here].every(({ running }) => running.sidecar.unready === undefined))
    await registerDesks(there, desks)
    await there.observe(...marketOf(OPEN - 1, desks))
    const homes = (): boolean[] => here.running.sidecar.cores.map((core) => core.home?.isHere === true)
    await until(() => homes().filter(Boolean).length === 1)
    const [own, other] = [homes().indexOf(true), homes().indexOf(false)]
    const { agent = '', account = '' } = desks[other] ?? {}
    const answer = await here.judge({ ...sellAtMarket(100), account }, { allot: true }, agent)
    await until(() => here.running.sidecar.cores[other]?.durableState.permits.setAside.size === 1)
    await pause(300)
    const isHalted = (): boolean =>
      here.running.sidecar.cores[own]?.state.ledger.halts.some(({ scope }) => scope.kind === 'everything') ===
      true
    const reports: Promise<Answer>[] = []
    // A home takes what comes within the third of a second for which its lease is sure.
    while (!isHalted()) {
      proxy.hold(false)
      await until(() => homes()[own])
      here.now += 1_000
      proxy.hold(true)
      reports.push(
        here.post('/v1/observations', 'feed', [equityOf(here.now, 8_000_000, desks[own]?.account)]),
      )
      await until(() => isHalted() || !homes()[own] || here.running.sidecar.cores[own]?.unready)
    }
    await until(() => here.running.sidecar.cores.every(({ unready }) => unready !== undefined))
    const path = `/v1/permits/${permitIdOf(answer.permit ?? '')}/redeem`
    expect(said(await here.post(path, agent, {}))).toEqual([409, 'HALTED_SINCE'])
    proxy.hold(false)
    await Promise.all(reports)
  } finally {
    proxy.hold(false)
    await Promise.all([there.end(), here.end()])
  }
})

test('killed after it was redeemed, the process that comes next tells the home; what is not told stays reserved', async () => {
  await two.stop()
  const again = (): Promise<CliSidecar> =>
    serve(two.home, ['--redis', proxy.url, '--policies', ALLOTTING], OPEN - Date.now())
  let sidecar: CliSidecar | undefined = await again()
  try {
    const headers = { authorization: `Bearer ${two.token('alpha')}` }
    const post = (path: string, body: object): Promise<Answer> =>
      callAt(sidecar?.base ?? '', 'POST', path, { body, headers })
    const request = { id: uuidv7({ msecs: OPEN }), agent: 'alpha', allot: true, action: sellAtMarket(400) }
    const asked = await post('/v1/actions', request)
    expect(asked.body.verdict).toBe('allow')
    const path = `/v1/permits/${permitIdOf(String(asked.body.permit))}/redeem`
    proxy.hold(true)
    await until(async () => (await callAt(sidecar?.base ?? '', 'GET', '/readyz')).status === 503)
    expect(await post(path, {})).toMatchObject({ status: 200, body: { cutOff: true } })
    await sidecar.kill()
    sidecar = undefined
    expect([open(one), selling(one)]).toEqual([1, 400])
    proxy.hold(false)
    sidecar = await again()
    await until(() => open(one) === 0)
    expect(selling(one)).toBe(400)
    expect(said(await post(path, {}))).toEqual([409, 'PERMIT_SPENT'])
  } finally {
    await sidecar?.kill()
  }
})
