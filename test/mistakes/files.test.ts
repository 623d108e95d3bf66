/** What keeps files from meaning what they seem to: their names, YAML's own surprises, and slips in tables. */
import { describe, expect, test } from 'vitest'
import { CAP, load, SHIPPED, SIZE, testMistakes, type Mistake } from './mistake.ts'

const BANDS = 'tables/price-bands.csv'
const LIMITS = 'tables/instrument-limits.csv'
const HOURS = 'tables/hours.csv'
const ADDRESSES = 'tables/destinations.csv'

function table(
  file: string,
  name: string,
  from: string,
  to: string,
  says: readonly string[],
  more: Partial<Mistake> = {},
): Mistake {
  return { name, file, edits: [[from, to]], says, ...more }
}

describe('files and YAML', () => {
  testMistakes([
    {
      name: 'a `.yml` file',
      file: 'rules/more.yml',
      text: '▸rules: []\n',
      says: ['this file would not be read', 'rename it to `rules/more.yaml`'],
    },
    {
      name: 'a file that is no part of a constitution',
      file: 'rules/old/size.yaml',
      text: '▸rules: []\n',
      says: ['this file would not be read', 'move it out of the constitution'],
    },
    { name: 'duplicate keys', file: SIZE, edits: [[CAP, `${CAP}\n    ▸${CAP}`]], says: ['unique'] },
    {
      name: 'a key twice in one line',
      file: SIZE,
      edits: [['instrument.class: [equity] }', 'instrument.class: [equity], ▸instrument.class: [bond] }']],
      says: ['unique'],
    },
    {
      name: 'an anchor',
      file: SIZE,
      edits: [[CAP, 'forbid: &cap ▸order.value > 2% * account.equity']],
      says: ['anchors and aliases are not read here', 'write it out'],
    },
    {
      name: 'an alias',
      file: 'rules/losses.yaml',
      edits: [
        ['raise: { state: reducing, scope: account }', 'raise: &anchor ▸{ state: reducing, scope: account }'],
        ['raise: { state: halted, scope: account }', 'raise: *anchor'],
      ],
      says: ['anchors and aliases are not read here'],
    },
    {
      name: 'a tag',
      file: SIZE,
      edits: [[CAP, 'forbid: ▸!own agent.permitted']],
      says: ['YAML reads `!own` as a tag'],
    },
    {
      name: 'a tag of YAML’s own',
      file: SIZE,
      edits: [[CAP, 'forbid: !!str ▸agent.permitted']],
      says: ['the tag `!!str` is not read here; leave it out'],
    },
    {
      name: 'a `!` that YAML takes for a tag',
      file: SIZE,
      edits: [[CAP, 'forbid: ▸!agent.permitted']],
      says: ['YAML reads `!agent.permitted` as a tag', 'write `not` in a condition'],
    },
    {
      name: 'a tab',
      file: SIZE,
      edits: [[`    ${CAP}`, `▸\t${CAP}`]],
      says: ['Tabs are not allowed as indentation; use blanks'],
    },
    {
      name: 'a key that is a number',
      file: 'facts.yaml',
      edits: [['  order: [order, replace]', '  ▸7: [order, replace]']],
      says: ['keys are text here'],
    },
    {
      name: 'a title that is a number',
      file: SIZE,
      edits: [['title: A quantity is a positive whole number of lots', 'title: ▸5']],
      says: ['`title` is a text'],
    },
    {
      name: 'a rule without a title',
      file: SIZE,
      edits: [['- id: off-lot\n title: A quantity is a positive whole number of lots', '- ▸id: off-lot']],
      says: ['a rule needs `title`'],
    },
    {
      name: 'rules that are no list',
      file: 'rules/more.yaml',
      text: 'rules: ▸{ id: a }\n',
      says: ['`rules` is a list'],
    },
    { name: 'an empty file', file: 'rules/more.yaml', text: '▸', says: ['rules/more.yaml is a map'] },
    {
      name: 'a version that is none',
      file: 'constitution.yaml',
      edits: [["version: '1.6.0'", "version: ▸'1.0'"]],
      says: ['`1.0` is no semantic version such as 1.0.0'],
    },
    {
      name: 'a time that is none',
      file: 'constitution.yaml',
      edits: [["'2026-01-01T00:00:00Z'", "▸'2026-13-01T00:00:00Z'"]],
      says: ['`2026-13-01T00:00:00Z` is no time'],
    },
    ...['2026-01-01T00:00:00', '2026-02-31T00:00:00Z'].map((time) => ({
      name: `a time that is another elsewhere, or none: ${time}`,
      file: 'constitution.yaml',
      edits: [["'2026-01-01T00:00:00Z'", `▸'${time}'`]] as const,
      says: [`\`${time}\` is no time`, 'write `Z` or an offset such as +01:00, and a day that there is'],
    })),
    {
      name: 'a currency that is none',
      file: 'constitution.yaml',
      edits: [['currency: USD', 'currency: ▸dollars']],
      says: ['`dollars` is no currency such as USD'],
    },
  ])
})

