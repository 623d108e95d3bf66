/** What the naive model counts by trading days: every message and every fill, with the day of the instrument that is asked for worked out each time. */
import { dayBegan } from './calendar.ts'
import { sum } from './lots.ts'

/** An action that was allowed; when, and whose. */
export interface Sent {
  readonly agent: string
  readonly at: number
}

/** What a report said was newly filled, and when that was heard. */
export interface Heard {
  readonly account: string
  readonly instrument: string
  readonly side: 'buy' | 'sell'
  readonly lots: bigint
  readonly at: number
}

export interface Days {
  readonly sent: readonly Sent[]
  readonly heard: readonly Heard[]
}

/** How many messages an agent sent since the trading day of the instrument began. */
export function sentToday({ sent }: Days, agent: string, instrument: string, now: number): number {
  const began = dayBegan(instrument, now)
  return sent.filter((one) => one.agent === agent && one.at >= began).length
}

/** Lots of an instrument that were heard to have filled on one side since its trading day began. */
export function filledToday(
  { heard }: Days,
  { account, instrument, side }: Pick<Heard, 'account' | 'instrument' | 'side'>,
  now: number,
): bigint {
  const began = dayBegan(instrument, now)
  return sum(
    heard
      .filter((one) => one.account === account && one.instrument === instrument && one.side === side)
      .filter(({ at }) => at >= began)
      .map(({ lots }) => lots),
  )
}
