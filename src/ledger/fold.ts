/** Folds what happened into the ledger. Every function is pure, and total on what `accept.ts` has let in. */
import { Map } from 'immutable'
import type { Constitution } from '../constitution/model.ts'
import { DEFAULT_OWNER } from '../protocol/account.ts'
import { HEARTBEAT_MS, type AgentRegistration } from '../protocol/agent.ts'
import type { WorldObservation } from '../protocol/observation.ts'
import { equityDayStart } from './equity-day.ts'
import { addBar, addTick } from './history.ts'
import { creditJumps, withoutLeaps } from './jumps.ts'
import { keyOf, type AccountState, type AgentState, type Halt, type Ledger, type Resume } from './ledger.ts'
import { afterBar } from './liquidity.ts'
import { hold, mark, settleMoves } from './marks.ts'
import { NO_PORTFOLIO, report, reported } from './positions.ts'
import { referenceOf } from './reference.ts'
import { countBeat } from './track-record.ts'

/** Ticks follow the reference as it stood for sources of this age at most, in milliseconds. */
const TICK_SOURCE_AGE = 2_000

/** The ledger after `observation`, which arrived at `arrived` (milliseconds since 1970). `constitution` is the one in force: it says by which calendar days open. */
export function observe(
  ledger: Ledger,
  observation: WorldObservation,
  arrived: number,
  constitution?: Constitution,
): Ledger {
  switch (observation.kind) {
    case 'instrument':
      return {
        ...ledger,
        instruments: ledger.instruments.set(observation.instrument, {
          ...withoutLeaps(ledger.instruments.get(observation.instrument), observation, arrived),
          at: Math.min(observation.at, arrived),
        }),
      }
    case 'price':
      return observePrice(ledger, observation, arrived)
    case 'bar': {
      const { instrument, from, to, open, high, low, volume } = observation
      const bar = { from, to, open, high, low, volume }
      const before = ledger.liquidity.get(instrument)
      const after = afterBar(before, bar)
      return {
        ...ledger,
        bars: ledger.bars.set(instrument, addBar(ledger.bars.get(instrument), bar)),
        liquidity:
          after === undefined || after === before
            ? ledger.liquidity
            : ledger.liquidity.set(instrument, after),
      }
    }
    case 'fx': {
      const { base, quote, rate, at } = observation
      return {
        ...ledger,
        rates: ledger.rates.set(`${base}/${quote}`, { price: rate, at: Math.min(at, arrived) }),
      }
    }
    case 'account': {
      const { account } = observation
      const state = accountAfter(ledger.accounts.get(account), observation, arrived, constitution)
      const accounts = ledger.accounts.set(account, state)
      const at = Math.min(observation.at, arrived)
      // What was spent is in a credit of after it, and not in one of before that is held on to.
      if (state.creditAt < at) return { ...ledger, accounts }
      return {
        ...ledger,
        accounts,
        spent: reported(ledger.spent, account, at),
        moved: settleMoves(ledger.moved, account, at),
      }
    }
    case 'portfolio': {
      const { account, positions } = observation
      const portfolio = report(
        ledger.portfolios.get(account),
        positions,
        Math.min(observation.at, arrived),
        arrived,
      )
      return {
        ...ledger,
        portfolios: ledger.portfolios.set(account, portfolio),
        holders: hold(ledger.holders, account, portfolio.positions.keys()),
      }
    }
    case 'position': {
      const { account, instrument, quantity } = observation
      const before = ledger.portfolios.get(account) ?? NO_PORTFOLIO
      const positions = before.positions.set(instrument, { quantity, at: Math.min(observation.at, arrived) })
      return {
        ...ledger,
        portfolios: ledger.portfolios.set(account, { ...before, positions }),
        holders: hold(ledger.holders, account, [instrument]),
      }
    }
    case 'locate': {
      const { account, instrument, quantity, at } = observation
      return {
        ...ledger,
        locates: ledger.locates.set(keyOf(account, instrument), { quantity, at: Math.min(at, arrived) }),
      }
    }
    case 'facts': {
      let { stated } = ledger
      for (const [name, value] of Object.entries(observation.facts))
        stated = stated.set(name, { value, at: undefined, source: 'stated' })
      return { ...ledger, stated }
    }
  }
}

function observePrice(
  ledger: Ledger,
  observation: Extract<WorldObservation, { kind: 'price' }>,
  arrived: number,
): Ledger {
  const { instrument, source, price } = observation
  const at = Math.min(observation.at, arrived)
  const sources = (ledger.prices.get(instrument) ?? Map()).set(source, { price, at })
  const prices = ledger.prices.set(instrument, sources)
  const reference = referenceOf(sources, arrived, TICK_SOURCE_AGE)
  if (reference.price === undefined) return { ...ledger, prices }
  return {
    ...mark(ledger, instrument, reference.price, at, TICK_SOURCE_AGE),
    prices,
    ticks: ledger.ticks.set(instrument, addTick(ledger.ticks.get(instrument), at, reference.price)),
  }
}

/** The day opens with the last equity before it, so that a loss overnight counts; the first day with the first report. */
function accountAfter(
  before: AccountState | undefined,
  observation: Extract<WorldObservation, { kind: 'account' }>,
  arrived: number,
  constitution: Constitution | undefined,
): AccountState {
  const { account, currency, equity, cash, credit } = observation
  const at = Math.min(observation.at, arrived)
  const goesOn = before !== undefined && before.at >= equityDayStart(constitution, account, at)
  // A credit that jumped came with less equity, which had to be taken.
  const jumps = before !== undefined && creditJumps(before, observation, arrived)
  return {
    currency,
    equity,
    credit: jumps ? before.credit : (credit ?? cash),
    creditAt: jumps ? before.creditAt : at,
    at,
    dayOpenEquity: goesOn ? before.dayOpenEquity : (before?.equity ?? equity),
    highWater: Math.max(before?.highWater ?? equity, equity),
  }
}

