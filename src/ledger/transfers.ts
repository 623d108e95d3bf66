/** Cash that leaves an account: counted as open until its permit lapses, and once that is redeemed as spent until the account is reported. */
import { multiply, rational } from '../base/rational.ts'
import type { Constitution } from '../constitution/model.ts'
import { commit } from './exposure.ts'
import { amountOf } from './happening.ts'
import type { Ledger } from './ledger.ts'
import { measure } from './measure.ts'
import { addSpent } from './positions.ts'
import type { Subject } from './subject.ts'

/** Worth of what a transfer moves, in 10^-18, by the price that its fact had; `undefined` when there is none that is young enough. */
export function transferWorth(
  ledger: Ledger,
  subject: Subject,
  constitution: Constitution,
  at: number,
): bigint | undefined {
  if (subject.action.type !== 'transfer') return undefined
  const price = measure(ledger, subject, constitution, at)('transfer.price')
  const maxAge = constitution.facts.get('transfer.price')?.maxAge
  if (typeof price?.value !== 'number') return undefined
  if (maxAge !== undefined && price.at !== undefined && at - price.at > maxAge) return undefined
  return amountOf(multiply(rational(subject.action.amount), rational(price.value)))
}

const UNITS_PER_MICRO = 10n ** 12n

/** The same in micro-units, rounded up. */
export function transferCost(...of: Parameters<typeof transferWorth>): bigint | undefined {
  const worth = transferWorth(...of)
  return worth === undefined ? undefined : (worth + UNITS_PER_MICRO - 1n) / UNITS_PER_MICRO
}

/** Reserves what the decision `id` may send away, in micro-units of the constitution's currency; `undefined` where nobody can say. */
export function reserveCash(ledger: Ledger, id: string, account: string, micro: bigint | undefined): Ledger {
  return {
    ...ledger,
    transfers: ledger.transfers.set(id, { account, micro }),
    committed: commit(ledger.committed, account, 0n, micro),
  }
}

/** Frees what was never sent. */
export function freeCash(ledger: Ledger, id: string): Ledger {
  const transfer = ledger.transfers.get(id)
  if (transfer === undefined) return ledger
  const { account, micro } = transfer
  return {
    ...ledger,
    transfers: ledger.transfers.delete(id),
    committed: commit(ledger.committed, account, micro, 0n),
  }
}

/** Counts what is sent from `at` (milliseconds since 1970) on as spent. */
export function sendCash(ledger: Ledger, id: string, at: number): Ledger {
  const transfer = ledger.transfers.get(id)
  if (transfer === undefined) return ledger
  const { account, micro } = transfer
  return { ...freeCash(ledger, id), spent: addSpent(ledger.spent, account, { at, micro }) }
}
