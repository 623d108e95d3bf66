/** Decides whether an observation can be believed enough to be recorded; schemas have been passed already. */
import { isMultiple } from '../base/exact.ts'
import type { ErrorCode } from '../base/errors.ts'
import type { Observation } from '../protocol/observation.ts'
import { creditJumps, equityJumps, leap, rateJumps, stops, volumeJumps } from './jumps.ts'
import { keyOf, type Ledger, type PortfolioState } from './ledger.ts'

export interface Refused {
  readonly code: ErrorCode
  readonly detail: string
}

/** Why `observation` is refused at `now`; `undefined` when it is accepted. */
export function refuse(ledger: Ledger, observation: Observation, now: number): Refused | undefined {
  const at = observation.kind === 'bar' ? observation.to : observation.at
  if (at > now)
    return { code: 'OBSERVATION_IN_FUTURE', detail: `${nameOf(observation)} says ${at} and it is ${now}` }
  const last = lastOf(ledger, observation)
  if (last !== undefined && at < last) {
    return {
      code: 'OBSERVATION_STALE',
      detail: `${nameOf(observation)} says ${at} and one of ${last} has been recorded`,
    }
  }
  return contradiction(ledger, observation) ?? jump(ledger, observation, now)
}

function nameOf(observation: Observation): string {
  switch (observation.kind) {
    case 'price':
      return `the price of ${observation.instrument} from ${observation.source}`
    case 'fx':
      return `the rate ${observation.base}/${observation.quote}`
    case 'account':
    case 'portfolio':
      return `the ${observation.kind} of ${observation.account}`
    default:
      return `the ${observation.kind} of ${observation.instrument}`
  }
}

function lastOf(ledger: Ledger, observation: Observation): number | undefined {
  switch (observation.kind) {
    case 'instrument':
      return ledger.instruments.get(observation.instrument)?.at
    case 'price':
      return ledger.prices.get(observation.instrument)?.get(observation.source)?.at
    case 'fx':
      return ledger.rates.get(`${observation.base}/${observation.quote}`)?.at
    case 'account':
      return ledger.accounts.get(observation.account)?.at
    case 'portfolio':
      return lastPortfolio(ledger.portfolios.get(observation.account))
    case 'locate':
      return ledger.locates.get(keyOf(observation.account, observation.instrument))?.at
    case 'bar':
      // Bars may come late; each is kept by its own times.
      return undefined
  }
}

/** What can't be true together with what is known: a lot that changes though open orders are counted in it, a position that is no whole number of lots. */
function contradiction(ledger: Ledger, observation: Observation): Refused | undefined {
  if (observation.kind === 'instrument') {
    const before = ledger.instruments.get(observation.instrument)
    for (const field of ['assetClass', 'currency', 'multiplier', 'lot'] as const) {
      if (before !== undefined && before[field] !== observation[field]) {
        return {
          code: 'OBSERVATION_CONTRADICTS',
          detail: `${field} of ${observation.instrument} was ${before[field]} and cannot become ${observation[field]}; use another name`,
        }
      }
    }
  }
  if (observation.kind === 'account') {
    const before = ledger.accounts.get(observation.account)
    if (before !== undefined && before.currency !== observation.currency) {
      return {
        code: 'OBSERVATION_CONTRADICTS',
        detail: `the currency of ${observation.account} was ${before.currency} and cannot become ${observation.currency}`,
      }
    }
  }
  if (observation.kind === 'locate') {
    const { instrument, quantity } = observation
    const issued = ledger.instruments.get(instrument)?.sharesOutstanding
    if (issued !== undefined && quantity > issued)
      return {
        code: 'OBSERVATION_CONTRADICTS',
        detail: `${quantity} of ${instrument} cannot be lent: there are ${issued}`,
      }
  }
  if (observation.kind === 'portfolio') {
    for (const { instrument, quantity } of observation.positions) {
      const lot = ledger.instruments.get(instrument)?.lot
      if (lot !== undefined && isMultiple(quantity, lot) !== true) {
        return {
          code: 'OBSERVATION_CONTRADICTS',
          detail: `${quantity} of ${instrument} is no whole number of lots of ${lot}`,
        }
      }
    }
  }
  return undefined
}

/**
 * What has moved further than anything does within an hour. A report of less equity is always taken, so that no fall is hidden; the fold leaves out the
 * credit in it where that has jumped.
 */
function jump(ledger: Ledger, observation: Observation, now: number): Refused | undefined {
  if (observation.kind === 'fx') {
    const before = ledger.rates.get(`${observation.base}/${observation.quote}`)
    return rateJumps(before, observation.rate, now)
      ? jumped(nameOf(observation), before?.price, observation.rate)
      : undefined
  }
  if (observation.kind === 'instrument' && !stops(observation)) {
    const { instrument } = observation
    const found = leap(ledger.instruments.get(instrument), observation, now)
    if (found === undefined) return undefined
    const { field, from, to } = found
    return {
      code: 'OBSERVATION_CONTRADICTS',
      detail: `${field} of ${instrument} was ${from} less than a week ago, and ${to} is more than a tenfold jump; if it is true, ${field === 'tick' ? 'use another name' : `report the instrument once without \`${field}\``}`,
    }
  }
  if (observation.kind === 'bar') {
    const { instrument, volume } = observation
    const known = ledger.instruments.get(instrument)
    if (!volumeJumps(known, observation)) return undefined
    return {
      code: 'OBSERVATION_CONTRADICTS',
      detail: `a bar of ${instrument} cannot hold ${volume}: on an average day it trades ${known?.adv}`,
    }
  }
  if (observation.kind !== 'account') return undefined
  const before = ledger.accounts.get(observation.account)
  const { account, equity, credit, cash } = observation
  if (equityJumps(before, observation, now)) return jumped(`the equity of ${account}`, before?.equity, equity)
  const falls = before !== undefined && equity < before.equity
  return !falls && creditJumps(before, observation, now)
    ? jumped(`the free credit of ${account}`, before?.credit, credit ?? cash)
    : undefined
}

function jumped(what: string, from: number | undefined, to: number): Refused {
  return {
    code: 'OBSERVATION_CONTRADICTS',
    detail: `${what} was ${from} less than an hour ago, and ${to} is more than a tenfold jump; it is believed once the last report is an hour old`,
  }
}

/** Positions cannot begin before fills that were counted already. */
function lastPortfolio(portfolio: PortfolioState | undefined): number | undefined {
  return portfolio?.broker?.at ?? portfolio?.lastFillAt
}