/** Registers an agent, or changes what it is registered with; its heartbeat stays, and one that was retired serves again. */
export function register(
  ledger: Ledger,
  { agent, role, field, parent, owner, strategies, publicKey, capital, heartbeatMs }: AgentRegistration,
  at: number,
): Ledger {
  const before = ledger.agents.get(agent)
  const state: AgentState = {
    role,
    field,
    parent,
    owner,
    strategies,
    publicKey,
    capital,
    heartbeatMs: heartbeatMs ?? HEARTBEAT_MS,
    heartbeatAt: before?.heartbeatAt,
    since: before?.since ?? at,
    servesSince: before?.retiredAt === undefined ? (before?.servesSince ?? at) : at,
    retiredAt: undefined,
  }
  return { ...ledger, agents: ledger.agents.set(agent, state), runBy: runByAfter(ledger, strategies, owner) }
}

/** A strategy that an agent gave up stays its owner's: in another partition its limits would begin anew. */
function runByAfter(
  { runBy, partition }: Ledger,
  strategies: readonly string[],
  owner = DEFAULT_OWNER,
): Ledger['runBy'] {
  if (partition.of === 1) return runBy
  return runBy.withMutations((next) => {
    for (const strategy of strategies) next.set(strategy, owner)
  })
}

/** Notes whose an account is. */
export function own(ledger: Ledger, account: string, owner: string): Ledger {
  return { ...ledger, owners: ledger.owners.set(account, owner) }
}

/** Takes an agent out of service: without a heartbeat it neither votes nor passes a rule that asks for one. */
export function retire(ledger: Ledger, agent: string, at: number): Ledger {
  const state = ledger.agents.get(agent)
  return state === undefined
    ? ledger
    : {
        ...ledger,
        agents: ledger.agents.set(agent, { ...state, retiredAt: at, heartbeatAt: undefined }),
      }
}

/** Notes a heartbeat of a registered agent. */
export function beat(ledger: Ledger, agent: string, at: number): Ledger {
  const state = ledger.agents.get(agent)
  if (state === undefined || state.retiredAt !== undefined) return ledger
  return {
    ...ledger,
    agents: ledger.agents.set(agent, { ...state, heartbeatAt: at }),
    trackRecords: countBeat(ledger, agent, at),
  }
}

export function halt(ledger: Ledger, raised: Halt): Ledger {
  return { ...ledger, halts: ledger.halts.set(raised.id, raised) }
}

/** With one more halt, in the place of the one that was called `replaces`. */
export function haltAgain(ledger: Ledger, raised: Halt, replaces?: string): Ledger {
  const halts = replaces === undefined ? ledger.halts : ledger.halts.delete(replaces)
  return halt({ ...ledger, halts }, raised)
}

/**
 * Notes that an operator wants to resume; the second, different one lifts the halt. Where both asked for it, the high-water mark of the account
 * that the halt is about becomes its equity, where both can have seen it: nothing else ever lowers one.
 */
export function resume(ledger: Ledger, id: string, asked: Resume, byQuorum = false): Ledger {
  const held = ledger.halts.get(id)
  if (held === undefined) return ledger
  if (!byQuorum && held.resumes.some((other) => other.operator === asked.operator)) return ledger
  const resumes = byQuorum ? [asked] : [...held.resumes, asked]
  if (!byQuorum && resumes.length < 2) return askedToResume(halt(ledger, { ...held, resumes }), id)
  const lifted = { ...ledger, halts: ledger.halts.delete(id) }
  return rebases(ledger, held, resumes) ? rebased(lifted, accountOf(held)) : lifted
}

/** Whether all who lift a halt want its mark lowered, and can have seen to what. */
export function rebases(ledger: Ledger, held: Halt, resumes: readonly Pick<Resume, 'rebase'>[]): boolean {
  return resumes.every(({ rebase }) => rebase) && !hasFallen(ledger, held)
}

/** Whether the account of a halt is worth so much less than when somebody first asked to lift it that he cannot have seen the loss: by more than a hundredth. */
export function hasFallen({ accounts }: Ledger, held: Halt): boolean {
  const equity = accounts.get(accountOf(held) ?? '')?.equity
  const { equityAsked } = held
  return (
    equity !== undefined && equityAsked !== undefined && equityAsked - equity > Math.abs(equityAsked) / 100
  )
}

/** Notes what the account of a halt was worth when somebody first asked to lift it. */
export function askedToResume(ledger: Ledger, id: string): Ledger {
  const held = ledger.halts.get(id)
  const equity = held && ledger.accounts.get(accountOf(held) ?? '')?.equity
  return held === undefined || equity === undefined || held.equityAsked !== undefined
    ? ledger
    : halt(ledger, { ...held, equityAsked: equity })
}

/** The account that a halt is about; `undefined` when it is about none, or about many. */
export function accountOf({ scope, monitor }: Pick<Halt, 'scope' | 'monitor'>): string | undefined {
  if (scope.kind === 'account') return scope.name
  return monitor?.watches === 'drawdown' ? monitor.about : undefined
}

function rebased(ledger: Ledger, account: string | undefined): Ledger {
  const state = account === undefined ? undefined : ledger.accounts.get(account)
  if (account === undefined || state === undefined) return ledger
  const highWater = Math.min(state.highWater, state.equity)
  return { ...ledger, accounts: ledger.accounts.set(account, { ...state, highWater }) }
}
