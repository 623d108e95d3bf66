/** A journal of real events, made by the real core: orders, redemptions, reports of a venue and prices, as they come in a day's trading. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { AGENT, constitution, INSTRUMENTS, opening, request } from '../decisions/world.mjs'

/** Milliseconds between inputs: an order every 25, which is 864,000 in a day of six hours. */
const STEP_MS = 5
/** One order in so many stays at the venue. */
const STAYS = 100

/** Options of a sidecar in `directory` whose clock is `clock.now`. */
export function optionsOf(directory, keys, clock, checkpoints) {
  mkdirSync(join(directory, 'constitutions'), { recursive: true })
  return {
    journalDirectory: join(directory, 'journal'),
    constitutionsDirectory: join(directory, 'constitutions'),
    keys,
    keyId: 'bench',
    clock: { now: () => clock.now, steadyMicros: () => performance.now() * 1000 },
    fsync: false,
    checkpoints,
  }
}

/** Puts the constitution of the benchmarks in force, with everything that it reads. */
export async function begin(sidecar, now) {
  await sidecar.activate(constitution(), 'bench')
  for (const input of opening(now)) await sidecar.submit(input)
}

let reports = 0

function report(order, event, at, filled, price) {
  reports += 1
  return {
    kind: 'executions',
    executions: [
      {
        execution: `e${reports}`,
        order,
        event,
        at,
        ...(filled === undefined ? {} : { filled }),
        ...(price === undefined ? {} : { price }),
      },
    ],
  }
}

function price(turn, at) {
  const instrument = INSTRUMENTS[turn % INSTRUMENTS.length]
  const source = turn % 128 < 64 ? 'one' : 'two'
  return { kind: 'price', instrument, source, price: 100.25 + (turn % 5) / 100, at }
}

/** One order through its life: decided, redeemed, accepted, filled or cancelled, with two prices: six inputs. */
async function trade(sidecar, clock, turn) {
  const submit = (input) => {
    clock.now += STEP_MS
    return sidecar.submit(input)
  }
  const { answer } = await submit({ kind: 'action', request: request(clock.now) })
  if (answer.verdict !== 'allow')
    throw new Error(`an order is not allowed: ${JSON.stringify(answer.reasons)}`)
  const { decision, action } = answer
  // Redeemed before it is sent: what the venue says goes before what agents send.
  await submit({ kind: 'redeem', permit: decision.replace('d-', 'p-'), agent: AGENT })
  const prices = [price(2 * turn, clock.now), price(2 * turn + 1, clock.now)]
  const parts = [
    submit({ kind: 'observations', observations: prices, feeder: null }),
    submit(report(decision, 'accepted', clock.now)),
  ]
  if (turn % STAYS !== 0)
    parts.push(
      turn % 2 === 0
        ? submit(report(decision, 'cancelled', clock.now, 0))
        : submit(report(decision, 'filled', clock.now, action.quantity, 100.25)),
    )
  await Promise.all(parts)
}

/** Trades until `events` are recorded, many orders at a time. */
export async function tradeUntil(sidecar, clock, events) {
  for (let turn = 1; sidecar.state.sequence < events;) {
    await Promise.all(Array.from({ length: 64 }, () => trade(sidecar, clock, turn++)))
    // A report on the account now and then, as a broker sends it.
    if (turn % 6400 < 64)
      await sidecar.submit({ kind: 'observations', observations: [account(clock.now)], feeder: null })
  }
}

function account(at) {
  return { kind: 'account', account: 'main', currency: 'USD', equity: 100_000_000, cash: 100_000_000, at }
}
