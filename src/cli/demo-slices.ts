/** The scene of an order that is sent in slices: how much now, by what is best among what the rules let pass. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { v7 as uuidv7 } from 'uuid'
import type { Action } from '../protocol/action.ts'
import { ActionAnswer } from '../protocol/decision.ts'
import { Explanation } from '../protocol/optimizer.ts'
import { permitId } from '../engine/permits.ts'
import type { Call, Get } from './caller.ts'
import { account, instrument, MINUTE, portfolio, prices, quietBars, watched } from './demo-steps.ts'
import { printLine, printTable } from './output.ts'

const NAME = 'AAPL'
const PRICE = 200
const QUANTITY = 2_000
const STEPS = 6
const HORIZON = 12 * MINUTE

export interface SliceStage {
  readonly call: Call
  readonly get: Get
  readonly tokens: Readonly<Record<'feeder' | 'alpha', string>>
  readonly setNow: (now: number) => void
}

/** Writes policies by which slices are sent: what is shipped only watches. */
export function writeSlicing(shipped: string, directory: string): void {
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'emergency.yaml'), readFileSync(join(shipped, 'emergency.yaml')))
  const text = readFileSync(join(shipped, 'optimizer.yaml'), 'utf8')
  writeFileSync(
    join(directory, 'optimizer.yaml'),
    text
      .replace('mode: shadow', 'mode: on')
      .replace('schedule: expecting', 'schedule: receding')
      .replace('steps: 12', `steps: ${STEPS}`),
  )
}

const market = watched(
  instrument(NAME, {
    assetClass: 'equity',
    tick: 0.01,
    multiplier: 1,
    adv: 50_000_000,
    sharesOutstanding: 15e9,
  }),
  prices(NAME, ['nyse', 'bats'], PRICE),
  quietBars(NAME, PRICE, 400_000),
  account('main', 10_000_000),
  portfolio('main', []),
)

/** Plays the scene from `from` on, and prints it. */
export async function playSlices(from: number, { call, get, tokens, setNow }: SliceStage): Promise<void> {
  const minutes = HORIZON / MINUTE
  printLine(
    `\nAn order in slices: ${QUANTITY.toLocaleString('en')} AAPL within ${minutes} minutes, where one order may be worth 100,000 USD without a vote; the optimizer, which is shipped in shadow, is on here`,
  )
  const rows: string[][] = []
  let now = from
  let left: Partial<Action & { type: 'order' }> = {
    quantity: QUANTITY,
    parent: { id: 'p-1', quantity: QUANTITY },
  }
  for (let turn = 0; turn < STEPS; turn += 1) {
    setNow(now)
    await call('/v1/observations', tokens.feeder, market(now))
    const action = {
      type: 'order',
      account: 'main',
      instrument: NAME,
      side: 'buy',
      orderType: 'limit',
      limitPrice: PRICE,
      execution: { horizonMs: HORIZON, urgency: 0.15 },
      ...left,
    }
    const id = uuidv7({ msecs: now })
    const asked = await call('/v1/actions', tokens.alpha, { id, agent: 'alpha', action, accept: ['narrow'] })
    const answer = ActionAnswer.parse(asked.body)
    const told = Explanation.parse(
      (await get(`/v1/decisions/${answer.decision}/explanation`, tokens.alpha)).body,
    )
    await call(`/v1/permits/${permitId(answer.decision)}/redeem`, tokens.alpha, {})
    rows.push(rowOf(now - from, answer, told))
    const { slice } = answer
    if (slice === undefined || slice.nextReview === null) break
    now = slice.nextReview
    left = { quantity: slice.remaining, parent: slice.parent }
  }
  printTable(['minute', 'left', 'verdict', 'sent', 'most', 'bound by', 'next review'], rows)
}

function rowOf(passed: number, { verdict, slice }: ActionAnswer, { sent, tuned }: Explanation): string[] {
  const by = tuned?.region.mostBy
  const next = slice?.nextReview ?? null
  const start = slice === undefined ? 0 : slice.deadline - HORIZON
  return [
    String(passed / MINUTE),
    String(tuned?.left ?? ''),
    verdict,
    String(sent ?? ''),
    String(tuned?.region.most ?? ''),
    by === undefined ? '' : by.kind === 'rules' ? by.rules.join(', ') : by.kind,
    next === null ? 'done' : `minute ${(next - start) / MINUTE}`,
  ]
}
