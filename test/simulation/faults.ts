/** Cores with a fault in each, which the simulation must find. */
import type { Program } from '../../src/constitution/compile.ts'
import { permitEnd } from '../../src/protocol/permit.ts'
import type { Event } from '../../src/protocol/event.ts'
import type { Execution } from '../../src/protocol/execution.ts'
import { handle } from '../../src/engine/handle.ts'
import { NO_PERMITS } from '../../src/engine/permits.ts'
import type { State } from '../../src/engine/state.ts'
import { fold, type Input, type Step } from '../../src/engine/step.ts'
import { draftOf } from '../../src/ledger/draft.ts'
import { reweigh } from '../../src/ledger/exposure.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { findOrder } from '../../src/ledger/orders.ts'
import { adoptPortfolio, countFill } from '../../src/ledger/positions.ts'
import type { Signoff } from '../../src/ledger/signoffs.ts'
import { NO_VENUE_IDS } from '../../src/ledger/venue-ids.ts'
import { WITHOUT_CLOSURES } from './constitution.ts'
import { REAL, type Core } from './core.ts'

interface Fault {
  readonly name: string
  readonly core: Core
  /** Any of these is broken at the venue; none where only the naive model can tell. */
  readonly invariants: readonly string[]
}

/** A core that handles otherwise, and whose restarts tell nothing. */
const handling = (faulty: Core['handle']): Core => ({ handle: faulty, restart: () => undefined })

/** The real core, and then something is done to its state. */
const afterwards = (change: (state: State, events: readonly Event[], before: State) => State): Core =>
  handling((state, input, now) => {
    const [next, events, effects] = handle(state, input, now)
    return [change(next, events, state), events, effects]
  })

const withLedger = (state: State, ledger: Partial<Ledger>): State => ({
  ...state,
  ledger: { ...state.ledger, ...ledger },
})

/** The real core, after other reports than came. */
const hearing = (change: (execution: Execution) => Execution): Core =>
  handling((state, input, now) =>
    handle(
      state,
      input.kind === 'executions' ? { ...input, executions: input.executions.map(change) } : input,
      now,
    ),
  )

const allowed = (events: readonly Event[], type: string) =>
  events.flatMap((event) =>
    event.type === 'decided' && event.decision.expires !== null && event.decision.action.type === type
      ? [event.decision]
      : [],
  )

const LOST = ['reservation lost']

/** The real core where `input` is an action, handled on a changed state whose events then happen to the real one. */
const deciding = (change: (state: State, input: Input & { kind: 'action' }, now: number) => State): Core =>
  handling((state, input, now) => {
    if (input.kind !== 'action') return handle(state, input, now)
    const [, events, effects] = handle(change(state, input, now), input, now)
    return [events.length === 0 ? state : fold(state, events, now), events, effects]
  })

const signoffsOf = (state: State, change: (one: Signoff) => Signoff): State =>
  withLedger(state, { signoffs: state.ledger.signoffs.map(change) })

/** Faults of sign-offs: who signs, what, how often and for how long. */
const SIGNOFF_FAULTS: readonly Fault[] = [
  {
    name: 'a sign-off lets a transfer go again',
    core: afterwards((state) => signoffsOf(state, (one) => ({ ...one, usedBy: undefined }))),
    invariants: ['two people'],
  },
  {
    name: 'one operator is enough for a transfer',
    core: deciding((state) =>
      withLedger(state, {
        signoffs: state.ledger.signoffs.merge(
          state.ledger.signoffs.mapEntries(([id, one]) => [
            `${id}-again`,
            { ...one, id: `${id}-again`, operator: 'another' },
          ]),
        ),
      }),
    ),
    invariants: ['two people'],
  },
  {
    name: 'a sign-off is good for any amount',
    core: deciding((state, { request: { action } }) =>
      action.type === 'transfer'
        ? signoffsOf(state, (one) => ({ ...one, action: { ...one.action, amount: action.amount } }))
        : state,
    ),
    // Agents seldom send what nobody signed off just so.
    invariants: [],
  },
  {
    name: 'a sign-off is good for ever',
    core: deciding((state) => signoffsOf(state, (one) => ({ ...one, until: Number.MAX_SAFE_INTEGER }))),
    // That two people meant it once the venue can see, and not when.
    invariants: [],
  },
  {
    name: 'a sign-off outlives its constitution',
    core: afterwards((state) => signoffsOf(state, (one) => ({ ...one, superseded: false }))),
    invariants: [],
  },
  {
    name: 'an agent’s name counts as a person',
    core: deciding((state) => withLedger(state, { agents: state.ledger.agents.delete('dee') })),
    invariants: [],
  },
  {
    name: 'what was signed off is sent after it was taken back',
    core: handling((state, input, now) => {
      const trusting = signoffsOf(state, (one) => ({ ...one, revokedBy: undefined }))
      const [next, events, effects] = handle(input.kind === 'redeem' ? trusting : state, input, now)
      return input.kind === 'redeem' ? [fold(state, events, now), events, effects] : [next, events, effects]
    }),
    invariants: [],
  },
]

