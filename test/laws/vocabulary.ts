/** The facts that random constitutions speak of. */

/** The units that random facts and expressions have. */
export const UNITS = ['ratio', 'count', 'duration', 'quantity', 'price', 'money', 'local', 'fx'] as const
export type Unit = (typeof UNITS)[number]

export const BOOLEANS = ['action.reducing', 'flag.a', 'flag.b'] as const
export const ENUMS: Readonly<Record<string, readonly string[]>> = {
  'side.one': ['buy', 'sell'],
  'class.one': ['equity', 'crypto', 'future'],
}
export const TEXTS = ['text.one', 'text.two'] as const
/** What text facts and table keys hold; some are values of enumerations too, and one looks like the wildcard. */
export const TEXT_VALUES = ['a', 'b', 'c', 'buy', 'equity', '*'] as const
/** Number facts that are read; two for each unit. */
export const NUMBERS: Readonly<Record<Unit, readonly string[]>> = {
  ratio: ['ratio.a', 'ratio.b'],
  count: ['count.a', 'count.b'],
  duration: ['duration.a', 'duration.b'],
  quantity: ['quantity.a', 'quantity.b'],
  price: ['price.a', 'price.b'],
  money: ['money.a', 'money.b'],
  local: ['local.a', 'local.b'],
  fx: ['fx.a', 'fx.b'],
}
/** Windows; the first is a count, which is never compared with a bare `>`. */
export const WINDOWS: Readonly<Record<string, object>> = {
  'window.orders': { type: 'count', count: 'orders', by: ['text.one'], window: '1min' },
  'window.volume': { type: 'quantity', sum: 'bar.volume', by: ['text.one'], window: '5min' },
  'window.move': { type: 'ratio', move: 'market.reference', by: ['text.one'], window: '5min' },
}

/** The names that an expression may use, by what they are. */
export interface Names {
  readonly booleans: readonly string[]
  /** Each with the values it may be compared with. */
  readonly texts: readonly (readonly [name: string, values: readonly string[]])[]
  readonly numbers: Readonly<Record<Unit, readonly string[]>>
}

/** Names of what is read from outside. */
export const MEASURED: Names = {
  booleans: BOOLEANS,
  texts: [...Object.entries(ENUMS), ...TEXTS.map((name): [string, readonly string[]] => [name, TEXT_VALUES])],
  numbers: {
    ...NUMBERS,
    ratio: [...NUMBERS.ratio, 'window.move'],
    quantity: [...NUMBERS.quantity, 'window.volume'],
  },
}

/** The facts derived in two steps: the first from what is read, the second from those too, and from tables. */
export const DERIVED_FIRST = ['ratio', 'money', 'quantity', 'count', 'boolean'] as const
export const DERIVED_SECOND = ['ratio', 'price', 'duration', 'boolean'] as const

/** Facts read from tables, with their definitions. */
export const TABLE_FACTS: Readonly<Record<string, object>> = {
  'limit.share': { type: 'ratio', table: 'limits', column: 'share' },
  'limit.worth': { type: 'money', table: 'limits', column: 'worth' },
  'limit.label': { type: 'text', table: 'limits', column: 'label' },
  // A column of texts read as an enumeration, whose list lacks one of them.
  'limit.kind': { type: ['a', 'b'], table: 'limits', column: 'label' },
  'limit.flag': { type: 'boolean', table: 'limits', column: 'flag' },
  'limit.age': { type: 'duration', table: 'limits', column: 'since' },
  'limit.chained': { type: 'quantity', table: 'chained' },
  'listed.row': { type: 'boolean', table: 'listed' },
  'listed.chained': { type: 'boolean', table: 'chained' },
  'listed.flag': { type: 'boolean', table: 'flags' },
  'market.session': { type: ['pre', 'regular', 'closed'], table: 'hours', source: 'clock' },
}

/** Names of the second step: what is read, what the first step derives, and what tables hold. */
export const WITH_TABLES: Names = {
  booleans: [
    ...MEASURED.booleans,
    'first.boolean',
    'limit.flag',
    'listed.row',
    'listed.chained',
    'listed.flag',
  ],
  texts: [
    ...MEASURED.texts,
    ['limit.label', TEXT_VALUES],
    ['limit.kind', ['a', 'b']],
    ['first.text', TEXT_VALUES],
    ['first.side', ['buy', 'sell']],
    ['market.session', ['pre', 'regular', 'closed']],
  ],
  numbers: {
    ...MEASURED.numbers,
    ratio: [...MEASURED.numbers.ratio, 'limit.share', 'first.ratio'],
    money: [...MEASURED.numbers.money, 'limit.worth', 'first.money'],
    quantity: [...MEASURED.numbers.quantity, 'limit.chained', 'first.quantity'],
    duration: [...MEASURED.numbers.duration, 'limit.age'],
    count: [...MEASURED.numbers.count, 'first.count'],
  },
}

/** Names that rules may use. */
export const EVERYTHING: Names = {
  booleans: [...WITH_TABLES.booleans, 'second.boolean'],
  texts: WITH_TABLES.texts,
  numbers: {
    ...WITH_TABLES.numbers,
    ratio: [...WITH_TABLES.numbers.ratio, 'second.ratio'],
    price: [...WITH_TABLES.numbers.price, 'second.price'],
    duration: [...WITH_TABLES.numbers.duration, 'second.duration'],
  },
}
