/** Random conditions and calculations, well typed by construction. */
import * as fc from 'fast-check'
import { UNITS, type Names, type Unit } from './vocabulary.ts'

export type Grammar = Readonly<Record<Unit | 'boolean', fc.Arbitrary<string>>>

/** Ratios that meet the readings' decimals exactly, as `0.1 + 0.2` meets `0.3` and 3 % of 200 meets 206 − 200. */
const RATIOS = ['0.1', '0.2', '0.3', '3%', '0.1%', '10%', '2', '3', '0.03', '1e-7', '206.00']
const LITERALS: Readonly<Record<Unit, readonly string[]>> = {
  ratio: RATIOS,
  count: ['1', '2', '3', '10'],
  duration: ['500ms', '2s', '5min', '1d', '0.1s'],
  money: ['0.3 USD', '6 USD', '200 USD', '41200 USD', '1000000.01 USD', '0'],
  quantity: ['0'],
  price: ['0'],
  local: ['0'],
  fx: ['0'],
}
/** How a unit comes out of others. */
const PRODUCTS: Readonly<Partial<Record<Unit, readonly (readonly [Unit, '*' | '/', Unit])[]>>> = {
  money: [['local', '*', 'fx']],
  local: [
    ['quantity', '*', 'price'],
    ['money', '/', 'fx'],
  ],
  price: [['local', '/', 'quantity']],
  quantity: [['local', '/', 'price']],
  fx: [['money', '/', 'local']],
}

/** Expressions over `names`: a text for each unit, and conditions under `boolean`. */
export function grammarOver(names: Names): Grammar {
  return fc.letrec<Record<Unit | 'boolean', string>>((tie) => {
    const numbers = Object.fromEntries(UNITS.map((unit) => [unit, numberOf(unit, names, tie)]))
    return { ...(numbers as Record<Unit, fc.Arbitrary<string>>), boolean: conditionOver(names, tie) }
  })
}

type Tie = (key: Unit | 'boolean') => fc.Arbitrary<string>

function numberOf(unit: Unit, names: Names, tie: Tie): fc.Arbitrary<string> {
  const fact = fc.constantFrom(...names.numbers[unit])
  const self = tie(unit)
  const leaf = fc.oneof(
    { weight: 5, arbitrary: fact },
    { weight: 2, arbitrary: fc.constantFrom(...LITERALS[unit]) },
  )
  const products = PRODUCTS[unit] ?? []
  return fc.oneof(
    { maxDepth: 3, depthSize: 'small', withCrossShrink: true },
    { weight: 8, arbitrary: leaf },
    {
      weight: 3,
      arbitrary: fc.tuple(self, fc.constantFrom('+', '-'), self).map(([a, sign, b]) => `(${a} ${sign} ${b})`),
    },
    { weight: 2, arbitrary: fc.tuple(fc.constantFrom(...RATIOS), fact).map(([a, b]) => `${a} * ${b}`) },
    {
      weight: 1,
      arbitrary: fc.tuple(fact, fc.constantFrom(...names.numbers.ratio)).map(([a, b]) => `${a} / ${b}`),
    },
    // A divisor may be exactly zero where doubles leave a crumb, as in 0.1 + 0.2 - 0.3.
    { weight: 1, arbitrary: fc.tuple(fact, tie('ratio')).map(([a, b]) => `${a} / (${b})`) },
    { weight: 1, arbitrary: fc.tuple(fact, self).map(([a, b]) => (unit === 'ratio' ? `${a} * ${b}` : a)) },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom('min', 'max'), fc.array(self, { minLength: 2, maxLength: 3 }))
        .map(([name, of]) => `${name}(${of.join(', ')})`),
    },
    { weight: 1, arbitrary: self.map((of) => `abs(${of})`) },
    { weight: 1, arbitrary: fact.map((of) => `-${of}`) },
    {
      weight: 2,
      arbitrary: fc.tuple(tie('boolean'), self, self).map(([c, a, b]) => `if(${c}, ${a}, ${apart(a, b)})`),
    },
    ...products.map(([left, sign, right]) => ({
      weight: 1,
      arbitrary: fc
        .tuple(tie(left), fc.constantFrom(...names.numbers[right]))
        .map(([a, b]) => `(${a} ${sign} ${b})`),
    })),
    ...(unit === 'ratio' ? [{ weight: 2, arbitrary: quotient(names) }] : []),
  )
}

