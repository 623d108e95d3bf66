/** The last look holds back what a halt covers from the moment it is heard until the state has it, and everything while halts are not heard. */
import { beforeEach, expect, test } from 'vitest'
import { systemTimers } from '../base/clock.ts'
import { MemoryStore, type Fault } from '../cluster/memory.ts'
import { ask, NOW, ready, request, run } from '../../test/support/engine.ts'
import { decisionId } from '../engine/memory.ts'
import { EMPTY_STATE, type State } from '../engine/state.ts'
import type { Action, HaltRequest } from '../protocol/action.ts'
import type { Event } from '../protocol/event.ts'
import { fold } from '../engine/step.ts'
import { Lookout } from './lookout.ts'

const ORDER = {
  type: 'order',
  account: 'main',
  instrument: 'AAPL',
  side: 'buy',
  quantity: 1,
} as unknown as Action
const RISK = { agent: 'alpha', action: ORDER, reducing: false }
const halt = (scope: HaltRequest['scope'], state: HaltRequest['state'] = 'halted') =>
  ({ kind: 'halt', request: { scope, state, reason: 'test' }, by: 'operator' }) as const

let store: MemoryStore
let fault: Fault['kind']
let state: State
let now: number
let here: Lookout
let there: Lookout
const book = {
  get state(): State {
    return state
  },
}
const enter = (name: string, open: () => { readonly state: State } = () => book): Lookout =>
  new Lookout(store.connect(name).halts, open, {
    ...systemTimers,
    pause: async (ms) => {
      now += ms
    },
  })
const taken = (entry: string): void => {
  state = { ...state, tenure: { ...state.tenure, taken: { ...state.tenure.taken, halts: entry } } }
}

beforeEach(() => {
  now = 1_000
  fault = 'none'
  store = new MemoryStore({
    now: () => now,
    sleep: () => Promise.resolve(),
    fault: (_, name) => ({ kind: name === 'here' ? fault : 'none', delayMs: 0 }),
  })
  state = EMPTY_STATE
  here = enter('here')
  there = enter('there')
})

test('a halt holds back what it covers, until the state has it', async () => {
  await there.raise('r1', halt({ kind: 'account', name: 'other' }))
  expect(() => here.assertFree('d-1', RISK)).not.toThrow()
  expect(here.isHolding).toBe(true)
  const put = await there.raise('r2', halt({ kind: 'account', name: 'main' }))
  for (const each of [here, there])
    expect(() => each.assertFree('d-1', RISK)).toThrow(expect.objectContaining({ code: 'HALTED_SINCE' }))
  expect(here.untaken()).toMatchObject([
    { lane: 'halts', entry: '1-0' },
    { input: { kind: 'halt', by: 'operator' } },
  ])
  taken(put.kind === 'put' ? put.entry : '')
  expect(() => here.assertFree('d-1', RISK)).not.toThrow()
  expect([here.isHolding, here.untaken()]).toEqual([false, []])
})

test('what reduces passes while trading is to reduce, and cancels always', async () => {
  const exit = request({ side: 'sell' })
  const allowed = { agent: 'alpha', action: exit.action, reducing: true }
  state = run(ready(), [ask(exit)], NOW).state
  const id = decisionId('alpha', exit.id)
  await there.raise('r1', halt({ kind: 'everything' }, 'reducing'))
  expect(() => here.assertFree('d-1', RISK)).toThrow('a halt was heard')
  expect(() => here.assertFree(id, allowed)).not.toThrow()
  // Of an order that is not known nobody can say that it still reduces.
  expect(() => here.assertFree('d-1', allowed)).toThrow('a halt was heard')
  await there.raise('r2', halt({ kind: 'everything' }))
  expect(() => here.assertFree(id, allowed)).toThrow('a halt was heard')
  expect(() =>
    here.assertFree('d-1', { ...RISK, action: { ...ORDER, type: 'cancel' } as Action }),
  ).not.toThrow()
})

test('a halt that cannot be written holds here, and everywhere once it can be', async () => {
  fault = 'lost'
  const put = await here.raise('r1', halt({ kind: 'everything' }))
  expect(put.kind).toBe('unreachable')
  expect(() => here.assertFree('d-1', RISK)).toThrow('a halt was heard')
  expect(() => there.assertFree('d-1', RISK)).not.toThrow()
  fault = 'none'
  await expect.poll(() => there.isHolding).toBe(true)
  expect(there.untaken()).toHaveLength(1)
})

test('a halt that was taken by records which are set aside holds again, and is to be taken once', async () => {
  let open = { state }
  const one = enter('one', () => open)
  const put = await there.raise('r1', halt({ kind: 'everything' }))
  const entry = put.kind === 'put' ? put.entry : ''
  expect(one.untaken()).toHaveLength(1)
  taken(entry)
  open.state = state
  expect([one.isHolding, one.untaken()]).toEqual([false, []])
  // The journal is opened anew, without what was never in the log.
  open = { state: EMPTY_STATE }
  expect(() => one.assertFree('d-1', RISK)).toThrow('a halt was heard')
  expect(one.untaken()).toMatchObject([{ lane: 'halts', entry }])
  open = { state: EMPTY_STATE }
  expect(one.untaken()).toHaveLength(1)
  open.state = state
  expect([one.isHolding, one.untaken()]).toEqual([false, []])
})

