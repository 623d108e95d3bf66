/** Twenty stocks as twenty agents: each year's weights follow from the year's prices, and hold their caps. */
import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { maximumDrawdown, returnsOf, sharpe } from '../../src/consensus/performance.ts'
import { freezeRoster, type Agent, type FrozenRoster } from '../../src/consensus/roster.ts'
import type { Policy } from '../../src/protocol/policy.ts'
import { policyWith } from '../support/consensus.ts'

const DATA = new URL('../../../shared/data/sp500_20_daily_train.csv.gz', import.meta.url)
const isThere = existsSync(DATA)
if (!isThere)
  process.stdout.write('market weights: skipped, for want of ../shared/data/sp500_20_daily_train.csv.gz\n')

const DAYS_A_YEAR = 252
const policy: Policy = policyWith({
  voters: ['trader'],
  caps: { voter: [1, 10], owner: [1, 4] },
  weights: {
    alpha: [1, 2],
    beta: [3, 10],
    gamma: [1, 5],
    sharpe: { from: -1, to: 3 },
    record: 60,
    byGroup: { trader: [1, 5] },
  },
})

/** Closing prices by year, then by stock; the last of the year before comes first, so that the year's first return is in it. */
function closesByYear(text: string): Map<string, Map<string, number[]>> {
  const [head = '', ...rows] = text.trim().split('\n')
  const names = head.split(',').slice(1)
  const years = new Map<string, Map<string, number[]>>()
  let before: readonly number[] | undefined
  for (const row of rows) {
    const [date = '', ...cells] = row.split(',')
    const closes = cells.map(Number)
    const year =
      years.get(date.slice(0, 4)) ?? new Map(names.map((name, at) => [name, before ? [before[at] ?? 0] : []]))
    years.set(date.slice(0, 4), year)
    for (const [at, name] of names.entries()) year.get(name)?.push(closes[at] ?? 0)
    before = closes
  }
  return years
}

function rosterOf(closes: ReadonlyMap<string, readonly number[]>): FrozenRoster {
  const agents: Agent[] = [...closes].map(([agent, prices], index) => {
    const ratio = sharpe(returnsOf(prices) ?? [], DAYS_A_YEAR)
    return {
      agent,
      role: 'trader',
      field: null,
      owner: `desk-${index % 5}`,
      publicKey: `key of ${agent}`,
      isRetired: false,
      isSilent: false,
      performance: {
        periods: ratio.periods,
        sharpe: ratio.known ? ratio.value : null,
        drawdown: maximumDrawdown(prices) ?? 1,
        uptime: 1,
      },
    }
  })
  const frozen = freezeRoster({
    policy,
    agents,
    delegations: [],
    proposer: 'nobody',
    routed: null,
    barred: [],
    seed: 1,
  })
  if ('code' in frozen) throw new Error(`${frozen.code}: ${frozen.detail}`)
  return frozen
}

describe.skipIf(!isThere)('on daily closes from 1990', () => {
  const years = isThere
    ? closesByYear(gunzipSync(readFileSync(DATA)).toString('utf8'))
    : new Map<string, Map<string, number[]>>()

  test('weights hold their caps, add up, and follow the formula counted another way', () => {
    expect(years.size).toBeGreaterThanOrEqual(24)
    let compared = 0
    for (const closes of years.values()) {
      const { roster } = rosterOf(closes)
      const { total, voters } = roster
      expect(voters.length).toBe(20)
      expect(voters.reduce((sum, { carries }) => sum + carries, 0)).toBe(total)
      expect(total).toBeGreaterThan(999_900)
      for (const { carries } of voters) expect(carries * 10).toBeLessThanOrEqual(total)
      const plain = new Map(voters.map(({ agent }) => [agent, formula(closes.get(agent) ?? [])]))
      const sum = [...plain.values()].reduce((all, weight) => all + weight, 0)
      const isFree = [...plain.values()].every((weight) => weight < sum / 10)
      if (!isFree) continue
      // No cap binds a vote, and desks of four of twenty stay below a quarter in such a year or take their cap.
      const desks = new Map<string, number>()
      for (const { agent, owner } of voters)
        desks.set(owner, (desks.get(owner) ?? 0) + (plain.get(agent) ?? 0))
      if ([...desks.values()].some((desk) => desk > sum / 4)) continue
      compared += 1
      for (const { agent, carries } of voters)
        expect(Math.abs(carries - ((plain.get(agent) ?? 0) / sum) * 1_000_000)).toBeLessThan(1.01)
    }
    expect(compared).toBeGreaterThan(12)
  })

  test('the better record has the greater weight and power', () => {
    const closes = years.get('2008')
    if (closes === undefined) throw new Error('2008 is missing')
    const voters = rosterOf(closes).roster.voters.toSorted((a, b) => b.carries - a.carries)
    const best = voters[0]
    const worst = voters.at(-1)
    expect(best?.performance?.sharpe).toBeGreaterThan(worst?.performance?.sharpe ?? 0)
    expect(best?.power).toBeGreaterThan(worst?.power ?? 1)
    process.stdout.write(
      `market weights: 2008: ${best?.agent} ${best?.carries} (power ${best?.power.toFixed(4)}) … ${worst?.agent} ${worst?.carries} (power ${worst?.power.toFixed(4)})\n`,
    )
  })

  /** The weight once more: variance as the mean of squares less the square of the mean; drawdown from each day to each later one. */
  function formula(prices: readonly number[]): number {
    const returns = prices.slice(1).map((price, at) => (price - (prices[at] ?? 0)) / (prices[at] ?? 1))
    const size = returns.length
    const mean = returns.reduce((sum, value) => sum + value, 0) / size
    const squares = returns.reduce((sum, value) => sum + value * value, 0) / size
    const ratio = (mean / Math.sqrt(((squares - mean * mean) * size) / (size - 1))) * Math.sqrt(DAYS_A_YEAR)
    let fall = 0
    for (const [from, high] of prices.entries())
      for (const low of prices.slice(from)) fall = Math.max(fall, 1 - low / high)
    return 0.5 * Math.min(1, Math.max(0, (ratio + 1) / 4)) + 0.3 * (1 - fall) + 0.2
  }
})
