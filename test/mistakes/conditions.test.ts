/** Conditions that can be read two ways, or that compare what can't be compared. */
import { describe } from 'vitest'
import { CAP, SIZE, testMistakes, type Mistake } from './mistake.ts'

/** The condition of the value cap, written otherwise. */
function cap(name: string, condition: string, says: readonly string[], more: Partial<Mistake> = {}): Mistake {
  return { name, file: SIZE, edits: [[CAP, `forbid: ${condition}`]], says, ...more }
}

describe('names', () => {
  testMistakes([
    cap('an instrument that can be none', "▸instrument.id == 'AAPL '", [
      '`AAPL\\u{20}`',
      'can be no `instrument.id`',
    ]),
    cap('two in one', "▸instrument.id in ['MSFT,TSLA', 'AAPL']", ['`MSFT,TSLA` can be no `instrument.id`']),
    {
      name: 'a rule about one that can be none',
      file: SIZE,
      edits: [
        [
          `applies: { actions: [order, replace] }\n    ${CAP}`,
          `applies: { actions: [order, replace], instrument.id: [▸'BRK B'] }\n    ${CAP}`,
        ],
      ],
      says: ['`BRK\\u{20}B`', 'can be no `instrument.id`'],
    },
  ])
})

describe('logic', () => {
  testMistakes([
    cap('what is the same for every action', '▸1 > 2', [
      'this reads no fact, so it is the same for every action',
    ]),
    cap('never', '▸false', ['this reads no fact']),
    {
      name: 'an exception for all',
      file: SIZE,
      edits: [[`${CAP}\n    unless: action.reducing`, `${CAP}\n    unless: ▸true`]],
      says: ['this reads no fact, so the rule would hold for all or for nothing'],
    },
    cap(
      '`and` beside `or` without brackets',
      'order.value > 2% * account.equity and agent.permitted ▸or account.equity < 0',
      ['`and` beside `or` needs brackets', '(a and b) or c'],
    ),
    cap('`not a == b`', "▸not order.orderType == 'limit'", [
      '`not a == b` can be read two ways',
      'write `not (a == b)`',
    ]),
    cap('`not a > b`', '▸not order.value > 2% * account.equity', ['write `not (a > b)`']),
    cap('`not not`', 'not ▸not agent.permitted', ['`not not` says nothing']),
    cap('chained comparisons', '0 < order.value ▸< account.equity', [
      'comparisons are not chained',
      'write `a < b and b < c`',
    ]),
    cap('`&&`', 'agent.permitted ▸&& agent.permitted', ['`&&` is written `and` here']),
    cap('`||`', 'agent.permitted ▸|| agent.permitted', ['`||` is written `or` here']),
    cap('`=`', "order.orderType ▸= 'limit'", ['`=` is written `==` here, between texts']),
    cap('`=` before a number', 'market.sources ▸= 2', ['`=` is written `==`', 'numbers are compared with']),
    cap('a word left over', 'agent.permitted ▸agent.permitted', ['unexpected `agent.permitted`']),
    cap('an expression that stops', 'order.value > ▸', ['the expression ends where a fact'], {
      edits: [[CAP, 'forbid: "order.value >▸"']],
    }),
    cap('a bracket left open', '(order.value > 2% * account.equity▸', ['ends where `)` was expected']),
    cap('a text left open', "order.orderType == ▸'limit", ['never closes']),
    cap('a sign without meaning', 'order.value ▸^ 2 > 0', ['`^` has no meaning here']),
    cap('two minus signs', 'order.value - account.equity ▸-- account.equity > 0', ['`--`', 'write `+`']),
    cap('a condition where a number belongs', 'order.value > ▸agent.permitted', [
      'this is a condition where a number was expected',
    ]),
    cap('a number where a condition belongs', '▸order.value', [
      'this is money where a condition was expected',
    ]),
    cap('a truth compared', '▸agent.permitted == true', ['a condition is not compared']),
    cap('a list of numbers', 'order.orderType in [▸1]', ['a list holds texts']),
    cap(
      'deep nesting',
      `${'('.repeat(63)}▸(agent.permitted)${')'.repeat(63)}`,
      ['nests deeper than 64 levels'],
      {
        edits: [[CAP, `forbid: ${'('.repeat(64)}▸agent.permitted${')'.repeat(64)}`]],
      },
    ),
    cap('an expression without end', `▸${'agent.permitted and '.repeat(210)}agent.permitted`, [
      'at most 4096 characters',
    ]),
  ])
})

