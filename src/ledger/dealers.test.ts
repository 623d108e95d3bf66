import { Map } from 'immutable'
import { describe, expect, test } from 'vitest'
import { NOW, request } from '../../test/support/engine.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import { dealersAfter, NO_DEALERS, ownersIn, type Dealings } from './dealers.ts'

const decision = (changed: Partial<DecisionCore> = {}): DecisionCore => {
  const asked = changed.request ?? request()
  return { verdict: 'allow', request: asked, action: asked.action, at: NOW, ...changed } as DecisionCore
}

describe('who deals on an account', () => {
  test('is who was allowed something on it, once', () => {
    const once = dealersAfter(NO_DEALERS, decision())
    expect(once.toJS()).toEqual({ main: { alpha: true } })
    expect(dealersAfter(once, decision({ verdict: 'narrow' }))).toBe(once)
    const other = dealersAfter(once, decision({ request: request({}, { agent: 'beta' }) }))
    expect([...(other.get('main')?.keys() ?? [])].toSorted()).toEqual(['alpha', 'beta'])
  })

  test.each<[string, Partial<DecisionCore>]>([
    ['was denied', { verdict: 'deny' }],
    ['cancels', { action: { type: 'cancel', account: 'main', instrument: 'AAPL', order: 'd-1' } }],
    ['changes a limit', { action: { type: 'change', subject: 'limit', target: 'main', from: '1', to: '2' } }],
  ])('is not who %s', (_, changed) => {
    expect(dealersAfter(NO_DEALERS, decision(changed))).toBe(NO_DEALERS)
  })
})

test('an exception comes to the owners of the narrowest name in its scope', () => {
  const dealings: Dealings = {
    agents: Map({
      alpha: { owner: 'desk-1', strategies: ['drift'] },
      beta: { owner: 'desk-2', strategies: ['carry'] },
      gamma: { owner: undefined, strategies: ['drift'] },
    }),
    owners: Map({ main: 'desk-9' }),
    dealers: Map({
      main: Map<string, true>({ alpha: true, delta: true }),
      other: Map<string, true>({ beta: true }),
    }),
  }
  const found = (scope: Parameters<typeof ownersIn>[0]): string[] => [...ownersIn(scope, dealings)].toSorted()
  expect(found({ agent: 'alpha' })).toEqual(['desk-1'])
  expect(found({ agent: 'nobody' })).toEqual(['nobody'])
  expect(found({ agent: 'alpha', account: 'main' })).toEqual(['desk-1'])
  // An agent that names no owner is its own.
  expect(found({ strategy: 'drift' })).toEqual(['desk-1', 'gamma'])
  expect(found({ strategy: 'agent:gamma' })).toEqual(['gamma'])
  expect(found({ account: 'main' })).toEqual(['delta', 'desk-1', 'desk-9'])
  expect(found({ strategy: 'carry', account: 'main' })).toEqual(['desk-2', 'desk-9'])
  expect(found({ account: 'unheard' })).toEqual([])
  expect(found({ instrument: 'AAPL' })).toEqual(['delta', 'desk-1', 'desk-2'])
})
