/** Replays a stretch of a real trading day, where its data is at hand: every trade a price, every hundredth an order. */
import { existsSync, readFileSync } from 'node:fs'
import { strFromU8, unzipSync } from 'fflate'
import { v7 as uuidv7 } from 'uuid'
import type { Execution } from '../protocol/execution.ts'
import type { Observation } from '../protocol/observation.ts'
import type { Call } from './caller.ts'

export interface Trade {
  /** Milliseconds since midnight in New York. */
  readonly at: number
  readonly price: number
  readonly size: number
  readonly exchange: string
}

export interface Replayed {
  readonly trades: number
  readonly orders: number
  readonly seconds: number
  readonly verdicts: ReadonlyMap<string, number>
  readonly reasons: ReadonlyMap<string, number>
  /** Observations that were not believed, by code. */
  readonly refused: ReadonlyMap<string, number>
}

const HOUR = 3_600_000
/** The first five minutes make the history; orders follow in the next two. */
const FROM = 10 * HOUR
/** When the first order is sent, in milliseconds after midnight. */
export const ORDERS_FROM = FROM + 300_000
const TO = ORDERS_FROM + 120_000
const ORDER_EVERY = 5
const BATCH = 100
/** Shares of an order that fills; larger ones are cancelled. */
const FILLED_MAX = 100

/** Trades between `FROM` and `TO` of the day in the file; `undefined` when the file is not there. */
export function readTrades(path: string): Trade[] | undefined {
  if (!existsSync(path)) return undefined
  const [text] = Object.values(unzipSync(readFileSync(path)))
  if (text === undefined) return undefined
  const trades: Trade[] = []
  for (const line of strFromU8(text).split('\n')) {
    const [at, price, size, exchange = '', , suspicious] = line.trim().split(',')
    const time = Number(at)
    if (time >= FROM && time < TO && suspicious === '0')
      trades.push({ at: time, price: Number(price) / 10_000, size: Number(size), exchange })
  }
  return trades
}

const sourceOf = (exchange: string): string => `exchange-${exchange}`

/** Where the prices of `trades` come from. */
export function sourcesOf(trades: readonly Trade[]): string[] {
  return [...new Set(trades.map(({ exchange }) => sourceOf(exchange)))]
}

/** Plays `trades` as if the day had begun at `midnight` (milliseconds since 1970); `setNow` moves the sidecar's clock. */
export async function replay(
  trades: readonly Trade[],
  midnight: number,
  setNow: (now: number) => void,
  call: Call,
  tokens: { feeder: string; agent: string },
): Promise<Replayed> {
  const verdicts = new Map<string, number>()
  const reasons = new Map<string, number>()
  const refused = new Map<string, number>()
  const count = (map: Map<string, number>, key: string): Map<string, number> =>
    map.set(key, (map.get(key) ?? 0) + 1)
  const observe = async (observations: readonly Observation[]): Promise<void> => {
    const { body } = await call('/v1/observations', tokens.feeder, observations)
    for (const { code } of (body.refused ?? []) as { code: string }[]) count(refused, code)
  }
  const execute = async (executions: readonly Execution[]): Promise<void> => {
    if (executions.length > 0) await call('/v1/executions', tokens.feeder, executions)
  }
  setNow(midnight + FROM)
  await observe(describeMarket(midnight + FROM))
  const history = trades.filter((trade) => trade.at < ORDERS_FROM)
  setNow(midnight + ORDERS_FROM)
  await observe(barsOf(history, midnight))
  const live = trades.filter((trade) => trade.at >= ORDERS_FROM)
  const started = performance.now()
  let orders = 0
  let lastAccount = 0
  let barsUntil = ORDERS_FROM
  for (let index = 0; index < live.length; index += BATCH) {
    const batch = live.slice(index, index + BATCH)
    const now = midnight + (batch.at(-1)?.at ?? 0)
    setNow(now)
    const observations: Observation[] = batch.map(({ at, price, exchange }) => ({
      kind: 'price',
      instrument: 'SPY',
      source: sourceOf(exchange),
      price,
      at: midnight + at,
    }))
    if (now - lastAccount > 30_000) {
      observations.push({
        kind: 'account',
        account: 'spy',
        currency: 'USD',
        equity: 50_000_000,
        cash: 50_000_000,
        at: now,
      })
      lastAccount = now
    }
    // A bar is reported when its minute is over.
    const minute = Math.floor((now - midnight) / 60_000) * 60_000
    if (minute > barsUntil) {
      observations.push(
        ...barsOf(
          live.filter((trade) => trade.at >= barsUntil && trade.at < minute),
          midnight,
        ),
      )
      barsUntil = minute
    }
    await observe(observations)
    const chosen = batch.filter((_, at) => at % ORDER_EVERY === 0)
    orders += chosen.length
    const answers = await Promise.all(
      chosen.map(async (trade, at) => call('/v1/actions', tokens.agent, orderFor(trade, index + at, now))),
    )
    for (const { body } of answers) {
      count(verdicts, String(body.verdict ?? body.code))
      for (const { code } of (body.reasons ?? []) as { code: string }[]) count(reasons, code)
    }
    await execute(answers.flatMap(({ body }) => endingOf(body, now)))
  }
  return {
    trades: live.length,
    orders,
    seconds: (performance.now() - started) / 1000,
    verdicts,
    reasons,
    refused,
  }
}

