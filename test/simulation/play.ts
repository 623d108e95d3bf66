/** Plays the steps of a story in a world. */
import type { Action, HaltScope } from '../../src/protocol/action.ts'
import { LAST, TURNS } from './calendar.ts'
import { ACCOUNTS, AGENTS, INSTRUMENTS, NEXT, PROGRAM } from './constitution.ts'
import type { Core } from './core.ts'
import { quantityOf } from './lots.ts'
import { isOpen, waiting } from './model-state.ts'
import type { Word } from './model-signoffs.ts'
import type { Noise, Step, Story } from './steps.ts'
import { World, type Senses } from './world.ts'

const at = <T>(list: readonly T[], pick: number): T | undefined => list[pick % Math.max(list.length, 1)]
/** The latest come first, so that small numbers mean what is going on. */
const late = <T>(list: readonly T[], pick: number): T | undefined => at(list.toReversed(), pick % 12)

export function play(
  core: Core,
  { strict, byRoot, opening, late: unsaid, steps }: Story,
  senses: Senses = 'all',
): World {
  const world = new World(core, { strict, byRoot }, senses).begin(opening, unsaid)
  for (const step of steps) take(world, step)
  let drawn = steps.length
  world.drain((below) => (drawn = (drawn * 31 + 17) % 9973) % below)
  return world
}