/** `b`, or twice of it where it is `a`: what stands beside itself does not load. */
const apart = (a: string, b: string): string => (a === b ? `(${b} + ${b})` : b)

/** Of two facts of one unit: literals may have no unit of their own. */
function quotient(names: Names): fc.Arbitrary<string> {
  return fc.constantFrom(...UNITS).chain((unit) => {
    const fact = fc.constantFrom(...names.numbers[unit])
    return fc.tuple(fact, fact).map(([a, b]) => `${a} / ${b}`)
  })
}

function conditionOver(names: Names, tie: Tie): fc.Arbitrary<string> {
  const self = tie('boolean')
  return fc.oneof(
    { maxDepth: 3, depthSize: 'small', withCrossShrink: true },
    { weight: 3, arbitrary: fc.constantFrom(...names.booleans) },
    { weight: 7, arbitrary: comparison(tie) },
    { weight: 3, arbitrary: onText(names) },
    { weight: 1, arbitrary: fc.constantFrom('true', 'false', 'window.orders >= 3', 'window.orders + 1 > 3') },
    { weight: 2, arbitrary: self.map((of) => `not (${of})`) },
    { weight: 1, arbitrary: fc.constantFrom(...names.booleans).map((of) => `not ${of}`) },
    {
      weight: 5,
      arbitrary: fc
        .tuple(fc.constantFrom(' and ', ' or '), fc.array(self, { minLength: 2, maxLength: 3 }))
        .map(([word, of]) => `(${of.join(word)})`),
    },
  )
}

function comparison(tie: Tie): fc.Arbitrary<string> {
  const sides = fc.constantFrom(...UNITS).chain((unit) => fc.tuple(tie(unit), tie(unit)))
  return fc.oneof(
    {
      weight: 8,
      arbitrary: fc
        .tuple(sides, fc.constantFrom('>', '>=', '<', '<='))
        .map(([[a, b], operator]) => `(${a} ${operator} ${apart(a, b)})`),
    },
    { weight: 1, arbitrary: sides.map(([a, b]) => `multiple(${a}, ${b})`) },
    // The forms that limits have in practice, whose decimals meet exactly where doubles don't.
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        'abs(price.a - price.b) > 3% * price.b',
        'ratio.a + ratio.b > 0.3',
        'ratio.a + ratio.b >= 0.3',
        'money.a / (ratio.a + ratio.b - 0.3) > 6 USD',
        'quantity.a * price.a * fx.a > money.a',
        'multiple(quantity.a, quantity.b)',
        'money.a - money.b > ratio.a * money.a',
      ),
    },
  )
}

function onText(names: Names): fc.Arbitrary<string> {
  return fc.constantFrom(...names.texts).chain(([name, values]) => {
    const value = fc.constantFrom(...values).map((text) => `'${text}'`)
    const others = names.texts.filter(([other]) => other !== name)
    return fc.oneof(
      fc.tuple(fc.constantFrom('==', '!='), value).map(([sign, text]) => `${name} ${sign} ${text}`),
      fc.tuple(fc.constantFrom('==', '!='), value).map(([sign, text]) => `${text} ${sign} ${name}`),
      fc
        .tuple(fc.constantFrom('==', '!='), fc.constantFrom(...others))
        .map(([sign, [other]]) => `${name} ${sign} ${other}`),
      fc.array(value, { minLength: 1, maxLength: 3 }).map((list) => `${name} in [${list.join(', ')}]`),
    )
  })
}