describe('functions', () => {
  testMistakes([
    cap('two results that are one', 'if(agent.permitted, 1, ▸1) > 0', ['nothing is decided here']),
    cap('a number beside itself', 'order.value > ▸order.value', ['nothing is decided here']),
    cap('a text beside itself', 'order.orderType == ▸order.orderType', ['nothing is decided here']),
    cap('an unknown function', '▸mx(order.value, account.equity) > 0', [
      'unknown function `mx`',
      'did you mean `max`?',
    ]),
    cap('too few arguments', '▸max(order.value) > 0', ['`max` takes 2 to 8 arguments, not 1']),
    cap('too many arguments', '▸abs(order.value, account.equity) > 0', ['`abs` takes 1 arguments, not 2']),
    cap('a function that only JavaScript knows', '▸toString(order.value) > 0', [
      'unknown function `toString`',
    ]),
  ])
})

describe('units', () => {
  testMistakes([
    cap('a duration without a unit', '▸market.age > 2', [
      '`>` between duration and a bare number',
      'give the number a unit, as in `2s` or `5min`',
    ]),
    cap('an amount without a currency', '▸order.value > 250000', [
      'between money and a bare number',
      'as in `250000 USD`',
    ]),
    cap('an amount without a currency, reckoned', '▸order.value > 2 * 125000', ['as in `250000 USD`']),
    cap('a quantity without a unit', '▸order.quantity > 1000', [
      '`>` between quantity and a bare number',
      'no literals of quantity: take it from a table, or write it in lots, as in `10 * instrument.lot`',
    ]),
    cap('a quantity in another unit', '▸order.quantity > 1000 USD', [
      '`>` between quantity and money',
      'as in `10 * instrument.lot`',
    ]),
    cap('a quantity on the left', '▸1000 < order.quantity', ['as in `10 * instrument.lot`']),
    cap('a quantity in shares', 'order.quantity > 1000 ▸shares', [
      '`shares` is no unit',
      'as in `10 * instrument.lot`',
    ]),
    cap('a quantity in shares, touching', 'order.quantity > 1000▸shares', ['as in `10 * instrument.lot`']),
    cap('a price without a unit', '▸market.reference > 200', ['as in `10 * instrument.tick`']),
    cap('a rate without a unit', '▸instrument.fx > 2', ['no literals of fx: take it from a table']),
    cap('a count as a share', '▸market.sources < 2%', ['a count is a bare number, as in `10`']),
    cap('a ratio in seconds', '▸market.disagreement > 1s', ['a ratio is written `2%` or `0.02`']),
    cap('`max` of a quantity and a number', 'order.quantity > max(limit.quantity, ▸10)', [
      '`10 * instrument.lot`',
    ]),
    cap('a step in another unit', 'not multiple(▸order.quantity, instrument.tick)', [
      '`multiple` between quantity and price',
    ]),
    cap('a step of another currency', 'not multiple(▸market.reference * order.quantity, account.equity)', [
      '`multiple` between local and money',
      'multiply by instrument.fx',
    ]),
    cap('a step without a unit', 'not multiple(▸order.quantity, 100)', [
      '`multiple` between quantity and a bare number',
      'as in `10 * instrument.lot`',
    ]),
    cap('a step of a text', 'not multiple(order.quantity, ▸instrument.id)', [
      'this is a text where a number was expected',
    ]),
    cap('a step of zero', 'not multiple(order.quantity, ▸0)', ['a step of zero is never known']),
    cap('a unit that stands apart', 'market.age > 2 ▸s', ['a unit touches its number: write `2s`']),
    cap('a `%` that stands apart', 'market.disagreement > 1 ▸%', ['write `1%`']),
    cap('a currency in small letters', 'order.value > 250000 ▸usd', ['`usd` is no unit', '`250000 USD`']),
    cap('EUR where money is USD', 'order.value > ▸250000 EUR', [
      '`EUR` where money is USD',
      'write the amount in USD',
    ]),
    cap('an unknown unit of time', 'market.age > 2▸sec', ['`sec` is no unit of time', 'ms, s, min, h, d']),
    cap('a unit of time that only JavaScript knows', 'market.age > 2▸constructor', [
      '`constructor` is no unit of time',
    ]),
    cap('dollars against shares', '▸order.value > order.quantity', ['`>` between money and quantity']),
    cap('local currency against money', '▸order.quantity * market.reference > account.equity', [
      '`>` between local and money',
      'multiply by instrument.fx',
    ]),
    cap('a sum of two units', '▸order.value + order.quantity > 0', ['`+` between money and quantity']),
    cap('`max` of two units', 'max(order.value, ▸order.quantity) > 0', ['`max` between money and quantity']),
    cap('`if` of two units', 'if(agent.permitted, ▸order.value, order.quantity) > 0', [
      '`if` between money and quantity',
    ]),
    cap('`==` on numbers', '▸order.value == account.equity', [
      '`==` and `!=` on numbers are seldom meant',
      'multiple(x, step)',
    ]),
    cap('`a/b - 1`', '▸order.limitPrice / market.reference - 1 > limit.band', [
      '`a/b - 1` is written as a product',
    ]),
    cap('`abs(a/b - 1)`', 'abs(▸order.limitPrice / market.reference - 1) > limit.band', [
      'abs(a - b) > band * b',
    ]),
    cap('`2 * (a/b - 1)`', '2 * ▸(order.limitPrice / market.reference - 1) > limit.band', ['`a/b - 1`']),
    cap('a division by zero', 'order.value / ▸0 > 1', ['a division by zero is never known']),
    cap('a text for a number', "order.quantity > ▸'5'", ['this is a text where a number was expected']),
    cap('thousands separators', 'order.value > 250▸,000 USD', [
      'unexpected `,`; numbers are written without thousands separators',
    ]),
    cap('underscores between digits', 'order.value > ▸250_000 USD', ['`250_000` is not a number']),
    cap('more digits than a number holds', 'order.value > ▸1234567890.1234567 USD', ['at most 15 digits']),
    {
      name: 'a fact that is a number in another unit than declared',
      file: 'facts.yaml',
      edits: [['  order.value: {', '  order.least: { type: quantity, is: ▸100 }\n  order.value: {']],
      says: ['this is a bare number where quantity was declared', 'as in `10 * instrument.lot`'],
    },
    {
      name: 'forgotten fx',
      file: 'facts.yaml',
      edits: [
        [
          'order.quantity * instrument.multiplier * order.worstPrice * instrument.fx',
          '▸order.quantity * instrument.multiplier * order.worstPrice',
        ],
      ],
      says: ['this is local where money was declared', 'multiply by instrument.fx'],
    },
    {
      name: '`a/b - 1` in a fact that is made from others',
      file: 'facts.yaml',
      edits: [
        [
          '  order.value: {',
          '  order.away: { type: ratio, is: ▸market.reference / order.worstPrice - 1 }\n  order.value: {',
        ],
      ],
      says: ['`a/b - 1` is written as a product'],
    },
    {
      name: 'a maximum age without a unit',
      file: 'facts.yaml',
      edits: [['maxAge: 7d', 'maxAge: ▸7']],
      says: ['`7` is no duration such as 500ms'],
    },
    {
      name: 'a maximum age in an unknown unit',
      file: 'facts.yaml',
      edits: [['maxAge: 7d', 'maxAge: 7▸days']],
      says: ['`days` is no unit of time'],
    },
    {
      name: 'a window in another unit than what it adds up',
      file: 'facts.yaml',
      edits: [['  market.volume5min:     { type: quantity', '  ▸market.volume5min:     { type: money']],
      before: {
        [SIZE]: [
          [
            'position.filled5min + position.open + position.opposing + order.quantity > 9% * market.volume5min',
            'order.value > 9% * market.volume5min',
          ],
        ],
      },
      says: ['`market.volume5min` is a window in quantity', 'declare it as `type: quantity`'],
    },
  ])
})