function take(world: World, step: Step): void {
  const { venue, time } = world
  switch (step.kind) {
    case 'order':
      return order(world, step)
    case 'replace': {
      const open = world.model.entries
        .filter(isOpen)
        .map((entry) => (waiting(entry).at(-1) ?? entry.sizes[entry.current])?.id)
      const newest = world.permitted.filter(({ decision }) => open.includes(decision))
      // Now and then of what is over, or overtaken.
      const one = late(step.of > 85 ? world.permitted : newest, step.of)
      if (one === undefined || one.kind === 'cash' || !('account' in one.action)) return
      const { action, agent } = one
      const instrument =
        action.type === 'transfer' ? action.asset : 'instrument' in action ? action.instrument : ''
      world.ask(agent, {
        type: 'replace',
        account: one.action.account,
        instrument,
        order: one.decision,
        quantity: quantityOf(instrument, BigInt(step.lots)),
        ...priced(instrument, step.price),
      })
      return
    }
    case 'cancel': {
      const one = late(world.permitted, step.of)
      if (one === undefined || !('instrument' in one.action)) return
      const { account, instrument } = one.action
      // Now and then somebody cancels another's.
      const by = step.of % 4 === 0 ? (AGENTS[step.of % AGENTS.length] ?? one.agent) : one.agent
      world.ask(by, { type: 'cancel', account, instrument, order: one.decision })
      return
    }
    case 'transfer': {
      const { agent, action } = moved(world, step)
      world.ask(agent, action)
      return
    }
    case 'signoff': {
      const request = { ...moved(world, step), until: world.now + step.until, reason: 'needed' }
      for (const by of step.by) world.signOff(request, OPERATORS[by] ?? '')
      return
    }
    case 'unsign': {
      // Mostly one that let go what was not sent yet.
      const { model, now } = world
      const used = model.words.all.filter(({ usedBy = '' }) => model.sendable(usedBy, now))
      const word = late(step.of > 90 ? model.words.all : used, step.of)
      if (word === undefined && step.of < 90) return
      const signoff = word?.id ?? 's-0'
      world.submit({ kind: 'unsign', signoff, operator: OPERATORS[step.by] ?? '', reason: 'no more' })
      // Its adapter may be just about to send it.
      const sent = world.permitted.find(({ decision }) => decision === word?.usedBy)
      if (sent !== undefined && step.by < 3) world.redeem(sent)
      return
    }
    case 'activate':
      world.submit({ kind: 'activate', program: step.next ? NEXT : PROGRAM, by: 'author' })
      return
    case 'turn': {
      const ends = step.signoff ? world.model.words.all.map(({ until }) => until) : TURNS
      const turn = ends.filter((one) => one > world.now + 1)[step.after % Math.max(ends.length, 1)]
      // The calendar is known for so long.
      if (turn !== undefined && turn < LAST - SEASON) world.clock(turn + step.by - world.now)
      return
    }
    case 'redeem': {
      // What the core let go, whatever the model says: an adapter has the permit.
      const { open } = world.state.permits
      const unspent = world.permitted.filter(({ decision }) => (open.get(decision)?.expires ?? 0) > world.now)
      const one = late(step.of > 85 ? world.permitted : unspent, step.of)
      if (one !== undefined)
        world.redeem(one, step.odd && step.of % 2 === 0 ? 'mallory' : one.agent, step.odd)
      return
    }
    case 'retry': {
      const one = late(world.requests, step.of)
      if (one === undefined) return
      world.request(step.odd ? { ...one, accept: one.accept === undefined ? ['narrow'] : [] } : one)
      return
    }
    case 'take':
      venue.take(step.of, time)
      world.truth.hold()
      return
    case 'fill': {
      const one = at(venue.living, step.of)
      if (one === undefined) return
      const left = one.current.lots - one.filled
      venue.fill(one, step.over ? left + 1n : BigInt(Math.min(step.lots, Number(left))), time)
      world.truth.hold()
      return
    }
    case 'end': {
      const one = at(venue.living, step.of)
      if (one !== undefined) venue.end(one, step.event, time)
      return
    }
    case 'deliver':
      world.deliver(step.of, step.odd)
      return
    case 'noise':
      return noise(world, step.what, step.of)
    case 'portfolio':
      world.portfolio(ACCOUNTS[step.account] ?? 'first', step.lie)
      return
    case 'adopt':
      world.adopt(ACCOUNTS[step.account] ?? 'first')
      return
    case 'account':
      world.account(ACCOUNTS[step.account] ?? 'first', step.credit)
      return
    case 'halt':
      world.submit({
        kind: 'halt',
        by: 'operator',
        request: { scope: SCOPES[step.scope] ?? EVERYTHING, state: step.state, reason: 'test' },
      })
      world.note(step.state)
      return
    case 'resume': {
      const halt = at(world.model.stops, step.of)?.id ?? 'h-0'
      world.submit({ kind: 'resume', halt, operator: `operator-${step.operator}`, reason: 'fixed' })
      return
    }
    case 'register':
      if (step.operator) world.register(OPERATORS[2], [])
      else world.register('ada', step.swapped ? ['slow', 'fast'] : ['fast', 'slow'])
      return
    case 'clock':
      world.clock(step.by)
      return
    case 'restart':
      world.restart()
      return
    case 'crash':
      world.crash()
  }
}

/** Longer than any story goes on after its last leap. */
const SEASON = 30 * 86_400_000
/** Who signs transfers off; the third may become an agent, and the last is one. */
const OPERATORS = ['operator-0', 'operator-1', 'dee', 'bob'] as const

/** The transfer that a step means: one that was signed off or asked for, or another. */
function moved(world: World, step: Step & { kind: 'transfer' | 'signoff' }): Pick<Word, 'agent' | 'action'> {
  const asked = world.requests.flatMap(({ agent, action }) =>
    action.type === 'transfer' ? [{ agent, action }] : [],
  )
  const signed = world.model.words.all.map(({ agent, action }) => ({ agent, action }))
  const earlier = step.again ? late([...asked, ...signed], step.of % 3) : undefined
  if (earlier !== undefined) return earlier
  const asset = INSTRUMENTS[step.asset]?.name ?? 'USD'
  const amount = asset === 'USD' ? step.lots * 100 : quantityOf(asset, BigInt(step.lots))
  const account = ACCOUNTS[step.account] ?? 'first'
  return {
    agent: AGENTS[step.agent] ?? 'ada',
    action: { type: 'transfer', account, asset, amount, destination: 'vault' },
  }
}

