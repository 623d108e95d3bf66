/** Lots and money in BigInt, worked out from decimals without the code under test. */
import { INSTRUMENTS, type Listed } from './constitution.ts'

const MILLI = 1000n

export function listed(name: string): Listed {
  const found = INSTRUMENTS.find((one) => one.name === name)
  if (found === undefined) throw new Error(`no instrument ${name}`)
  return found
}

/** The simulation has few decimals and asks for them all the time. */
const known = new Map<number, bigint | undefined>()

/** A decimal as thousandths; those of the simulation have three places at most, but for planted dirt. */
function milli(value: number): bigint | undefined {
  if (!known.has(value)) known.set(value, milliOf(value))
  return known.get(value)
}

function milliOf(value: number): bigint | undefined {
  const [whole = '', fraction = ''] = value.toFixed(9).split('.')
  if (!/^\d{3}0*$/.test(fraction)) return undefined
  const magnitude = BigInt(whole.replace('-', '')) * MILLI + BigInt(fraction.slice(0, 3))
  return value < 0 ? -magnitude : magnitude
}

/** How many lots `quantity` is; `undefined` when it is no whole number of them. */
export function lotsOf(instrument: string, quantity: number): bigint | undefined {
  const [of, lot] = [milli(quantity), milli(listed(instrument).lot)]
  return of === undefined || lot === undefined || of % lot !== 0n ? undefined : of / lot
}

/** The quantity that so many lots are. */
export function quantityOf(instrument: string, lots: bigint): number {
  const [whole, lot] = [lots, milli(listed(instrument).lot) ?? 0n]
  return Number(whole * lot) / 1000
}

/** Worth of so many lots at a price in thousandths, in micro-units. */
const worthAt = (instrument: string, lots: bigint, price: bigint): bigint =>
  lots * (milli(listed(instrument).lot) ?? 0n) * price

/** Worth at the reference. */
export const worthAtReference = (instrument: string, lots: bigint): bigint =>
  worthAt(instrument, lots, milli(listed(instrument).price) ?? 0n)

/** Worth at worst, as the constitution has it: by the limit or the reference, and a tenth above it without a limit. */
export function worthAtWorst(instrument: string, lots: bigint, limitPrice: number | undefined): bigint {
  const reference = milli(listed(instrument).price) ?? 0n
  const limit = limitPrice === undefined ? (reference * 11n) / 10n : (milli(limitPrice) ?? 0n)
  return worthAt(instrument, lots, limit > reference ? limit : reference)
}

export const most = (...values: readonly bigint[]): bigint =>
  values.reduce((greatest, value) => (value > greatest ? value : greatest), 0n)

export const magnitude = (value: bigint): bigint => (value < 0n ? -value : value)

export const sum = (values: Iterable<bigint>): bigint => {
  let total = 0n
  for (const value of values) total += value
  return total
}
