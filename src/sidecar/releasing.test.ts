/** The last look before a verdict leaves: at the state, and where there are others at the halts that were heard of meanwhile. */
import { beforeEach, describe, expect, test } from 'vitest'
import { ask, NOW, ready, request, run } from '../../test/support/engine.ts'
import { systemTimers } from '../base/clock.ts'
import { MemoryStore, type Fault } from '../cluster/memory.ts'
import type { State } from '../engine/state.ts'
import type { ActionRequest, HaltRequest } from '../protocol/action.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import { Lookout } from './lookout.ts'
import { Releasing } from './releasing.ts'

const halt = (scope: HaltRequest['scope']) =>
  ({ kind: 'halt', request: { scope, state: 'halted', reason: 'test' }, by: 'operator' }) as const

let state: State
let fault: Fault['kind']
let here: Lookout
let there: Lookout
let later: (ms: number) => void

function releasing(lookout: Lookout | undefined): Releasing {
  const book = () => ({ state, now: () => NOW, decisionAt: () => Promise.resolve(undefined) })
  return new Releasing({ permits: undefined, lookout, book, findDecision: () => Promise.resolve(undefined) })
}

function decided(asked: ActionRequest): DecisionCore {
  const done = run(ready(), [ask(asked)], NOW)
  ;({ state } = done)
  const [event] = done.events
  if (event?.type !== 'decided') throw new Error('expected a decision')
  return event.decision
}

beforeEach(() => {
  let now = 1_000
  fault = 'none'
  const store = new MemoryStore({
    now: () => now,
    sleep: () => Promise.resolve(),
    fault: (_, name) => ({ kind: name === 'here' ? fault : 'none', delayMs: 0 }),
  })
  const enter = (name: string): Lookout =>
    new Lookout(store.connect(name).halts, () => ({ state }), {
      ...systemTimers,
      pause: async (ms) => {
        now += ms
      },
    })
  here = enter('here')
  there = enter('there')
  later = (ms) => {
    now += ms
  }
})

describe('one of several', () => {
  test('tells what was allowed while no halt over it is heard of, and not after', async () => {
    const decision = decided(request())
    expect(decision.verdict).toBe('allow')
    await there.raise('r1', halt({ kind: 'account', name: 'other' }))
    expect(await releasing(here).release(decision, 1, null, false)).toMatchObject({
      kind: 'answer',
      answer: { verdict: 'allow', decision: decision.decision },
    })
    await there.raise('r2', halt({ kind: 'account', name: 'main' }))
    await expect(releasing(here).release(decision, 1, null, false)).rejects.toMatchObject({
      code: 'HALTED_SINCE',
    })
  })

  test('tells nothing that was allowed while it hears no halts', async () => {
    const decision = decided(request())
    await here.inTouch()
    fault = 'lost'
    later(181)
    await expect(releasing(here).release(decision, 1, null, false)).rejects.toMatchObject({
      code: 'CLUSTER_UNREACHABLE',
    })
  })

  test('tells a denial whatever is heard of', async () => {
    const decision = decided(request({ quantity: 5000 }))
    expect(decision.verdict).toBe('deny')
    await there.raise('r1', halt({ kind: 'everything' }))
    expect(await releasing(here).release(decision, 1, null, true)).toMatchObject({
      answer: { verdict: 'deny' },
      recalled: true,
    })
  })
})

test('one by itself tells at once, and what its state holds back it does not', () => {
  const decision = decided(request())
  expect(releasing(undefined).release(decision, 1, null, false)).toMatchObject({
    answer: { verdict: 'allow', permit: null, sequence: 1 },
  })
  ;({ state } = run(state, [halt({ kind: 'everything' })], NOW))
  expect(() => releasing(undefined).release(decision, 1, null, false)).toThrow(
    expect.objectContaining({ code: 'HALTED_SINCE' }),
  )
})
