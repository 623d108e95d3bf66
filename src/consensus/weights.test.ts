import { describe, expect, test } from 'vitest'
import type { Performance } from '../protocol/roster.ts'
import { agentWith, freeze, policyWith } from '../../test/support/consensus.ts'
import { RAW_WEIGHT, weigh } from './weights.ts'

const policy = policyWith({
  weights: {
    alpha: [1, 2],
    beta: [3, 10],
    gamma: [1, 5],
    sharpe: { from: -1, to: 3 },
    record: 60,
    byGroup: { specialist: [2, 5], risk: [3, 5], trader: [1, 5] },
  },
})
const trader = { role: 'trader', field: null } as const
const record = (changed: Partial<Performance>): Performance => ({
  periods: 250,
  sharpe: 1,
  drawdown: 0.2,
  uptime: 0.9,
  ...changed,
})

describe('by hand, with w = 0.5 · Sharpe’ + 0.3 · (1 − drawdown) + 0.2 · uptime and Sharpe’ = (S + 1) / 4', () => {
  test.each([
    // (1 + 1) / 4 = 0.5; 0.5 · 0.5 + 0.3 · 0.8 + 0.2 · 0.9 = 0.25 + 0.24 + 0.18
    ['an ordinary record', record({}), 0.67, 'record'],
    // Above the bound counts in full: 0.5 + 0.24 + 0.18
    ['a Sharpe ratio above the bound', record({ sharpe: 7 }), 0.92, 'record'],
    // Below it counts for nothing: 0 + 0.24 + 0.18
    ['negative returns', record({ sharpe: -2 }), 0.42, 'record'],
    // (−0.5 + 1) / 4 = 0.125; 0.0625 + 0.24 + 0.18
    ['a little below zero', record({ sharpe: -0.5 }), 0.4825, 'record'],
    // All lost and never up: 0.5 · 0.5
    ['all lost', record({ drawdown: 1, uptime: 0 }), 0.25, 'record'],
    ['no volatility counts as the least', record({ sharpe: null }), 0.42, 'record'],
    ['the best there is', record({ sharpe: 3, drawdown: 0, uptime: 1 }), 1, 'record'],
    ['59 periods of 60: the policy’s word', record({ periods: 59 }), 0.2, 'group'],
    ['a record of one day', record({ periods: 1, sharpe: null }), 0.2, 'group'],
    ['60 periods', record({ periods: 60 }), 0.67, 'record'],
    ['who does not trade', null, 0.2, 'group'],
    ['not a number', record({ sharpe: Number.NaN }), 0, 'unusable'],
    ['an infinite ratio', record({ sharpe: Infinity }), 0, 'unusable'],
    ['a drawdown above the whole', record({ drawdown: 1.1 }), 0, 'unusable'],
    ['an uptime that is no number', record({ uptime: Number.NaN, periods: 3 }), 0, 'unusable'],
    ['periods below zero', record({ periods: -1 }), 0, 'unusable'],
  ] as const)('%s', (_, given, wanted, basis) => {
    expect(weigh(policy, trader, given)).toEqual({ raw: Math.round(wanted * RAW_WEIGHT), basis })
  })

  test('a field goes before its role', () => {
    expect(weigh(policy, { role: 'specialist', field: 'risk' }, null).raw).toBe(0.6 * RAW_WEIGHT)
    expect(weigh(policy, { role: 'specialist', field: 'market' }, null).raw).toBe(0.4 * RAW_WEIGHT)
    expect(weigh(policy, { role: 'coordinator', field: null }, null).raw).toBe(0)
  })

  test('a roster of three', () => {
    // Raw 0.67, 0.42 and 0.2, together 1.29: 519,379.8…, 325,581.3… and 155,038.7… millionths, rounded down.
    const agents = [
      agentWith('steady', { performance: record({}) }),
      agentWith('losing', { performance: record({ sharpe: -2 }) }),
      agentWith('new', { performance: null }),
    ]
    const frozen = freeze({ policy, agents })
    const voters = 'code' in frozen ? [] : frozen.roster.voters
    expect(voters.map(({ agent, weight, carries }) => [agent, weight, carries])).toEqual([
      ['losing', 325_581, 325_581],
      ['new', 155_038, 155_038],
      ['steady', 519_379, 519_379],
    ])
    expect('code' in frozen ? 0 : frozen.roster.total).toBe(999_998)
  })
})