describe('tables', () => {
  testMistakes([
    table(BANDS, 'a percent sign in a cell', 'equity,regular,3', 'equity,regular,▸3%', [
      'write `3`, the column’s unit is % already',
    ]),
    table(LIMITS, 'a percent sign in a column of something else', 'ESM0,*,2000,1', 'ESM0,*,▸2000%,1', [
      '`2000%` under a column that is not [%]',
    ]),
    table(LIMITS, 'thousands commas', '*,equity,1000000,1', '*,equity,▸"1,000,000",1', [
      'write `1000000`, without thousands separators',
    ]),
    table(LIMITS, 'thousands commas without quotes', '*,equity,1000000,1', '*,equity,▸1,000,000,1', [
      '7 cells where the header has 5',
      'the comma in `1,000,000` ends a cell; write `1000000`, without thousands separators',
    ]),
    table(LIMITS, 'a thousands comma in the last cell', 'ESM0,*,2000,1,20000', 'ESM0,*,2000,x,▸1,500', [
      '6 cells where the header has 5',
      '`1,500` ends a cell; write `1500`',
    ]),
    table(BANDS, 'a comma for a point', 'equity,*,1.5', 'equity,*,▸1,5', [
      'the comma in `1,5` ends a cell; write `1.5`, with a point',
    ]),
    table(BANDS, 'a cell too few', 'equity,*,1.5', '▸equity,1.5', [
      '2 cells where the header has 3',
      '`band [%]` is missing',
    ]),
    table(BANDS, 'a cell too many', 'equity,*,1.5', '▸equity,*,1.5,x', ['4 cells where the header has 3']),
    table(LIMITS, 'no number', '*,equity,1000000,1', '*,equity,▸1e6,1', ['`1e6` is no number']),
    table(LIMITS, 'more digits than a number holds', '*,equity,1000000,1', '*,equity,▸1000000.0123456789,1', [
      'is no number',
    ]),
    table(BANDS, 'a blank value', 'equity,regular,3', 'equity,regular,▸', [
      'the cell under `band [%]` is blank',
    ]),
    table(BANDS, 'a blank key', 'equity,regular,3', 'equity,▸,3', [
      'the cell under `market.session` is blank',
      'write `*`',
    ]),
    table(BANDS, 'a blank line', 'equity,regular,3\n', 'equity,regular,3\n▸\n', ['the line is blank']),
    table(BANDS, 'the same keys twice', 'equity,regular,3\n', 'equity,regular,3\n▸equity,regular,4\n', [
      'the same keys stand on line 2',
    ]),
    table(BANDS, 'an unknown class', 'fx,*,1', '▸forex,*,1', [
      '`forex` is none of [equity, crypto, future, option, fx, bond]',
    ]),
    table(BANDS, 'an unknown session', 'equity,regular,3', 'equity,▸regulr,3', [
      '`regulr` is none of',
      'did you mean `regular`?',
    ]),
    table(
      BANDS,
      'a class that no row covers',
      'instrument.class,market.session,band [%]\nequity,regular,3\nequity,*,1.5\nfuture,*,3\noption,*,3\nbond,*,2\nfx,*,1\n',
      '▸instrument.class,market.session,band [%]\nequity,regular,3\nequity,*,1.5\nfuture,*,3\noption,*,3\nbond,*,2\n',
      ['no row covers `fx` of instrument.class', 'and denies'],
      { severity: 'warning' },
    ),
    table(
      BANDS,
      'a class that has rows, and none for some of its sessions',
      'instrument.class,market.session,band [%]\nequity,regular,3\nequity,*,1.5\n',
      '▸instrument.class,market.session,band [%]\nequity,regular,3\n',
      [
        'no row covers `equity` with `pre`, `equity` with `post`, `equity` with `closed` of instrument.class, market.session',
        'and denies',
      ],
      { severity: 'warning' },
    ),
    table(
      HOURS,
      'a class that no session covers, which is not said again of the table that asks for its session',
      'instrument.class,session,timezone,days,from,to\n',
      '▸instrument.class,session,timezone,days,from,to\n',
      ['no row covers `crypto` of instrument.class'],
      {
        before: {
          [HOURS]: [['crypto,regular,UTC,Mon-Sun,00:00,24:00\n', '']],
          [BANDS]: [['crypto,*,5\n', '']],
        },
        severity: 'warning',
      },
    ),
    table(BANDS, 'an unknown column of keys', 'instrument.class,', '▸instrument.clas,', [
      'unknown fact `instrument.clas`',
      'did you mean `instrument.class`?',
    ]),
    table(
      BANDS,
      'a key that is a number',
      'instrument.class,market.session',
      'instrument.class,▸order.quantity',
      ['`order.quantity` is quantity; a key is a text or an enumeration'],
      { issues: 1 },
    ),
    table(BANDS, 'an unknown unit of a column', 'band [%]', '▸band [pct]', ['unknown unit `pct`']),
    table(BANDS, 'a column without a unit', 'band [%]', '▸band', [
      '`band` is no fact, so it is no key',
      'a value column says its unit, as in `band [%]`',
    ]),
    table(BANDS, 'a header that is no column', 'band [%]', '▸band [%', ['`band [%` is no column']),
    table(
      LIMITS,
      'a key behind a value',
      'instrument.class,maxQuantity [quantity]',
      'maxQuantity [quantity],▸instrument.class',
      ['the key column `instrument.class` stands behind a value column'],
    ),
    table(
      LIMITS,
      'two keys behind a value',
      'instrument.id,instrument.class,maxQuantity [quantity]',
      'maxQuantity [quantity],▸instrument.id,instrument.class',
      ['the key column `instrument.id` stands behind a value column'],
    ),
    table(LIMITS, 'a wildcard that is none', '*,bond,10000,1', '▸**,bond,10000,1', ['`**`', 'write `*`']),
    table(
      BANDS,
      'a ratio of more than all',
      'band [%]\nequity,regular,3\nequity,*,1.5\n',
      'band [ratio]\nequity,regular,▸3\nequity,*,1.5\n',
      ['`band` is a ratio, so this is 300 %; write the column as `band [%]`, with `3` for 3 %'],
      { severity: 'warning' },
    ),
    table(LIMITS, 'a name with a blank in it', 'ESM0,*', '▸ES M0,*', [
      '`ES\\u{20}M0` (with signs beyond ASCII, or blanks) can be no `instrument.id`, so it would match nothing',
    ]),
    table(LIMITS, 'a name with a sign that cannot be seen', 'ESM0,*', '▸\u200bESM0,*', ['`\\u{200b}ESM0`']),
    table(LIMITS, 'a name with a letter of another alphabet', 'ESM0,*', '▸ЕSM0,*', ['`\\u{415}SM0`']),
    table(LIMITS, 'two names in one cell', 'ESM0,*', '▸ESM0;NQM0,*', [
      '`ESM0;NQM0` can be no `instrument.id`',
    ]),
    table(LIMITS, 'a line that ends within a cell', 'ESM0,*', '▸"ESM0\nNQM0",*', [
      'the cell under `instrument.id` holds "ESM0\\nNQM0", with a sign that cannot be seen',
    ]),
    table(
      LIMITS,
      'a column that stands there twice',
      'maxPosition [quantity]\nESM0,*,2000,1,20000\n*,equity,1000000,1,5000000\n*,future,500,1,5000\n',
      'maxPosition [quantity],▸maxQuantity [quantity]\nESM0,*,2000,1,20000,1\n*,equity,1000000,1,5000000,1\n*,future,500,1,5000,1\n',
      ['the column `maxQuantity` stands here twice'],
    ),
    table(
      HOURS,
      'a key behind the sessions',
      'instrument.class,session,timezone,days,from,to\n',
      'instrument.class,session,timezone,days,from,to,▸instrument.id\n',
      ['`instrument.id` behind `session` would not be read; keys come before it'],
    ),
    table(ADDRESSES, 'no date', '2024-01-15', '▸2024-02-30', ['`2024-02-30` is no date such as 2026-01-31']),
    table(HOURS, 'an unknown time zone', '', '', ['`timezone`: `Mars` is no time zone'], {
      edits: [['crypto,regular,UTC', 'crypto,regular,▸Mars']],
    }),
    ...['EST', 'MST', 'Etc/GMT+5', 'etc/gmt+5'].map((zone) =>
      table(
        HOURS,
        `a zone whose clocks are never put forward, ${zone}`,
        '',
        '',
        [`the clocks of \`${zone}\` are never put forward; write the place whose clocks are meant`],
        { edits: [['equity,pre,America/New_York', `equity,pre,▸${zone}`]] },
      ),
    ),
    table(HOURS, 'unknown days', '', '', ['`days`: `Mon-Frei` is no range of days such as Mon-Fri'], {
      edits: [['equity,pre,America/New_York,Mon-Fri', 'equity,pre,America/New_York,▸Mon-Frei']],
    }),
    table(HOURS, 'a range of three days', '', '', ['`days`: `Mon-Wed-Fri` is no range of days'], {
      edits: [['equity,pre,America/New_York,Mon-Fri', 'equity,pre,America/New_York,▸Mon-Wed-Fri']],
    }),
    table(HOURS, 'no time of day', '', '', ['`to`: `9:30` is no time of day such as 16:00'], {
      edits: [
        [
          'equity,pre,America/New_York,Mon-Fri,04:00,09:30',
          'equity,pre,America/New_York,Mon-Fri,04:00,▸9:30',
        ],
      ],
    }),
    table(
      HOURS,
      'a session nobody lists',
      '',
      '',
      ['`pree` is no session of `market.session`', 'did you mean `pre`?'],
      { edits: [['equity,pre,', 'equity,▸pree,']] },
    ),
    table(
      HOURS,
      'a holiday on a date that there is not',
      '',
      '',
      ['`days`: `2026-02-30` is no date such as 2026-12-25'],
      {
        edits: [['crypto,regular', 'equity,closed,America/New_York,▸2026-02-30,00:00,24:00\ncrypto,regular']],
      },
    ),
    table(HOURS, 'a session on a date', '', '', ['a date stands with the session `closed`'], {
      edits: [['crypto,regular', 'equity,regular,America/New_York,▸2026-12-25,09:30,13:00\ncrypto,regular']],
    }),
    table(HOURS, 'a class that is closed on a weekday', '', '', ['`closed` ends what is open on one date'], {
      edits: [['crypto,regular', 'equity,closed,America/New_York,▸Fri,13:00,16:00\ncrypto,regular']],
    }),
    table(
      HOURS,
      'a holiday of keys that no session has',
      '',
      '',
      ['no session has the keys `*`, so nothing is closed'],
      {
        edits: [['crypto,regular', '▸*,closed,America/New_York,2026-12-25,00:00,24:00\ncrypto,regular']],
      },
    ),
    {
      name: 'a table that no fact reads',
      file: 'tables/band.csv',
      text: '▸instrument.class,band [%]\n*,3\n',
      says: ['no fact reads this table'],
    },
    {
      name: 'a table that is not there',
      file: 'facts.yaml',
      edits: [
        [
          '  limit.band: { type: ratio, table: price-bands',
          '  ▸limit.band: { type: ratio, table: price-band',
        ],
      ],
      says: ['there is no `tables/price-band.csv`', 'did you mean `price-bands`?'],
    },
    {
      name: 'a column that is not there',
      file: 'facts.yaml',
      edits: [
        [
          '  limit.band: { type: ratio, table: price-bands, column: band',
          '  ▸limit.band: { type: ratio, table: price-bands, column: bnd',
        ],
      ],
      says: ['no column `bnd`', 'did you mean `band`?'],
    },
    {
      name: 'a column not named where there are two',
      file: 'facts.yaml',
      edits: [
        [
          '  limit.quantity: { type: quantity, table: instrument-limits, column: maxQuantity',
          '  ▸limit.quantity: { type: quantity, table: instrument-limits',
        ],
      ],
      says: ['say which `column` of maxQuantity, advShare, maxPosition it is'],
    },
    {
      name: 'a column with the wrong unit',
      file: 'facts.yaml',
      edits: [['  limit.quantity:', '  ▸limit.quantity:']],
      before: { [LIMITS]: [['maxQuantity [quantity]', 'maxQuantity [money]']] },
      says: ['`limit.quantity` is quantity and the column `maxQuantity` holds money'],
    },
  ])
})