/** An order like the trade it follows: most at its price and size, some a hundred times as large, some far from the market. */
function orderFor({ price, size }: Trade, turn: number, now: number): unknown {
  const quantity = turn % 7 === 0 ? size * 100 : size
  const limitPrice = Math.round(price * (turn % 11 === 0 ? 1.05 : 1) * 100) / 100
  return {
    id: uuidv7({ msecs: now }),
    agent: 'alpha',
    action: {
      type: 'order',
      account: 'spy',
      instrument: 'SPY',
      side: turn % 2 === 0 ? 'buy' : 'sell',
      quantity,
      orderType: 'limit',
      limitPrice,
    },
  }
}

/** What the venue makes of an allowed order at once: it fills small ones, and cancels the others. */
function endingOf(body: Record<string, unknown>, at: number): Execution[] {
  if (body.verdict !== 'allow') return []
  const order = String(body.decision)
  const { quantity } = body.action as { quantity: number }
  const end = { execution: `x-${order}`, order, at }
  return [
    quantity <= FILLED_MAX
      ? { ...end, event: 'filled', filled: quantity }
      : { ...end, event: 'cancelled', filled: 0 },
  ]
}

function describeMarket(at: number): Observation[] {
  return [
    {
      kind: 'instrument',
      instrument: 'SPY',
      assetClass: 'equity',
      currency: 'USD',
      lot: 1,
      tick: 0.01,
      multiplier: 1,
      adv: 120_000_000,
      sharesOutstanding: 900_000_000,
      status: 'open',
      at,
    },
    { kind: 'portfolio', account: 'spy', positions: [], at },
    { kind: 'locate', account: 'spy', instrument: 'SPY', quantity: 1_000_000, at },
  ]
}

function barsOf(trades: readonly Trade[], midnight: number): Observation[] {
  const minutes = new Map<number, Trade[]>()
  for (const trade of trades) {
    const minute = Math.floor(trade.at / 60_000)
    minutes.set(minute, [...(minutes.get(minute) ?? []), trade])
  }
  return [...minutes].map(([minute, traded]) => {
    const prices = traded.map((trade) => trade.price)
    return {
      kind: 'bar',
      instrument: 'SPY',
      from: midnight + minute * 60_000,
      to: midnight + (minute + 1) * 60_000,
      open: prices[0] as number,
      high: Math.max(...prices),
      low: Math.min(...prices),
      close: prices.at(-1) as number,
      volume: traded.reduce((sum, trade) => sum + trade.size, 0),
    }
  })
}
