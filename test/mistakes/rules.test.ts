/** Rules that would not hold what they say: forgotten exits, replacements, guards and windows that let one too many through. */
import { describe, expect, test } from 'vitest'
import { CAP, load, SHIPPED, SIZE, testMistakes } from './mistake.ts'

const PRICES = 'rules/prices.yaml'

/** A count to write windows with; nothing shipped reads one. */
const MESSAGES = {
  'facts.yaml': [
    [
      '  limit.band: {',
      '  agent.messages: { type: count, count: messages, by: [agent.id], window: 1s }\n  limit.band: {',
    ],
  ],
} as const

const WINDOW = 'a window never counts the action being judged'

describe('exits and cancels stay possible', () => {
  testMistakes([
    {
      name: 'a forgotten exit',
      file: SIZE,
      edits: [[`${CAP}\n unless: action.reducing`, 'forbid: ▸order.value > 2% * account.equity']],
      says: [
        'an order that reduces risk must stay possible without data, and this reads',
        '`market.reference`',
        '`account.equity`',
        'add `unless: action.reducing`',
      ],
    },
    {
      name: 'an exit that is tied to another condition',
      file: SIZE,
      edits: [
        [
          `${CAP}\n unless: action.reducing`,
          `forbid: ▸${CAP.slice(8)}\n    unless: action.reducing and agent.permitted`,
        ],
      ],
      says: ['must stay possible without data', 'add `unless: action.reducing`'],
    },
    {
      name: 'an escalation without an exit',
      file: SIZE,
      edits: [
        [`${CAP}\n unless: action.reducing`, 'escalate: ▸order.value > 2% * account.equity\n    to: desk'],
      ],
      says: ['must stay possible without data', 'add `unless: action.reducing`'],
    },
    {
      name: 'a rule on cancels that reads something not always there',
      file: 'rules/market.yaml',
      edits: [
        [
          "applies: { actions: [order, replace, transfer] }\n forbid: trading.state == 'halted'",
          "applies: { actions: [order, replace, cancel] }\n    forbid: ▸trading.state == 'halted' and instrument.status != 'open'",
        ],
      ],
      says: ['a cancel must stay possible without data, and this reads `instrument.status`', '`always`'],
    },
    {
      name: 'a rule that can never be known of a market order',
      file: PRICES,
      edits: [["order.orderType == 'limit' and abs(", '▸abs(']],
      says: [
        "`order.limitPrice` is there only when order.orderType == 'limit'",
        "guard it: `order.orderType == 'limit' and",
      ],
    },
    {
      name: 'a limit price behind the wrong guard',
      file: PRICES,
      edits: [
        ["forbid: order.orderType == 'limit' and abs(", "forbid: ▸order.orderType == 'market' and abs("],
      ],
      says: ["`order.limitPrice` is there only when order.orderType == 'limit'"],
    },
    {
      name: 'a guard that may itself be missing',
      file: 'facts.yaml',
      edits: [["always: order.orderType == 'limit'", "always: ▸instrument.status == 'open'"]],
      says: [
        '`instrument.status` decides whether `order.limitPrice` is there',
        'must be `always: true` itself',
      ],
    },
    {
      name: 'a maximum age on what is always there',
      file: 'facts.yaml',
      edits: [
        [
          'instrument.lot: { type: quantity, source: market, always: true }',
          'instrument.lot: { type: quantity, source: market, ▸maxAge: 1d, always: true }',
        ],
      ],
      says: ['a fact that may be too old is not `always` there'],
    },
  ])
})

