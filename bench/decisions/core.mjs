/** The core alone: `handle` of an order with 10,000 orders open. */
import { handle } from '../../dist/engine/handle.js'
import { answerOf } from '../../dist/engine/memory.js'
import { EMPTY_STATE } from '../../dist/engine/state.js'
import { activation, opening, request } from './world.mjs'

export function openCore(openOrders) {
  const now = Date.now()
  let state = EMPTY_STATE
  const step = (input) => {
    const [next, , [effect]] = handle(state, input, now)
    state = next
    return effect
  }
  for (const input of [activation(), ...opening(now)]) step(input)
  for (let at = 0; at < openOrders; at += 1) {
    const effect = step({ kind: 'action', request: request(now) })
    if (effect.decision?.verdict !== 'allow')
      throw new Error(`an order is not allowed: ${JSON.stringify(effect)}`)
  }
  const inputs = Array.from({ length: 4096 }, () => ({ kind: 'action', request: request(now) }))
  const [, [event], [{ decision, sequence }]] = handle(state, inputs[0], now)
  return {
    /** Each call judges another order on the same state, so that the state does not grow while it is timed. */
    handle: (index) => handle(state, inputs[index % inputs.length], now),
    recordText: JSON.stringify(event),
    answerText: JSON.stringify(answerOf(decision, sequence, null)),
  }
}