const EVERYTHING: HaltScope = { kind: 'everything' }
const SCOPES: readonly HaltScope[] = [
  EVERYTHING,
  { kind: 'account', name: 'first' },
  { kind: 'account', name: 'second' },
  { kind: 'agent', name: 'bob' },
  { kind: 'strategy', name: 'slow' },
  { kind: 'strategy', name: 'fast' },
  { kind: 'strategy', name: 'agent:cy' },
  { kind: 'instrument', name: 'ONE' },
]

function order(world: World, step: Step & { kind: 'order' }): void {
  const { name: instrument, lot } = INSTRUMENTS[step.instrument] ?? INSTRUMENTS[0]!
  const quantity = quantityOf(instrument, BigInt(step.lots))
  const limited = priced(instrument, step.price)
  const action: Action = {
    type: 'order',
    account: ACCOUNTS[step.account] ?? 'first',
    instrument,
    side: step.side,
    // Two and a half lots and the like: no whole number of them.
    quantity: step.broken ? Number((quantity + lot / 2).toFixed(3)) : quantity,
    orderType: step.price === undefined ? 'market' : 'limit',
    ...limited,
    ...(step.strategy === undefined ? {} : { strategy: step.strategy }),
    ...(step.parent === undefined
      ? {}
      : {
          parent: {
            id: `parent-${step.parent}`,
            quantity: quantityOf(instrument, step.lots === 1 ? 7n : 12n),
          },
        }),
    // In any of the instruments, and now and then said to be worth something else.
    ...(step.basket === undefined
      ? {}
      : { basket: { id: `basket-${step.basket}`, value: step.lots === 2 ? 900 : 1_000 } }),
  }
  world.ask(AGENTS[step.agent] ?? 'ada', action, step.narrow && !step.broken ? ['narrow'] : [])
}

function priced(instrument: string, ticks: number | undefined): { limitPrice?: number } {
  const of = INSTRUMENTS.find(({ name }) => name === instrument)
  if (ticks === undefined || of === undefined) return {}
  return { limitPrice: Number((of.price + ticks * of.tick).toFixed(3)) }
}

/** Reports that should never have come. */
function noise(world: World, what: Noise, pick: number): void {
  const { venue, model, time } = world
  const execution = `noise-${world.inputs}`
  const entry = late(model.entries, pick)
  const heard = entry?.reports.at(-1)
  if (what === 'unknown')
    world.execution({ execution, order: `d-${pick}`, event: 'filled', filled: 1, at: time })
  if (entry === undefined) return
  const { id: order, instrument, filled } = entry
  const lot = quantityOf(instrument, 1n)
  if (what === 'off lot')
    world.execution({ execution, order, event: 'filled', filled: Number((lot * 1.5).toFixed(3)), at: time })
  if (what === 'other words' && heard !== undefined)
    world.execution({ ...heard, event: 'filled', filled: quantityOf(instrument, filled + 1n) })
  const other = late(
    model.entries.filter((one) => one !== entry && one.account === entry.account && one.reports.length > 0),
    pick,
  )?.reports.at(-1)
  if (what === 'other order' && other !== undefined) {
    const more = quantityOf(instrument, filled + 1n)
    world.note('other order')
    world.execution({ execution: other.execution, order, event: 'filled', filled: more, at: time })
  }
  if (what === 'less' && filled > 0n)
    world.execution({
      execution,
      order,
      event: 'filled',
      filled: quantityOf(instrument, filled - 1n),
      at: time,
    })
  if (what === 'confirms nothing')
    world.execution({ execution, order, event: 'replaced', filled: quantityOf(instrument, filled), at: time })
  if (
    what === 'refused again' &&
    heard?.event === 'rejected' &&
    entry.sizes.length > 1 &&
    heard.order !== order
  )
    venue.repeatRefusal({ root: order, execution: heard })
}
