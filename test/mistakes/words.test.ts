/** Slips of the pen: a key, a fact, an effect or a value that is one letter from right. */
import { describe } from 'vitest'
import { CAP, SIZE, testMistakes } from './mistake.ts'

const MARKET = 'rules/market.yaml'
const FILLS = '  agent.fills1d: { type: count, count: fills, by: [agent.id], window: day, calendar: hours }'

describe('a word that is almost right', () => {
  testMistakes([
    {
      name: '`forbit`',
      file: SIZE,
      edits: [[CAP, '▸forbit: order.value > 2% * account.equity']],
      says: ['unknown key `forbit` in a rule', 'did you mean `forbid`?'],
    },
    {
      name: '`dney`, which is no effect of this language',
      file: SIZE,
      edits: [[CAP, '▸dney: order.value > 2% * account.equity']],
      says: ['unknown key `dney` in a rule', 'one of id, title,', 'forbid, escalate, warn'],
    },
    {
      name: 'a rule without an effect says which there are',
      file: SIZE,
      edits: [
        ['  - id: order-value-cap', '  - ▸id: order-value-cap'],
        [CAP, 'mode: shadow'],
      ],
      says: ['a rule has one of forbid, escalate, warn'],
    },
    {
      name: '`vlaue`',
      file: SIZE,
      edits: [[CAP, 'forbid: ▸order.vlaue > 2% * account.equity']],
      says: ['unknown fact `order.vlaue`', 'did you mean `order.value`?'],
    },
    {
      name: 'an unknown fact in `unless`',
      file: SIZE,
      edits: [[`${CAP}\n    unless: action.reducing`, `${CAP}\n    unless: ▸action.reducng`]],
      says: ['unknown fact `action.reducng`', 'did you mean `action.reducing`?'],
    },
    {
      name: "`'LIMIT'`",
      file: 'rules/prices.yaml',
      edits: [["order.orderType == 'limit' and abs(", "order.orderType == ▸'LIMIT' and abs("]],
      says: ["`'LIMIT'` is none of [limit, market]", 'did you mean `limit`?'],
    },
    {
      name: 'a value that no enumeration has, in a list',
      file: MARKET,
      edits: [["instrument.status != 'open' or", "not ▸(instrument.status in ['open', 'opne']) or"]],
      says: ["`'opne'` is none of [open, closed, halted]", 'did you mean `open`?'],
    },
    {
      name: '`shaddow`',
      file: SIZE,
      edits: [[CAP, `mode: ▸shaddow\n    ${CAP}`]],
      says: ['`shaddow` is no value of `mode`', 'one of enforce, shadow', 'did you mean `shadow`?'],
    },
    {
      name: 'an unknown action',
      file: MARKET,
      edits: [
        [
          'applies: { actions: [order, replace] }\n    forbid: not agent.permitted',
          'applies: { actions: [order, ▸repalce] }\n    forbid: not agent.permitted',
        ],
      ],
      says: ['`repalce` is no value of `actions`', 'did you mean `replace`?'],
    },
    {
      name: 'an unknown action and no other',
      file: MARKET,
      edits: [
        [
          'applies: { actions: [order, replace] }\n    forbid: not agent.permitted',
          'applies: { actions: [▸ordre] }\n    forbid: not agent.permitted',
        ],
      ],
      says: ['`ordre` is no value of `actions`', 'did you mean `order`?'],
    },
    {
      name: 'an unknown scope of a trading state',
      file: 'rules/losses.yaml',
      edits: [['{ state: reducing, scope: account }', '{ state: reducing, scope: ▸acount }']],
      says: ['`acount` is no value of `scope`', 'did you mean `account`?'],
    },
    {
      name: 'an unknown trading state',
      file: 'rules/losses.yaml',
      edits: [['{ state: reducing, scope: account }', '{ state: ▸reduce, scope: account }']],
      says: ['`reduce` is no value of `state`', 'one of reducing, halted'],
    },
    {
      name: 'a class that a rule applies to and nobody has',
      file: SIZE,
      edits: [['instrument.class: [equity] }', 'instrument.class: [▸equty] }']],
      says: ['`equty` is none of [equity, crypto, future, option, fx, bond]', 'did you mean `equity`?'],
    },
    {
      name: 'an unknown key of `applies`',
      file: SIZE,
      edits: [['instrument.class: [equity] }', '▸instrument.clas: [equity] }']],
      says: ['unknown fact `instrument.clas`', 'did you mean `instrument.class`?'],
    },
    {
      name: 'an unknown key of the manifest',
      file: 'constitution.yaml',
      edits: [['currency: USD', '▸curency: USD']],
      says: ['unknown key `curency`', 'did you mean `currency`?'],
    },
    {
      name: 'a slip in `title` is no second mistake',
      file: SIZE,
      edits: [['title: A quantity is a positive', '▸titel: A quantity is a positive']],
      says: ['unknown key `titel`', 'did you mean `title`?'],
    },
    {
      name: 'a slip in `applies`',
      file: SIZE,
      edits: [
        [
          `applies: { actions: [order, replace] }\n    ${CAP}`,
          `▸aplies: { actions: [order, replace] }\n    ${CAP}`,
        ],
      ],
      says: ['unknown key `aplies`', 'did you mean `applies`?'],
    },
    {
      name: 'a slip in `source`',
      file: 'facts.yaml',
      edits: [['{ type: fx, source: market', '{ type: fx, ▸sorce: market']],
      says: ['unknown key `sorce`', 'did you mean `source`?'],
    },
    {
      name: 'a slip in `by`',
      file: 'facts.yaml',
      edits: [['sum: bar.volume, by: [instrument.id]', 'sum: bar.volume, ▸bye: [instrument.id]']],
      says: ['unknown key `bye`', 'did you mean `by`?'],
    },
    {
      name: 'an unknown key, and something missing that has nothing to do with it, are two mistakes',
      file: SIZE,
      edits: [['title: A quantity is a positive whole number of lots', '▸owner: desk']],
      says: ['unknown key `owner` in a rule; one of id, title,'],
      issues: 2,
    },
    {
      name: 'an unknown key of a fact',
      file: 'facts.yaml',
      edits: [['type: quantity, source: market, maxAge: 7d', 'type: quantity, source: market, ▸maxage: 7d']],
      says: ['unknown key `maxage`', 'did you mean `maxAge`?'],
    },
    {
      name: 'an unknown source',
      file: 'facts.yaml',
      edits: [['{ type: fx, source: market', '{ type: fx, source: ▸markt']],
      says: ['`markt` is no value of `source`', 'did you mean `market`?'],
    },
    {
      name: 'a stream that nothing adds up',
      file: 'facts.yaml',
      edits: [['sum: bar.volume', 'sum: ▸bar.volumes']],
      says: ['`bar.volumes` is no value of `sum`', 'did you mean `bar.volume`?'],
    },
    {
      name: 'an unknown fact that tells one window from another',
      file: 'facts.yaml',
      edits: [['sum: bar.volume, by: [instrument.id]', 'sum: bar.volume, by: [▸instrument.ib]']],
      says: ['unknown fact `instrument.ib`', 'did you mean `instrument.id`?'],
    },
    {
      name: 'an unknown type',
      file: 'facts.yaml',
      edits: [['account.equity:        { type: money', 'account.equity:        { type: ▸mony']],
      says: ['unknown type `mony`', 'did you mean `money`?'],
    },
    {
      name: 'a type that only JavaScript knows',
      file: 'facts.yaml',
      edits: [['account.equity:        { type: money', 'account.equity:        { type: ▸constructor']],
      says: ['unknown type `constructor`'],
    },
    {
      name: 'a fact that no dot divides',
      file: 'facts.yaml',
      edits: [['  account.highWater:', '  ▸highWater:']],
      says: ['`highWater` is no name for a fact', 'as in order.value'],
      issues: 1,
    },
    {
      name: 'a subject that no fact has',
      file: 'facts.yaml',
      edits: [['  destination: [transfer]', '  ▸destinaton: [transfer]']],
      says: ['no fact has the subject `destinaton`', 'did you mean `destination`?'],
    },
    {
      name: 'an id that is no id',
      file: SIZE,
      edits: [['- id: off-lot', '- id: ▸Off_Lot']],
      says: ['`Off_Lot` is no id', 'write it as order-value-cap'],
    },
    {
      name: 'a fact nothing measures',
      file: 'facts.yaml',
      edits: [['  instrument.adv:        { type', '  ▸instrument.advs:        { type']],
      before: {
        [SIZE]: [
          ['limit.advShare * instrument.adv)', 'limit.advShare * instrument.advs)'],
          ['0.1% * instrument.adv', '0.1% * instrument.advs'],
        ],
      },
      says: ['nothing measures `instrument.advs`', 'did you mean `instrument.adv`?'],
    },
    {
      name: 'a fact that is measured from elsewhere',
      file: 'facts.yaml',
      edits: [
        [
          '  instrument.adv: { type: quantity, source: market',
          '  ▸instrument.adv: { type: quantity, source: ledger',
        ],
      ],
      says: ['`instrument.adv` is measured from `source: market`'],
    },
    {
      name: 'a fact that is measured in another unit',
      file: 'facts.yaml',
      edits: [['  market.age:            { type: duration', '  ▸market.age:            { type: ratio']],
      before: { 'rules/prices.yaml': [['market.age > 2s', 'market.age > 2']] },
      says: ['`market.age` is duration, not ratio'],
    },
    {
      name: 'a value that nothing sends, among those of an enumeration',
      file: 'facts.yaml',
      edits: [
        [
          '  instrument.status:     { type: [open, closed, halted]',
          '  ▸instrument.status:     { type: [open, closed, haltd]',
        ],
      ],
      says: ['`instrument.status` is never `haltd`', 'did you mean `halted`?'],
    },
    {
      name: 'a window that reaches further back than anything is kept',
      file: 'facts.yaml',
      edits: [
        ['  market.volume5min:', '  ▸market.volume5min:'],
        [
          'sum: bar.volume, by: [instrument.id], window: 5min',
          'sum: bar.volume, by: [instrument.id], window: 25h',
        ],
      ],
      says: ['a window reaches back 24h at most'],
    },
    {
      name: 'a calendar that is almost right',
      file: 'facts.yaml',
      edits: [
        [
          FILLS,
          '  ▸agent.fills1d: { type: count, count: fills, by: [agent.id], window: day, calendar: hour }',
        ],
      ],
      says: ['there is no `tables/hour.csv`', 'did you mean `hours`?'],
    },
    {
      name: 'a calendar that is no table of sessions',
      file: 'facts.yaml',
      edits: [
        [
          FILLS,
          '  ▸agent.fills1d: { type: count, count: fills, by: [agent.id], window: day, calendar: strategies }',
        ],
      ],
      says: ['`tables/strategies.csv` has no columns session, timezone, days, from, to'],
    },
    {
      name: 'a calendar and a zone',
      file: 'facts.yaml',
      edits: [
        [
          FILLS,
          '  agent.fills1d: { type: count, count: fills, by: [agent.id], window: day, calendar: hours, ▸zone: UTC }',
        ],
      ],
      says: ['the sessions of `calendar` have time zones of their own'],
    },
    {
      name: 'a calendar of a window in hours',
      file: 'facts.yaml',
      edits: [
        [
          FILLS,
          '  agent.fills1d: { type: count, count: fills, by: [agent.id], window: 24h, ▸calendar: hours }',
        ],
      ],
      says: ['`calendar` says when a trading day begins; it goes with `window: day`'],
    },
    {
      name: 'a calendar of an account by what it trades',
      file: 'tables/hours.csv',
      edits: [['instrument.class,session', '▸instrument.class,session']],
      before: {
        'facts.yaml': [
          [
            '  account.dayOpenEquity: { type: money, source: ledger }',
            '  account.dayOpenEquity: { type: money, source: ledger, calendar: hours }',
          ],
        ],
      },
      says: ['the one key of its calendar is `account.id`'],
    },
    {
      name: '`calender`',
      file: 'facts.yaml',
      edits: [
        [
          FILLS,
          '  agent.fills1d: { type: count, count: fills, by: [agent.id], window: day, ▸calender: hours }',
        ],
      ],
      says: ['unknown key `calender`', 'did you mean `calendar`?'],
    },
  ])
})
