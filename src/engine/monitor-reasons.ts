/** Says in words what a monitor saw, with observed figure and limit. */
import { WATCHES, type Monitor, type Watch } from '../protocol/emergency.ts'

const SAW: Readonly<Record<Watch, (about: string, observed: string) => string>> = {
  'daily-loss': (about, observed) => `account \`${about}\` lost ${observed} today`,
  drawdown: (about, observed) => `account \`${about}\` is ${observed} below its highest equity`,
  'drop-copy-difference': (about, observed) =>
    `a position of account \`${about}\` differs from the broker’s by ${observed}`,
  'price-move': (about, observed) => `the price of \`${about}\` moved ${observed}`,
  'reference-disagreement': (about, observed) => `the sources of \`${about}\` differ by ${observed}`,
  'heartbeat-loss': (about, observed) => `agent \`${about}\` has not been heard for ${observed}`,
  'repeated-breaches': (about, observed) => `\`${about}\` was denied ${observed} times by rules`,
}

/** What `monitor` saw of `about`: `account `a1` lost 3.4 % today, limit 3 %`. */
export function reasonOf(
  { id, watches, limit, window, scope }: Monitor,
  about: string,
  observed: number | null,
): string {
  const { unit } = WATCHES[watches]
  const figure = (value: number): string =>
    unit === 'ratio' ? percent(value) : unit === 'duration' ? duration(value) : String(value)
  const seen = observed === null ? 'more than all' : figure(observed)
  const whom = watches === 'repeated-breaches' && scope !== 'everything' ? `${scope} ` : ''
  const within = window === undefined ? '' : ` within ${duration(window)}`
  return `${id}: ${whom}${SAW[watches](about, seen)}${within}, limit ${figure(limit)}`
}

/** Six digits: enough to tell a limit from what is just past it. */
function percent(share: number): string {
  return `${Number((share * 100).toPrecision(6))} %`
}

function duration(milliseconds: number): string {
  if (milliseconds % 60_000 === 0) return `${milliseconds / 60_000} min`
  return `${milliseconds / 1_000} s`
}
