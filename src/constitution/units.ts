/** Types that carry units, so that dollars can't be compared with shares nor an age with a bare number. */

/** Integer exponents of the five bases; a ratio has none. `price` is local¹ quantity⁻¹. */
export interface Dimension {
  readonly quantity: number
  readonly money: number
  readonly local: number
  readonly duration: number
  readonly count: number
}

const BASES = ['quantity', 'money', 'local', 'duration', 'count'] as const

export const RATIO: Dimension = { quantity: 0, money: 0, local: 0, duration: 0, count: 0 }
const NAMED: Readonly<Record<string, Dimension>> = {
  ratio: RATIO,
  count: { ...RATIO, count: 1 },
  duration: { ...RATIO, duration: 1 },
  quantity: { ...RATIO, quantity: 1 },
  money: { ...RATIO, money: 1 },
  local: { ...RATIO, local: 1 },
  price: { ...RATIO, local: 1, quantity: -1 },
  fx: { ...RATIO, money: 1, local: -1 },
}

/** The words that name a number's unit in a facts file. */
export const UNIT_WORDS: readonly string[] = Object.keys(NAMED)

/** The type of a fact. */
export type FactType =
  | { readonly kind: 'boolean' }
  | { readonly kind: 'text' }
  | { readonly kind: 'enum'; readonly values: readonly string[] }
  | { readonly kind: 'number'; readonly dimension: Dimension }

export function sameDimension(a: Dimension, b: Dimension): boolean {
  return BASES.every((base) => a[base] === b[base])
}

/** The dimension of `a · b` (`sign` 1) or `a / b` (`sign` −1). */
export function combine(a: Dimension, b: Dimension, sign: 1 | -1): Dimension {
  return {
    quantity: a.quantity + sign * b.quantity,
    money: a.money + sign * b.money,
    local: a.local + sign * b.local,
    duration: a.duration + sign * b.duration,
    count: a.count + sign * b.count,
  }
}

/** Reads a unit such as `money`, `price` or `money/quantity`; `undefined` when a word in it is no unit. */
export function parseDimension(text: string): Dimension | undefined {
  const [first = '', ...rest] = text.split('/').map((word) => word.trim())
  let result = named(first)
  for (const word of rest) {
    const below = named(word)
    if (result === undefined || below === undefined) return undefined
    result = combine(result, below, -1)
  }
  return result
}

function named(word: string): Dimension | undefined {
  return Object.hasOwn(NAMED, word) ? NAMED[word] : undefined
}

/** The unit in the language's own words: `money`, `price`, `quantity·price`, `money/quantity`. */
export function dimensionName(dimension: Dimension): string {
  for (const [name, known] of Object.entries(NAMED)) if (sameDimension(known, dimension)) return name
  const power = (base: string, exponent: number): string => (exponent === 1 ? base : `${base}^${exponent}`)
  const above = BASES.filter((base) => dimension[base] > 0).map((base) => power(base, dimension[base]))
  const below = BASES.filter((base) => dimension[base] < 0).map((base) => power(base, -dimension[base]))
  return [above.join('·') || '1', ...below].join('/')
}

/** The unit as printed beside a number in a finding: the currency for money, `ms` for durations. */
export function displayUnit(dimension: Dimension, currency: string): string {
  const name = dimensionName(dimension)
  if (name === 'money') return currency
  if (name === 'duration') return 'ms'
  return name.replace('money', currency)
}

export function typeName(type: FactType): string {
  switch (type.kind) {
    case 'enum':
      return `[${type.values.join(', ')}]`
    case 'number':
      return dimensionName(type.dimension)
    default:
      return type.kind
  }
}