const tallied = (state: State, tallies: State['ledger']['windows']['tallies']): State =>
  withLedger(state, { windows: { ...state.ledger.windows, tallies } })

/** Faults of the trading calendar; which day it is no venue says. */
const CALENDAR_FAULTS: readonly Fault[] = [
  {
    name: 'a holiday begins a trading day',
    core: deciding((state) => withTables(state, WITHOUT_CLOSURES)),
    invariants: [],
  },
  {
    name: 'a market is open on its holidays and after an early close',
    core: deciding((state) =>
      state.program === undefined
        ? state
        : { ...state, program: { ...WITHOUT_CLOSURES, constitution: state.program.constitution } },
    ),
    invariants: [],
  },
  {
    name: 'another constitution counts the day anew',
    core: afterwards((state, events) =>
      events.some(({ type }) => type === 'activated')
        ? tallied(
            state,
            state.ledger.windows.tallies.map((one) => ({ ...one, marks: one.marks.clear() })),
          )
        : state,
    ),
    invariants: [],
  },
  {
    name: 'a day is over after so many hours',
    core: deciding((state, _, now) =>
      tallied(
        state,
        state.ledger.windows.tallies.map((one) => ({
          ...one,
          marks: one.marks.filter((marks) => (marks.last()?.at ?? 0) > now - 26 * 3_600_000),
        })),
      ),
    ),
    invariants: [],
  },
]

/** The state with the tables of another constitution, its windows being counted by the calendars of that one. */
function withTables(state: State, { constitution }: Program): State {
  const { program } = state
  const [table] = [...constitution.tables.values()]
  if (program === undefined || table === undefined) return state
  const tables = new Map([...program.constitution.tables.keys()].map((name) => [name, table]))
  return { ...state, program: { ...program, constitution: { ...program.constitution, tables } } }
}

export const FAULTS: readonly Fault[] = [
  ...SIGNOFF_FAULTS,
  ...CALENDAR_FAULTS,
  { name: 'a permit that is over frees an order that was sent', core: handling(freesSent), invariants: LOST },
  {
    name: 'a permit that is over frees nothing',
    core: afterwards((state, events) => ({
      ...state,
      permits: {
        ...state.permits,
        open: events.reduce((open, event) => {
          const given = event.type === 'decided' ? open.get(event.decision.decision) : undefined
          return event.type !== 'decided' || given === undefined
            ? open
            : open.set(event.decision.decision, { ...given, expires: given.expires + 3_600_000 })
        }, state.permits.open),
      },
    })),
    invariants: ['leaked'],
  },
  {
    name: 'a fill frees nothing of what was open',
    core: afterwards((state, events, before) =>
      events.some(({ type }) => type === 'executed')
        ? withLedger(state, { exposures: before.ledger.exposures })
        : state,
    ),
    invariants: ['leaked'],
  },
  {
    name: 'a replacement counts as what it becomes alone',
    core: afterwards((state, events) =>
      allowed(events, 'replace').reduce((next, { decision }) => onlyTheNew(next, decision), state),
    ),
    invariants: LOST,
  },
  {
    name: 'a report that comes again counts again',
    core: handling(countsTwice),
    invariants: ['counted twice'],
  },
  {
    name: 'a report counts on every order that it names',
    core: afterwards((state) => withLedger(state, { venueIds: NO_VENUE_IDS })),
    invariants: ['counted twice'],
  },
  {
    name: 'the last fill of a cancelled order is not counted',
    core: hearing((execution) =>
      execution.event === 'cancelled' || execution.event === 'expired'
        ? { ...execution, filled: 0 }
        : execution,
    ),
    invariants: ['counted twice', ...LOST],
  },
  {
    name: 'a cancelled order goes on',
    core: hearing((execution) =>
      execution.event === 'cancelled' ? { ...execution, event: 'accepted' } : execution,
    ),
    invariants: ['leaked'],
  },
  {
    name: 'a refused replacement ends the order',
    core: handling((state, input, now) => handle(state, asOfTheOrder(state, input), now)),
    invariants: ['leaked', ...LOST],
  },
  { name: 'a permit is redeemed after a halt', core: handling(redeemsHalted), invariants: ['halt'] },
  {
    name: 'one operator lifts a halt',
    core: afterwards((state, events) =>
      events.reduce(
        (next, event) =>
          event.type === 'resumed' ? withLedger(next, { halts: next.ledger.halts.delete(event.halt) }) : next,
        state,
      ),
    ),
    invariants: [],
  },
  {
    name: 'an id is decided again',
    core: afterwards((state, _, before) => ({ ...state, memory: before.memory })),
    invariants: ['one id'],
  },
  {
    name: 'what was spent is forgotten',
    core: afterwards((state) => withLedger(state, { spent: state.ledger.spent.clear() })),
    invariants: LOST,
  },
  {
    name: 'the broker is believed at once',
    core: afterwards((state, events) =>
      events.reduce(
        (next, event) =>
          event.type === 'observed' && event.observation.kind === 'portfolio'
            ? { ...next, ledger: adoptPortfolio(next.ledger, event.observation.account, next.lastAt) }
            : next,
        state,
      ),
    ),
    invariants: ['counted twice', 'limit'],
  },
  {
    name: 'what others have open is not seen',
    core: handling((state, input, now) => {
      const blind = withLedger(state, { exposures: state.ledger.exposures.clear() })
      const [next, events, effects] = handle(input.kind === 'action' ? blind : state, input, now)
      return input.kind === 'action' && events.length > 0
        ? [fold(state, events, now), events, effects]
        : [input.kind === 'action' ? state : next, events, effects]
    }),
    invariants: ['limit'],
  },
  {
    name: 'an exit from what is not held costs nothing',
    core: afterwards((state) => withLedger(state, { exits: state.ledger.exits.clear() })),
    invariants: [],
  },
  {
    name: 'the orders of a basket are not added up',
    core: handling((state, input, now) => {
      const baskets = state.ledger.baskets.map((one) => ({ ...one, committed: { micro: 0n, unknown: 0 } }))
      const [next, events, effects] = handle(withLedger(state, { baskets }), input, now)
      return input.kind === 'action' && events.length > 0
        ? [fold(state, events, now), events, effects]
        : [input.kind === 'action' ? state : next, events, effects]
    }),
    invariants: ['limit'],
  },
  {
    name: 'a clock that stands back is believed',
    core: handling((state, input, now) =>
      handle({ ...state, lastAt: Math.min(state.lastAt, now) }, input, now),
    ),
    invariants: [],
  },
  {
    name: 'a restart forgets permits',
    core: { handle, restart: (records) => ({ ...(REAL.restart(records) as State), permits: NO_PERMITS }) },
    invariants: ['restart'],
  },
  {
    name: 'a restart loses the last record',
    core: { handle, restart: (records) => REAL.restart(records.slice(0, -1)) },
    invariants: ['restart'],
  },
]

