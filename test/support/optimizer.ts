/** Optimizer policies written inside a test, orders with a horizon, and bars as a feeder would report them. */
import { formatIssue } from '../../src/base/issue.ts'
import { checkOptimizer, type FindModel } from '../../src/engine/read-optimizer.ts'
import type { Input } from '../../src/engine/step.ts'
import type { ActionRequest, Order } from '../../src/protocol/action.ts'
import type { Observation } from '../../src/protocol/observation.ts'
import { BUY, idAt, LIQUID, NOW } from './engine.ts'

/** The file; JSON is YAML. */
export function optimizerText(...optimizers: readonly object[]): string {
  const own = {
    id: 'all',
    title: 'All',
    why: 'For a test',
    mode: 'on',
    schedule: 'almgren-chriss',
    steps: 12,
  }
  return JSON.stringify({ optimizers: optimizers.map((optimizer) => ({ ...own, ...optimizer })) })
}

const NONE: FindModel = (name) => ({ problem: `there is no ${name}` })

/** Puts in force the policy of `optimizers`, each with what it does not say filled in. */
export function steer(
  optimizers: readonly object[] = [{}],
  find = NONE,
  reason?: string,
): Input & { kind: 'steer' } {
  const text = optimizerText(...optimizers)
  const { policy, issues } = checkOptimizer('optimizer.yaml', text, find)
  if (policy === undefined) throw new Error(issues.map((issue) => formatIssue(issue, () => text)).join('\n'))
  return { kind: 'steer', ...policy, by: 'author', ...(reason === undefined ? {} : { reason }) }
}

export const HOUR = 3_600_000

/** Buys 480 AAPL within an hour, in slices. */
export function sliced(
  change: Partial<Order> = {},
  more: Partial<ActionRequest> = {},
  at = NOW,
): ActionRequest {
  return {
    id: idAt(at),
    agent: 'alpha',
    action: { ...BUY, quantity: 480, execution: { horizonMs: HOUR, urgency: 0 }, ...change },
    accept: ['narrow'],
    ...more,
  }
}

/** `count` bars of five minutes that end at `to`, each with a volume of its own. */
export function barsUntil(to: number, count = 80): Observation[] {
  return Array.from({ length: count }, (_, index): Observation => {
    const from = to - (count - index) * 300_000
    const volume = 40_000_000 * (1 + 0.3 * Math.sin(index))
    return {
      kind: 'bar',
      instrument: 'AAPL',
      from,
      to: from + 300_000,
      open: 200,
      high: 200.4,
      low: 199.6,
      close: 200,
      volume,
    }
  })
}

/** The quiet market with bars enough for what is usual to be known. */
export const WELL_KNOWN: readonly Observation[] = [
  ...LIQUID.filter(({ kind }) => kind !== 'bar'),
  ...barsUntil(NOW),
]