test('a journal that is new stands on no notice of another partition', () => {
  const one = new Lookout(store.connect('one').halts, () => ({ state: EMPTY_STATE }), undefined, 1)
  const zero = new Lookout(store.connect('zero').halts, () => ({ state: EMPTY_STATE }), undefined, 0)
  const stops = [{ scope: { kind: 'everything' }, state: 'halted' }]
  store.connect('home').halts.notice(JSON.stringify({ partition: 0, sequence: 7, stops }))
  expect([one.isHolding, zero.isHolding]).toEqual([false, true])
})

test('what does not read holds everything back until it is refused on record', async () => {
  await store
    .connect('stranger')
    .halts.put({ request: 'x', text: '{"kind":"action"}', alwaysFits: true }, () => {})
  expect(() => here.assertFree('d-1', RISK)).toThrow('a halt was heard')
  expect(here.untaken()).toEqual([{ lane: 'halts', entry: '1-0', input: undefined }])
  taken('1-0')
  expect(() => here.assertFree('d-1', RISK)).not.toThrow()
})

test('what a home put in force itself holds back until its record is read', () => {
  const stop = { scope: { kind: 'everything' }, state: 'halted' } as const
  const events = [
    { schema: 1, type: 'halted', halt: 'h-1', by: 'day-loss', reason: 'test', ...stop },
  ] as const
  there.tell({ events, state: { ...state, sequence: 7 } })
  expect(() => here.assertFree('d-1', RISK)).toThrow('a halt was heard')
  expect(here.untaken()).toEqual([])
  state = { ...state, sequence: 7 }
  expect(() => here.assertFree('d-1', RISK)).not.toThrow()
})

test('without hearing halts nothing new is risked, from 180 ms on, and no later than 350', async () => {
  await here.inTouch()
  fault = 'lost'
  now += 181
  expect(here.isInTouch).toBe(false)
  const from = now
  await expect(here.inTouch()).rejects.toMatchObject({ code: 'CLUSTER_UNREACHABLE' })
  expect(181 + now - from).toBeLessThan(350)
  fault = 'none'
  await here.inTouch()
})

test('where there are several partitions, what stops more than one owner’s comes to the others as a halt of the lane', async () => {
  const inPartition = (number: number): State => ({
    ...EMPTY_STATE,
    sequence: 9,
    ledger: { ...EMPTY_STATE.ledger, partition: { number, of: 2 } },
  })
  const monitor = {
    policy: 'a'.repeat(64),
    watches: 'drawdown',
    about: 'main',
    observed: 0.2,
    limit: 0.1,
  } as const
  const event = (scope: HaltRequest['scope'], id: string): Extract<Event, { type: 'halted' }> => ({
    schema: 1,
    type: 'halted',
    halt: id,
    scope,
    state: 'halted',
    by: 'daily-loss',
    reason: 'a rule was breached',
    monitor,
  })
  const stopped = [
    event({ kind: 'account', name: 'main' }, 'h-d1-daily-loss'),
    event({ kind: 'everything' }, 'h-d1-fuse'),
  ]
  const first = new Lookout(store.connect('one').halts, () => ({ state: inPartition(0) }))
  const second = new Lookout(store.connect('two').halts, () => ({ state: inPartition(1) }))
  first.tell({ events: stopped, state: fold(inPartition(0), stopped, 1) })
  // Of the other's log it knows nothing; of what is for all it hears, and takes it as any halt.
  expect(second.untaken().map(({ input }) => input)).toMatchObject([
    { kind: 'halt', by: 'daily-loss', monitor, request: { scope: { kind: 'everything' }, state: 'halted' } },
  ])
  expect(() => second.assertFree('d-1', RISK)).toThrow(expect.objectContaining({ code: 'HALTED_SINCE' }))
  // The next home says it again, since the one before may have ended in between; what operators raised came to all by itself.
  const halts = fold(inPartition(0), [...stopped, event({ kind: 'everything' }, 'h-1790000000000-0')], 1)
  first.spread(halts)
  expect(second.untaken()).toHaveLength(1)
  const next = new Lookout(store.connect('three').halts, () => ({ state: inPartition(0) }))
  next.spread(halts)
  expect(second.untaken()).toHaveLength(2)
  // The lane has lost it: what lay there later was taken, and this is not back.
  const passed = { ...halts, tenure: { ...halts.tenure, taken: { ...halts.tenure.taken, halts: '9-0' } } }
  await expect
    .poll(() => {
      next.spread(passed)
      return second.untaken().length
    })
    .toBeGreaterThan(2)
  // By itself there is nobody to tell.
  const before = here.untaken().length
  here.spread(fold(EMPTY_STATE, stopped, 1))
  expect(here.untaken()).toHaveLength(before)
})