function freesSent(state: State, input: Input, now: number): Step {
  const over: Event[] = [...state.ledger.orders.values()]
    .filter(
      ({ id, state: stage, at }) =>
        stage === 'reserved' && !state.permits.open.has(id) && permitEnd(at) <= now,
    )
    .map(({ id }) => ({ schema: 1, type: 'lapsed', decision: id }))
  const [next, events, effects] = handle(fold(state, over, now), input, now)
  return [next, [...over, ...events], effects]
}

function onlyTheNew(state: State, decision: string): State {
  const { ledger } = state
  const order = findOrder(ledger, decision)
  const version = order?.pending.at(-1)
  const root = ledger.versions.get(decision)
  if (order === undefined || version === undefined || root === undefined) return state
  const { lots, worth } = version
  const next = { ...order, lots, worth, pending: [{ ...version }] }
  const changed = draftOf(ledger)
  reweigh(changed, order, next)
  changed.orders = changed.orders.set(root, next)
  return withLedger(state, changed)
}

function countsTwice(state: State, input: Input, now: number): Step {
  const [next, events, effects] = handle(state, input, now)
  const [effect] = effects
  const [execution] = input.kind === 'executions' ? input.executions : []
  const order = execution && findOrder(next.ledger, execution.order)
  if (effect?.kind !== 'executed' || effect.repeated === 0 || order === undefined || order.filled === 0)
    return [next, events, effects]
  return [{ ...next, ledger: countFill(next.ledger, order, order.filled, next.lastAt) }, events, effects]
}

/** A report about a replacement, as if it were about the order. */
function asOfTheOrder({ ledger }: State, input: Input): Input {
  if (input.kind !== 'executions') return input
  const executions = input.executions.map((execution) => ({
    ...execution,
    order:
      execution.event === 'rejected'
        ? (findOrder(ledger, execution.order)?.id ?? execution.order)
        : execution.order,
  }))
  return { ...input, executions }
}

function redeemsHalted(state: State, input: Input, now: number): Step {
  const without = input.kind === 'redeem' ? withLedger(state, { halts: state.ledger.halts.clear() }) : state
  const [next, events, effects] = handle(without, input, now)
  return [withLedger(next, input.kind === 'redeem' ? { halts: state.ledger.halts } : {}), events, effects]
}
