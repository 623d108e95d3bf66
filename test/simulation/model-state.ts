/** What the naive model remembers: everything that was allowed and reported, as plain lists, and no sum of anything. */
import type { Action, HaltScope } from '../../src/protocol/action.ts'
import type { Execution } from '../../src/protocol/execution.ts'

/** One size and price that an order may come to: its own, or that of a replacement. */
export interface Size {
  readonly id: string
  readonly lots: bigint
  readonly price: number | undefined
  /** In micro-units; nothing of an exit. */
  readonly worth: bigint
  /** What an exit costs where it opens a position; nothing of what is none. */
  readonly exit: bigint
  /** What it counts in its basket, exits too. */
  readonly value: bigint
  /** Never sent, refused, or overtaken by a later one. */
  gone: boolean
}

export interface Entry {
  /** Of the decision that allowed it. */
  readonly id: string
  readonly agent: string
  readonly account: string
  readonly instrument: string
  readonly side: 'buy' | 'sell'
  readonly market: boolean
  readonly isTransfer: boolean
  readonly parent: string | undefined
  readonly basket: string | undefined
  readonly strategy: string
  readonly at: number
  readonly sizes: Size[]
  /** The one in force, by its place in `sizes`. */
  current: number
  filled: bigint
  /** What that counts in its basket, each lot at the dearest that it may have filled as. */
  filledValue: bigint
  over: 'no' | 'lapsed' | 'ended'
  reports: Execution[]
  /** The venue's ids of all that was counted. */
  readonly told: Set<string>
}

export interface Pass {
  readonly agent: string
  readonly action: Action
  readonly reducing: boolean
  readonly expires: number
  readonly strategy: string
  /** How often another constitution had come into force by then. */
  readonly changes: number
  /** Redeemed, over, or void. */
  spent: boolean
}

export interface Stop {
  readonly id: string
  readonly scope: HaltScope
  readonly state: 'reducing' | 'halted'
  resumes: string[]
}

/** A fill, as it was reported. */
export interface Counted {
  readonly account: string
  readonly instrument: string
  /** Signed. */
  readonly lots: bigint
  readonly at: number
  /** In micro-units, at worst. */
  readonly worth: bigint
  /** The account was reported since, with this in it. */
  settled: boolean
}

/** Cash that was allowed to leave. */
export interface Away {
  /** Of the decision that allowed it. */
  readonly id: string
  readonly account: string
  /** In micro-units. */
  readonly worth: bigint
  /** When it was sent. */
  at: number | undefined
  /** Never sent, or the account was reported since. */
  settled: boolean
}

export interface Holdings {
  readonly at: number
  readonly lots: ReadonlyMap<string, bigint>
}

/** Sizes that the venue may still fill up to: the one in force, and those asked for after it. */
export const openSizes = (entry: Entry): Size[] =>
  entry.sizes.filter((size, place) => place === entry.current || (place > entry.current && !size.gone))

export const waiting = (entry: Entry): Size[] =>
  entry.sizes.filter((size, place) => place > entry.current && !size.gone)

/** What it was last asked to become, or what it is: the one that a replacement names, and takes over from. */
export const newestOf = (entry: Entry): Size | undefined =>
  waiting(entry).at(-1) ?? entry.sizes[entry.current]

export const isOpen = (entry: Entry): boolean => entry.over === 'no'

/** What is left of the largest of these sizes. */
const leftOf = ({ filled }: Entry, sizes: readonly Size[]): bigint =>
  sizes.map(({ lots }) => lots - filled).reduce((greatest, left) => (left > greatest ? left : greatest), 0n)

/** Lots that may still fill. */
export const openLots = (entry: Entry): bigint => (isOpen(entry) ? leftOf(entry, openSizes(entry)) : 0n)

/** Lots that may still fill as an exit. */
export const exitLots = (entry: Entry): bigint =>
  isOpen(entry)
    ? leftOf(
        entry,
        openSizes(entry).filter(({ exit }) => exit > 0n),
      )
    : 0n

/** What may still fill, each lot at the dearest size that comes to it: what it reserves, as an exit would cost, or counts in a basket. */
export function openWorth(entry: Entry, of: 'worth' | 'exit' | 'value' = 'worth'): bigint {
  if (!isOpen(entry)) return 0n
  let sum = 0n
  for (let lot = entry.filled; lot < entry.filled + openLots(entry); lot += 1n) {
    const worths = openSizes(entry).map((size) => (size.lots > lot ? ceil(size[of], size.lots) : 0n))
    sum += worths.reduce((greatest, worth) => (worth > greatest ? worth : greatest), 0n)
  }
  return sum
}

/** What it comes to in its basket: all that filled, and all that may still fill. */
export function basketWorth(entry: Entry): bigint {
  return entry.filledValue + openWorth(entry, 'value')
}

export const ceil = (numerator: bigint, denominator: bigint): bigint =>
  (numerator + denominator - 1n) / denominator
