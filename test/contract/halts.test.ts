/** Stopping and resuming: a halt holds from the next decision on, over a restart, and until two operators lift it. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { callSocket, expectProblem } from '../support/http.ts'
import { account, cancel, order, quietMarket } from '../support/market.ts'
import { codesOf, OPEN, Rig } from '../support/sidecar.ts'

interface Halt {
  readonly halt: string
  readonly state: string
  readonly scope: object
  readonly by: string
  readonly resumes: readonly { operator: string }[]
}

let rig: Rig

beforeEach(async () => {
  rig = await new Rig().start()
  await rig.observe(...quietMarket(OPEN))
})
afterEach(() => rig.end())

const raise = async (scope: object, state = 'halted'): Promise<string> => {
  const { status, body } = await rig.post('/v1/halts', 'operator-1', { scope, state, reason: 'a drill' })
  expect(status).toBe(200)
  return String(body.halt)
}
const lift = (halt: string, as: string): ReturnType<Rig['call']> =>
  rig.call('DELETE', `/v1/halts/${halt}`, as, { body: { reason: 'the drill is over' } })
const halts = async (): Promise<Halt[]> => (await rig.get('/v1/state')).body.halts as Halt[]
const getOut = order({ side: 'sell', quantity: 100 })

test('halted: nothing but cancels, from the next decision on', async () => {
  expect((await rig.judge(order())).verdict).toBe('allow')
  await raise({ kind: 'everything' })
  expect(codesOf(await rig.judge(order()))).toEqual(['HALTED'])
  expect(codesOf(await rig.judge(getOut))).toEqual(['HALTED'])
  expect((await rig.judge(cancel())).verdict).toBe('allow')
})

test('reducing: cancels and what makes a position smaller', async () => {
  await raise({ kind: 'everything' }, 'reducing')
  expect(codesOf(await rig.judge(order()))).toEqual(['REDUCING_ONLY'])
  expect((await rig.judge(getOut)).verdict).toBe('allow')
  expect((await rig.judge(order({ side: 'sell', quantity: 901 }))).verdict).toBe('deny')
  expect((await rig.judge(order({ side: 'sell', quantity: 900 }))).verdict).toBe('allow')
  expect((await rig.judge(cancel())).verdict).toBe('allow')
})

describe.each([
  ['account', 'main', 'other'],
  ['agent', 'alpha', 'hedger'],
  ['instrument', 'AAPL', 'MSFT'],
  ['strategy', 'agent:alpha', 'twap'],
])('a halt of one %s', (kind, covered, uncovered) => {
  test(`covers ${covered}, and not where it is ${uncovered}`, async () => {
    const other = await raise({ kind, name: uncovered })
    expect((await rig.judge(order())).verdict).toBe('allow')
    await lift(other, 'operator-1')
    await lift(other, 'operator-2')
    await raise({ kind, name: covered })
    expect(codesOf(await rig.judge(order()))).toEqual(['HALTED'])
  })
})

test('the strictest state that covers an action holds', async () => {
  await raise({ kind: 'account', name: 'main' }, 'reducing')
  const halt = await raise({ kind: 'instrument', name: 'AAPL' })
  expect(codesOf(await rig.judge(getOut))).toEqual(['HALTED'])
  await lift(halt, 'operator-1')
  await lift(halt, 'operator-2')
  expect((await rig.judge(getOut)).verdict).toBe('allow')
})

test('the same scope halted twice is one halt, renewed: who asked to resume before must ask again', async () => {
  const halt = await raise({ kind: 'account', name: 'main' })
  await lift(halt, 'operator-1')
  const again = { scope: { kind: 'account', name: 'main' }, state: 'halted', reason: 'not so fast' }
  const headers = { authorization: `Bearer ${rig.token('operator-2')}` }
  const socket = rig.running.listening.socket ?? ''
  const renewed = await callSocket(socket, 'POST', '/v1/halts', { body: again, headers })
  expect(renewed.body).toEqual({ schema: 1, halt, state: 'halted' })
  expect(await halts()).toMatchObject([{ halt, by: 'operator-2', reason: 'not so fast', resumes: [] }])
  expect((await lift(halt, 'operator-2')).body).toMatchObject({ lifted: false, operators: 1 })
  await rig.stop()
  await rig.start()
  expect(await halts()).toMatchObject([{ halt, resumes: [{ operator: 'operator-2' }] }])
  expect((await lift(halt, 'operator-1')).body).toMatchObject({ lifted: true })
  expect((await rig.judge(order())).verdict).toBe('allow')
})

test('halts are bounded; what is halted can be halted again, everything can be halted always, and lifting one makes room', async () => {
  const scope = (index: number): object => ({ kind: 'instrument', name: `I${index}` })
  const ids: string[] = []
  for (let from = 0; from < 1000; from += 100)
    ids.push(...(await Promise.all(Array.from({ length: 100 }, (_, index) => raise(scope(from + index))))))
  expect(new Set(ids).size).toBe(1000)
  const more = { scope: scope(1000), state: 'halted', reason: 'one more' }
  expectProblem(await rig.post('/v1/halts', 'operator-1', more), 'LIMIT_REACHED', '1000 halts are in force')
  expect(await raise(scope(5))).toBe(ids[5])
  expect((await rig.judge(order())).verdict).toBe('allow')
  await raise({ kind: 'everything' })
  expect(codesOf(await rig.judge(order()))).toEqual(['HALTED'])
  for (const halt of ids.slice(0, 2))
    for (const operator of ['operator-1', 'operator-2']) await lift(halt, operator)
  expect((await rig.post('/v1/halts', 'operator-1', more)).status).toBe(200)
})

describe('lifting', () => {
  test('needs two different operators; the same one twice is refused', async () => {
    const halt = await raise({ kind: 'everything' })
    expect((await lift(halt, 'operator-1')).body).toEqual({
      schema: 1,
      halt,
      lifted: false,
      rebased: false,
      operators: 1,
    })
    expectProblem(await lift(halt, 'operator-1'), 'HALT_SECOND_OPERATOR', '`operator-1`')
    expect((await rig.judge(order())).verdict).toBe('deny')
    expect((await halts())[0]?.resumes).toMatchObject([{ operator: 'operator-1' }])
    expect((await lift(halt, 'operator-2')).body).toEqual({
      schema: 1,
      halt,
      lifted: true,
      rebased: false,
      operators: 2,
    })
    expect((await rig.judge(order())).verdict).toBe('allow')
    expectProblem(await lift(halt, 'operator-2'), 'HALT_UNKNOWN', halt)
  })

  test('the first operator’s word holds over a restart', async () => {
    const halt = await raise({ kind: 'everything' })
    await lift(halt, 'operator-1')
    await rig.stop()
    await rig.start()
    expectProblem(await lift(halt, 'operator-1'), 'HALT_SECOND_OPERATOR', '`operator-1`')
    expect((await lift(halt, 'operator-2')).body).toMatchObject({ lifted: true })
  })

  test('two at the same moment are two', async () => {
    const halt = await raise({ kind: 'everything' })
    const answers = await Promise.all([lift(halt, 'operator-1'), lift(halt, 'operator-2')])
    expect(answers.filter(({ body }) => body.lifted === true)).toHaveLength(1)
  })

  test('needs a reason', async () => {
    const halt = await raise({ kind: 'everything' })
    expectProblem(await rig.call('DELETE', `/v1/halts/${halt}`, 'operator-1'), 'BODY_INVALID', '/')
    expect((await halts())[0]?.resumes).toEqual([])
  })
})

test('what was allowed before a halt does not leave after it, however it is asked for, and does again when it is lifted', async () => {
  const request = rig.request(order())
  const first = await rig.post('/v1/actions', 'alpha', request)
  expect(first.body.verdict).toBe('allow')
  const cancelling = rig.request(cancel())
  const cancelled = await rig.post('/v1/actions', 'alpha', cancelling)
  const halt = await raise({ kind: 'everything' })
  expectProblem(await rig.post('/v1/actions', 'alpha', request), 'HALTED_SINCE', String(first.body.decision))
  expect((await rig.post('/v1/actions', 'alpha', cancelling)).text).toBe(cancelled.text)
  await lift(halt, 'operator-1')
  await lift(halt, 'operator-2')
  expect((await rig.post('/v1/actions', 'alpha', request)).text).toBe(first.text)
})

test('while a halt comes in among two hundred orders, none allowed is released behind it', async () => {
  const orders = Array.from({ length: 200 }, () => rig.post('/v1/actions', 'alpha', rig.request(order())))
  const halted = rig.post('/v1/halts', 'operator-1', {
    scope: { kind: 'everything' },
    state: 'halted',
    reason: 'x',
  })
  const [answers, halt] = await Promise.all([Promise.all(orders), halted])
  const sequence = Number(String(halt.body.halt).slice(2))
  const refused = answers.filter(({ status }) => status !== 200)
  const behind = answers.filter(({ status, body }) => status === 200 && Number(body.sequence) > sequence)
  expect(refused.map(({ body }) => body.code).filter((code) => code !== 'HALTED_SINCE')).toEqual([])
  expect(behind.map(({ body }) => body.verdict).filter((verdict) => verdict !== 'deny')).toEqual([])
})

describe('what rules raise', () => {
  test('a day’s loss: the account only reduces, on the record and over a restart', async () => {
    await rig.observe(account(OPEN, 9_690_000))
    // Raised by the report, before anybody acts.
    const [halt] = await halts()
    expect(halt).toMatchObject({
      state: 'reducing',
      scope: { kind: 'account', name: 'main' },
      by: 'daily-loss',
    })
    expect(codesOf(await rig.judge(order()))).toEqual(['DAILY_LOSS', 'REDUCING_ONLY'])
    // The loss made good does not lift it.
    await rig.observe(account(OPEN, 10_000_000))
    expect(codesOf(await rig.judge(order()))).toEqual(['REDUCING_ONLY'])
    expect((await rig.judge(getOut)).verdict).toBe('allow')
    const before = await rig.get('/v1/state')
    await rig.stop()
    await rig.start()
    expect((await rig.get('/v1/state')).text).toBe(before.text)
    expect(codesOf(await rig.judge(order()))).toEqual(['REDUCING_ONLY'])
    await lift(halt?.halt ?? '', 'operator-1')
    await lift(halt?.halt ?? '', 'operator-2')
    expect((await rig.judge(order())).verdict).toBe('allow')
  })

  test('a drawdown: the account is halted', async () => {
    await rig.observe(account(OPEN, 8_990_000))
    expect(codesOf(await rig.judge(order()))).toEqual(['DAILY_LOSS', 'DRAWDOWN', 'HALTED'])
    expect((await halts()).map(({ by, state }) => `${by} ${state}`).toSorted()).toEqual([
      'daily-loss reducing',
      'drawdown halted',
    ])
    expect(codesOf(await rig.judge(getOut))).toEqual(['HALTED'])
  })

  test('once is enough: a second breach raises no second halt', async () => {
    await rig.observe(account(OPEN, 9_690_000))
    await rig.judge(order())
    await rig.judge(order())
    expect(await halts()).toHaveLength(1)
  })

  test('exactly at the limit nothing is raised', async () => {
    await rig.observe(account(OPEN, 9_700_000))
    expect((await rig.judge(order())).verdict).toBe('allow')
    expect(await halts()).toEqual([])
  })

  test('an unknown raises nothing, and denies', async () => {
    rig.now = OPEN + 61_000
    expect((await rig.judge(order())).verdict).toBe('deny')
    expect(await halts()).toEqual([])
  })
})
