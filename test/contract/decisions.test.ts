/** The decision log over HTTP: every filter, pages without gap or repetition, one decision whole. */
import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { Decision } from '../../src/protocol/decision.ts'
import { expectProblem } from '../support/http.ts'
import { account, cancel, instrument, order, portfolio, price, bars, quietMarket } from '../support/market.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

const Page = z.strictObject({
  schema: z.literal(1),
  decisions: z.array(z.strictObject({ sequence: z.int(), decision: Decision })),
  next: z.int().nullable(),
})
type Recorded = z.infer<typeof Page>['decisions'][number]

const rig = new Rig()
let all: Recorded[] = []

const page = async (query: string, as = 'auditor'): Promise<z.infer<typeof Page>> => {
  const answer = await rig.get(`/v1/decisions${query}`, as)
  expect(answer.status).toBe(200)
  return Page.parse(answer.body)
}

/** All pages of `limit`, from the newest to the oldest. */
async function pages(filter: string, limit: number): Promise<Recorded[]> {
  const found: Recorded[] = []
  for (let next: number | null = Number.MAX_SAFE_INTEGER % 1e15, turn = 0; next !== null; turn += 1) {
    expect(turn).toBeLessThan(200)
    const { decisions, next: following } = await page(`?limit=${limit}&cursor=${next}${filter}`)
    expect(decisions.length).toBeLessThanOrEqual(limit)
    found.push(...decisions)
    next = following
  }
  return found
}

beforeAll(async () => {
  await rig.start()
  const msft = { instrument: 'MSFT' }
  for (let minute = 0; minute < 12; minute += 1) {
    rig.now = OPEN + minute * 60_000
    await rig.observe(
      ...quietMarket(rig.now),
      instrument(rig.now, msft),
      price(rig.now, 'nyse', 200, 'MSFT'),
      price(rig.now, 'bats', 200, 'MSFT'),
      ...bars(rig.now, 'MSFT'),
      account(rig.now, 5_000_000, 'second'),
      portfolio(rig.now, 0, 'second'),
    )
    await rig.judge(order())
    await rig.judge(order({ quantity: 5000 }), minute % 2 === 0 ? { accept: ['narrow'] } : {}, 'hedger')
    await rig.judge(order({ ...msft, account: 'second', limitPrice: 300 }))
    await rig.judge(cancel())
    await rig.judge({ type: 'change', subject: 'limit', target: 'x', from: 1, to: 2 })
  }
  all = (await page('?limit=500')).decisions
})
afterAll(() => rig.end())

test('all of them, newest first', () => {
  expect(all).toHaveLength(60)
  const sequences = all.map(({ sequence }) => sequence)
  expect(sequences).toEqual(sequences.toSorted((a, b) => b - a))
})

test.each<[string, (recorded: Recorded) => boolean, number]>([
  ['agent=alpha', ({ decision }) => decision.request.agent === 'alpha', 48],
  ['agent=hedger', ({ decision }) => decision.request.agent === 'hedger', 12],
  ['agent=nobody', () => false, 0],
  ['account=second', ({ decision: { action } }) => 'account' in action && action.account === 'second', 12],
  [
    'instrument=MSFT',
    ({ decision: { action } }) => 'instrument' in action && action.instrument === 'MSFT',
    12,
  ],
  ['verdict=allow', ({ decision }) => decision.verdict === 'allow', 24],
  ['verdict=narrow', ({ decision }) => decision.verdict === 'narrow', 6],
  ['verdict=deny', ({ decision }) => decision.verdict === 'deny', 30],
  ['verdict=pending', () => false, 0],
  ['rule=price-band', ({ decision }) => decision.reasons.some(({ code }) => code === 'PRICE_BAND'), 12],
  [
    'rule=ORDER_VALUE_CAP',
    ({ decision }) => decision.reasons.some(({ code }) => code === 'ORDER_VALUE_CAP'),
    12,
  ],
  [`from=${OPEN + 120_000}`, ({ decision }) => decision.at >= OPEN + 120_000, 50],
  [`to=${OPEN + 120_000}`, ({ decision }) => decision.at < OPEN + 120_000, 10],
  [
    `from=${OPEN + 60_000}&to=${OPEN + 180_000}&agent=alpha&verdict=deny`,
    ({ decision }) =>
      decision.at >= OPEN + 60_000 &&
      decision.at < OPEN + 180_000 &&
      decision.request.agent === 'alpha' &&
      decision.verdict === 'deny',
    4,
  ],
])('%s', async (filter, wanted, count) => {
  const expected = all.filter(wanted)
  expect(expected).toHaveLength(count)
  expect((await page(`?limit=500&${filter}`)).decisions).toEqual(expected)
  for (const limit of [1, 7, 50]) expect(await pages(`&${filter}`, limit)).toEqual(expected)
})

