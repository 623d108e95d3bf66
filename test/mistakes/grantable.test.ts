/** Exceptions that a rule must not, or cannot, declare: what would bound nothing, or lift what halts trading. */
import { describe } from 'vitest'
import { testMistakes, type Mistake } from './mistake.ts'

const EXPOSURE = 'rules/exposure.yaml'
const SHIPPED = 'grantable: { upTo: 30% * account.equity, within: 4h, uses: 10 }'
const CAP = 'forbid: position.worstValue > 20% * account.equity'

/** The shipped exception, written otherwise. */
const instead = (name: string, grantable: string, ...says: string[]): Mistake => ({
  name,
  file: EXPOSURE,
  edits: [[SHIPPED, grantable]],
  says,
})
/** Another condition under an exception. */
const under = (name: string, condition: string, grantable: string, ...says: string[]): Mistake => ({
  name,
  file: EXPOSURE,
  edits: [
    [CAP, condition],
    [SHIPPED, grantable],
  ],
  says,
})

describe('bounds', () => {
  testMistakes([
    instead(
      'in shares where money is',
      'grantable: { upTo: ▸30 * instrument.lot }',
      '`>` between money and quantity',
    ),
    instead('a number without a unit', 'grantable: { upTo: ▸3000000 }', 'as in `250000 USD`'),
    instead('longer than a day', '▸grantable: { within: 2d }', 'at most 24h'),
    instead('no time at all', 'grantable: { within: ▸4 }', '`4` is no duration such as'),
    instead('no uses', 'grantable: { uses: ▸0 }', '`uses` is a whole number from 1 to 1000'),
    instead('uses without end', 'grantable: { uses: ▸1001 }', '`uses` is a whole number from 1 to 1000'),
    instead(
      'a key that is none',
      'grantable: { ▸upto: 30% * account.equity }',
      '`upto`',
      'did you mean `upTo`?',
    ),
    instead('a word', 'grantable: ▸sometimes', '`grantable` is true or false'),
    instead('a list', 'grantable: ▸[30%]', '`grantable` is a map'),
    instead(
      'a fact that the rule does not read',
      'grantable: { upTo: ▸30% * account.highWater }',
      '`account.highWater` is not read by the rule’s own condition',
    ),
    instead(
      'a bound that the order itself moves',
      'grantable: { upTo: ▸2 * position.worstValue }',
      '`order.quantity` is said by the agent',
    ),
    {
      ...instead(
        'all of the equity, thirty times',
        'grantable: { upTo: ▸30 * account.equity }',
        'write `30%`',
      ),
      severity: 'warning',
    },
  ])
})

describe('rules that cannot have exceptions', () => {
  testMistakes([
    {
      name: 'one that raises a trading state',
      file: EXPOSURE,
      edits: [
        [
          'forbid: account.positionBreak > 0\n unless: action.reducing',
          'forbid: account.positionBreak > 0\n    unless: action.reducing\n    ▸grantable: true',
        ],
      ],
      says: ['what stops trading holds for everybody'],
    },
    {
      name: 'one that compares nothing',
      file: 'rules/market.yaml',
      edits: [
        ["forbid: trading.state == 'halted'", "forbid: trading.state == 'halted'\n    ▸grantable: true"],
      ],
      says: ['a grantable rule forbids by one comparison'],
    },
    under(
      'one with two comparisons',
      `${CAP} or position.worst > 5000 * instrument.lot`,
      '▸grantable: true',
      'a grantable rule forbids by one comparison',
    ),
    under(
      'one that bounds from below',
      'forbid: position.worstValue < 1% * account.equity',
      '▸grantable: true',
      '`observed > limit`',
    ),
    under(
      'the limit on the left',
      'forbid: 20% * account.equity < position.worstValue',
      '▸grantable: true',
      '`observed > limit`',
    ),
    under(
      'the limit on the left, as if it were observed',
      'forbid: 5000 * instrument.lot >= position.worst',
      '▸grantable: { upTo: 9000 * instrument.lot }',
      '`order.quantity` stands on the right',
      'write what is observed on the left',
    ),
    under(
      'a figure on the left',
      'forbid: 20% * 10000000 USD > account.equity',
      '▸grantable: true',
      'nothing there is measured',
    ),
    under(
      'a warning',
      'warn: position.worstValue > 20% * account.equity',
      '▸grantable: true',
      'a warning holds nothing back',
    ),
    under(
      'an escalation',
      'escalate: position.worstValue > 20% * account.equity\n    to: desk',
      '▸grantable: true',
      'what is escalated has its quorum',
    ),
  ])
})
