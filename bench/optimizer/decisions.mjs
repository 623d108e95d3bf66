/** `handle` of an order with a horizon, 10,000 orders open: with the optimizer off, and on by each way to choose. */
import { handle } from '../../dist/engine/handle.js'
import { EMPTY_STATE } from '../../dist/engine/state.js'
import { digestOf } from '../../dist/base/hash.js'
import { INSTRUMENTS, activation, opening, request } from '../decisions/world.mjs'

const OPEN = 10_000
const MODEL = 'a'.repeat(64)
const BARS = 80
const BAR_MS = 60_000

/** What is measured, by name: the entry of the policy, and whether a model moves it. */
export const WAYS = {
  off: { mode: 'off', schedule: 'receding' },
  'receding, shadow': { mode: 'shadow', schedule: 'receding' },
  receding: { mode: 'on', schedule: 'receding' },
  expecting: { mode: 'on', schedule: 'expecting' },
  'expecting, moved by a model': { mode: 'on', schedule: 'expecting', model: MODEL },
}

export function openTuning(infer) {
  const now = Date.now()
  let state = EMPTY_STATE
  const step = (input) => {
    const [next, , [effect]] = handle(state, input, now)
    state = next
    return effect
  }
  for (const input of [activation(), ...opening(now)]) step(input)
  for (const instrument of INSTRUMENTS)
    step({ kind: 'observations', observations: barsOf(instrument, now), feeder: null })
  for (let at = 0; at < OPEN; at += 1) step({ kind: 'action', request: request(now) })
  const inputs = Array.from({ length: 4096 }, () => ({ kind: 'action', request: sliced(request(now)) }))
  const { constitution } = state.program
  const modelOf = () => ({ artifact: { constitution: constitution.hash }, infer })
  return Object.fromEntries(
    Object.entries(WAYS).map(([name, entry]) => {
      const content = {
        schema: 1,
        optimizers: [{ id: 'all', title: 'All', why: 'Measured', steps: 12, ...entry }],
      }
      const [steered] = handle(state, { kind: 'steer', hash: digestOf(content), content, by: 'bench' }, now)
      const call = (index) => handle(steered, inputs[index % inputs.length], now, modelOf)
      const [, , [{ decision }]] = call(0)
      const expected = entry.mode === 'on' ? 'narrow' : 'allow'
      if (decision?.verdict !== expected)
        throw new Error(`${name}: ${JSON.stringify(decision)} is not ${expected}`)
      if (entry.model !== undefined && decision.tuning.advice.shift === null)
        throw new Error(`${name}: the model was not asked: ${decision.tuning.advice.fallback}`)
      return [name, call]
    }),
  )
}

function sliced({ action, ...rest }) {
  const execution = { horizonMs: 12 * BAR_MS, urgency: 0.2 }
  return { ...rest, accept: ['narrow'], action: { ...action, quantity: action.quantity + 200, execution } }
}

function barsOf(instrument, now) {
  return Array.from({ length: BARS }, (_, at) => {
    const to = now - (BARS - 1 - at) * BAR_MS
    const high = 100.4 + 0.1 * Math.sin(at)
    const volume = 40_000 * (1 + 0.3 * Math.sin(at))
    return { kind: 'bar', instrument, from: to - BAR_MS, to, open: 100, high, low: 99.6, close: 100, volume }
  })
}