test('pages stay whole while new decisions come in', async () => {
  const first = await page('?limit=20')
  await rig.judge(order())
  const second = await page(`?limit=20&cursor=${first.next}`)
  const third = await page(`?limit=20&cursor=${second.next}`)
  expect([...first.decisions, ...second.decisions, ...third.decisions]).toEqual(all)
})

test('a page is 50 when nobody says how long', async () => {
  const { decisions, next } = await page('')
  expect(decisions).toHaveLength(50)
  expect(next).toBe(decisions.at(-1)?.sequence)
})

test('an agent pages through its own only', async () => {
  const { decisions } = await page('?limit=500', 'hedger')
  expect(decisions).toEqual(all.filter(({ decision }) => decision.request.agent === 'hedger'))
})

test('one decision whole: what was asked, what was found, what was read', async () => {
  for (const recorded of all.slice(0, 10)) {
    const answer = await rig.get(`/v1/decisions/${recorded.decision.decision}`)
    expect(answer.body).toMatchObject({ schema: 1, ...recorded })
  }
  const denied = all.find(({ decision }) => decision.verdict === 'deny' && decision.action.type === 'order')
  expect(denied?.decision.findings.length).toBeGreaterThan(5)
  expect(denied?.decision.facts['market.reference']).toEqual({ value: 200, source: 'median', ageMs: 0 })
})

test('one decision is read where it is recorded, and none is looked for through the whole journal', async () => {
  const own = await new Rig().start()
  try {
    await own.observe(...quietMarket(OPEN))
    const answers = []
    for (let turn = 0; turn < 40; turn += 1) answers.push(await own.judge(order()))
    const [first, last] = [answers[0], answers.at(-1)]
    // Whoever reads the records from end to end stumbles over this one.
    const segment = join(own.journal, 'segment-000000000001.ndjson')
    const file = openSync(segment, 'r+')
    writeSync(file, 'x', 0)
    closeSync(file)
    expect((await own.get('/v1/decisions?agent=nobody')).body.code).toBe('JOURNAL_CORRUPT')
    for (const as of ['alpha', 'auditor'])
      expectProblem(await own.get('/v1/decisions/d-000000000000000000000000', as), 'NOT_FOUND', 'd-000')
    expect((await own.get(`/v1/decisions/${last?.decision}`, 'alpha')).body.sequence).toBe(last?.sequence)
    const mend = openSync(segment, 'r+')
    writeSync(mend, '{', 0)
    closeSync(mend)
    // Past the memory of ids, and after a start that reads all anew.
    own.now = OPEN + 9 * 86_400_000
    await own.judge(cancel())
    await own.stop()
    await own.start()
    expect((await own.get(`/v1/decisions/${first?.decision}`, 'alpha')).body.sequence).toBe(first?.sequence)
    expectProblem(
      await own.get(`/v1/decisions/${first?.decision}`, 'hedger'),
      'NOT_FOUND',
      `${first?.decision}`,
    )
  } finally {
    await own.end()
  }
})

test('no such decision', async () => {
  expectProblem(await rig.get('/v1/decisions/d-000000000000000000000000'), 'NOT_FOUND', 'd-000')
  expectProblem(await rig.get('/v1/decisions/..%2f..%2fetc'), 'QUERY_INVALID', '/id')
})

test('what was decided since a moment is found also where a clock stepped back afterwards', async () => {
  const other = new Rig()
  try {
    await other.start()
    other.now = OPEN + 10_000
    await other.observe(...quietMarket(OPEN + 10_000))
    const { decision } = await other.judge(order())
    // Set right by five seconds: cancels, reports and heartbeats are recorded all the same.
    other.now = OPEN + 5_000
    await other.judge(cancel(decision))
    other.now = OPEN + 12_000
    await other.observe(...quietMarket(OPEN + 12_000))
    await other.judge(order({ limitPrice: 199.5 }))
    const found = async (from: number): Promise<number[]> => {
      const { body } = await other.get(`/v1/decisions?from=${from}`, 'auditor')
      return Page.parse(body).decisions.map((each) => each.decision.at - OPEN)
    }
    expect(await found(OPEN + 8_000)).toEqual([12_000, 10_000, 10_000])
    expect(await found(OPEN + 10_001)).toEqual([12_000])
  } finally {
    await other.end()
  }
})