describe('nothing slips by', () => {
  testMistakes([
    {
      name: '`replace` not listed',
      file: SIZE,
      edits: [
        [`applies: { actions: [order, replace] }\n ${CAP}`, `applies: { ▸actions: [order] }\n    ${CAP}`],
      ],
      says: ['lists `order` and not `replace`', 'list both'],
    },
    {
      name: 'an action of which a subject cannot be read',
      file: SIZE,
      edits: [
        [
          `applies: { actions: [order, replace] }\n ${CAP}`,
          `applies: { actions: [order, replace, transfer] }\n    forbid: agent.permitted and ▸order.value > 2% * account.equity`,
        ],
      ],
      says: ['`order.value` can be read for order, replace, not for `transfer`; nor can `agent.permitted`'],
    },
    {
      name: 'an action taken from a subject, in each of the rules that read it',
      file: 'rules/transfers.yaml',
      edits: [
        [
          'forbid: destination.sent24h + transfer.value > destination.cap24h',
          'forbid: destination.sent24h + transfer.value > destination.cap24h and ▸account.idle and not (account.id == order.id)',
        ],
      ],
      before: {
        'facts.yaml': [
          [
            '  account.id: {',
            '  account.idle: { type: boolean, is: true }\n  order.id: { type: text, is: account.id }\n  account.id: {',
          ],
          ['account: [order, replace, cancel, transfer]', 'account: [order, replace, cancel]'],
        ],
      },
      says: [
        '`account.idle` can be read for order, replace, cancel, not for `transfer`; nor can `account.id`',
      ],
      issues: 5,
    },
    {
      name: 'a window `> 10` that lets eleven through',
      file: SIZE,
      edits: [[CAP, 'forbid: ▸agent.messages > 10']],
      before: MESSAGES,
      says: [WINDOW, 'write `>=`'],
    },
    {
      name: 'a window `> 10` the other way round',
      file: SIZE,
      edits: [[CAP, 'forbid: agent.permitted and ▸10 < agent.messages']],
      before: MESSAGES,
      says: [WINDOW, 'write `<=`'],
    },
    {
      name: 'a window `> 10` behind a `not`',
      file: SIZE,
      edits: [[CAP, 'forbid: not ▸(agent.messages <= 10)']],
      before: MESSAGES,
      says: [WINDOW, 'write `<`'],
    },
    {
      name: 'a window that exempts up to ten, and so the eleventh',
      file: SIZE,
      edits: [
        [CAP, `${CAP} and not action.reducing`],
        [
          'not action.reducing\n unless: action.reducing',
          'not action.reducing\n    unless: action.reducing or ▸agent.messages <= 10',
        ],
      ],
      before: MESSAGES,
      says: [WINDOW, 'write `<`'],
    },
    {
      name: 'a quantity times the agent’s own price',
      file: SIZE,
      edits: [
        [
          CAP,
          "forbid: order.orderType == 'limit' and ▸order.quantity * order.limitPrice * instrument.fx > 2% * account.equity",
        ],
      ],
      says: ['the agent’s own price', '`max(order.limitPrice, market.reference)`'],
    },
    {
      name: 'the same through a fact that is made from it',
      file: 'facts.yaml',
      edits: [
        ['max(order.limitPrice, market.reference)', 'order.limitPrice'],
        [
          'is: order.quantity * instrument.multiplier * order.worstPrice',
          'is: ▸order.quantity * instrument.multiplier * order.worstPrice',
        ],
        [
          'is: order.leaves * instrument.multiplier * order.worstPrice',
          'is: order.leaves * instrument.multiplier * market.reference',
        ],
      ],
      says: ['the agent’s own price', '`market.reference`'],
    },
    {
      name: '`2 *` for `2%`',
      file: SIZE,
      edits: [[CAP, 'forbid: order.value > ▸2 * account.equity']],
      says: ['this is 2 times `account.equity`', 'write `2%`'],
      severity: 'warning',
    },
    {
      name: '`* 2` for `* 2%`',
      file: SIZE,
      edits: [[CAP, 'forbid: order.value > ▸account.equity * 2']],
      says: ['this is 2 times `account.equity`', 'write `2%`'],
      severity: 'warning',
    },
    {
      name: 'a rule that applies to nothing',
      file: SIZE,
      edits: [[`applies: { actions: [order, replace] }\n ${CAP}`, `applies: { ▸actions: [] }\n    ${CAP}`]],
      says: ['a rule applies to at least one action'],
    },
    {
      name: 'a list of no values',
      file: SIZE,
      edits: [['instrument.class: [equity] }', '▸instrument.class: [] }']],
      says: ['`instrument.class` lists no value, so the rule would never apply'],
    },
    {
      name: 'a list of numbers where values of a text belong',
      file: SIZE,
      edits: [['instrument.class: [equity] }', 'instrument.class: [▸5] }']],
      says: ['`instrument.class` is a list of texts'],
    },
    {
      name: 'a single value where a list belongs',
      file: SIZE,
      edits: [['instrument.class: [equity] }', 'instrument.class: ▸equity }']],
      says: ['`instrument.class` is a list'],
    },
    {
      name: 'values of something that is no enumeration',
      file: SIZE,
      edits: [['instrument.class: [equity] }', "▸order.quantity: ['5'] }"]],
      says: ['`order.quantity` is neither'],
    },
    {
      name: 'two effects',
      file: SIZE,
      edits: [
        ['- id: order-value-cap', '- ▸id: order-value-cap'],
        [CAP, `${CAP}\n    warn: agent.permitted`],
      ],
      says: ['a rule has one of forbid, escalate, warn'],
    },
    {
      name: 'an escalation to nobody',
      file: SIZE,
      edits: [
        ['- id: order-value-cap', '- ▸id: order-value-cap'],
        [CAP, 'escalate: order.value > 2% * account.equity'],
      ],
      says: ['a rule needs `to`'],
    },
    {
      name: 'a policy for something that is not escalated',
      file: SIZE,
      edits: [[CAP, `${CAP}\n    ▸to: desk`]],
      says: ['`to` goes with `escalate`'],
    },
    {
      name: 'duplicate ids of rules, in two files',
      file: SIZE,
      edits: [['- id: off-lot', '- id: ▸off-tick']],
      says: ['the id `off-tick` is taken by rules/prices.yaml:'],
    },
    {
      name: 'facts made from each other',
      file: 'facts.yaml',
      edits: [
        ['  order.worstPrice:', '  ▸order.worstPrice:'],
        ['market.reference * (1 + limit.band))', 'order.value / order.quantity / instrument.fx)'],
      ],
      says: ['`order.worstPrice` is made from itself'],
    },
    {
      name: 'a fact from two places',
      file: 'facts.yaml',
      edits: [
        [
          'account.equity: { type: money, source: ledger, maxAge: 60s }',
          'account.equity: ▸{ type: money, source: ledger, is: order.value }',
        ],
      ],
      says: ['a fact comes from one place: `source`, `table`, `count`, `sum`, `move` or `is`'],
    },
    {
      name: 'a key that says nothing',
      file: 'facts.yaml',
      edits: [['transfer.value: { type: money, is', 'transfer.value: { type: money, ▸maxAge: 5s, is']],
      says: ['`maxAge` says nothing here'],
    },
    {
      name: 'an enumeration of one',
      file: 'facts.yaml',
      edits: [['order.orderType: { type: [limit, market]', 'order.orderType: { type: ▸[limit, limit]']],
      says: ['an enumeration lists at least two values, each once'],
    },
  ])
})