describe('what no rule asks a table for is not missed there', () => {
  test.each<[string, Readonly<Record<string, readonly [string, string]>>]>([
    ['sessions that a class does not have', { [BANDS]: ['crypto,*,5', 'crypto,regular,5\ncrypto,closed,5'] }],
    [
      'classes that the rule does not apply to',
      {
        [LIMITS]: ['*,bond,10000,1,100000\n', ''],
        [SIZE]: [
          'applies: { actions: [order, replace] }\n    forbid: order.quantity > min',
          'applies: { actions: [order, replace], instrument.class: [equity, future, option, crypto, fx] }\n    forbid: order.quantity > min',
        ],
      },
    ],
    [
      'classes that its condition keeps away',
      {
        [LIMITS]: ['*,bond,10000,1,100000\n', ''],
        [SIZE]: [
          'forbid: order.quantity > min',
          "forbid: instrument.class != 'bond' and order.quantity > min",
        ],
      },
    ],
  ])('%s', (_, edits) => {
    const files = new Map(SHIPPED)
    for (const [file, [from, to]] of Object.entries(edits)) {
      const text = files.get(file) ?? ''
      expect(text).toContain(from)
      files.set(file, text.replace(from, to))
    }
    expect(load(files)).toEqual({ loads: true, issues: [] })
  })
})
