/** What the measurement of halts says, as Markdown. */
import { digits, table } from '../table.mjs'

const TITLES = { price: 'a price tick that halts an instrument', account: 'a report that breaches a limit' }
/** Milliseconds: detected, and acted on. */
const BUDGETS = { price: [25, 50], account: [45, 100] }

const ms = (value) => `${digits(value)} ms`

export function reportHalts({ callers, rounds, stops }) {
  return [
    '## Halts',
    '',
    `From sending a report to the sidecar until the halt that a monitor raises over it is durably recorded, and until an agent has the first refusal in hand: over the Unix socket, with ${callers} connections on which agents keep calling, ${rounds} times each. All run on the same machine and share its cores.`,
    '',
    table(
      ['From', 'recorded p50', 'p99', 'first refusal p50', 'p99', 'calls meanwhile'],
      Object.entries(stops).map(([kind, { detected, refused, calls }]) => [
        TITLES[kind],
        ms(detected.p50),
        ms(detected.p99),
        ms(refused.p50),
        ms(refused.p99),
        digits(calls),
      ]),
    ),
  ].join('\n')
}

/** Held against the budgets of the design. */
export function budgetsOfHalts({ stops }) {
  return Object.entries(BUDGETS).map(([kind, [detectedMax, refusedMax]]) => {
    const { detected, refused } = stops[kind]
    return {
      budget: `${TITLES[kind]}: recorded ≤ ${detectedMax} ms, first refusal ≤ ${refusedMax} ms, p99`,
      measured: `${ms(detected.p99)}, ${ms(refused.p99)}`,
      isMet: detected.p99 <= detectedMax && refused.p99 <= refusedMax,
    }
  })
}