describe('what this version cannot run live', () => {
  const DAY = {
    'facts.yaml': [
      [
        '  limit.band: {',
        '  market.volume1d: { type: quantity, sum: bar.volume, by: [instrument.id], window: day }\n  market.share1d: { type: quantity, is: 1% * market.volume1d }\n  limit.band: {',
      ],
    ],
  } as const
  const spending = (mode: string): string =>
    `- id: ▸order-value-cap\n    title: One order\n    applies: { actions: [order, replace] }\n${mode}    forbid: order.quantity > market.share1d\n    unless: action.reducing\n  - id: order-value-cap-before`

  testMistakes([
    {
      name: 'a day of the market',
      file: SIZE,
      edits: [
        ['- id: order-value-cap', '- id: ▸order-value-cap'],
        [CAP, 'forbid: order.quantity > market.volume1d'],
      ],
      before: DAY,
      says: [
        '`order-value-cap` reads `market.volume1d`, which is not measured live in this version',
        'activation refuses',
        '`mode: shadow`',
      ],
      severity: 'warning',
    },
    {
      name: 'the same behind a fact made from it',
      file: SIZE,
      edits: [['- id: order-value-cap', spending('')]],
      before: DAY,
      says: ['`order-value-cap` reads `market.volume1d`'],
      severity: 'warning',
    },
  ])

  test('as a shadow it can, and nothing is said', () => {
    const files = new Map(SHIPPED)
    const [[from, to]] = DAY['facts.yaml']
    files.set('facts.yaml', (files.get('facts.yaml') ?? '').replace(from, to))
    const shadow = spending('    mode: shadow\n').replace('▸', '')
    files.set(SIZE, (files.get(SIZE) ?? '').replace('- id: order-value-cap', shadow))
    expect(load(files)).toEqual({ loads: true, issues: [] })
  })
})
