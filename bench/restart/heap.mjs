/** The heap that open orders take, in a process of its own; needs `--expose-gc`. */
import { handle } from '../../dist/engine/handle.js'
import { EMPTY_STATE } from '../../dist/engine/state.js'
import { activation, opening, request } from '../decisions/world.mjs'

const now = Date.now()
let state = EMPTY_STATE
const step = (input) => {
  const [next, , [effect]] = handle(state, input, now)
  state = next
  return effect
}
const heap = () => {
  globalThis.gc()
  globalThis.gc()
  return process.memoryUsage().heapUsed
}

for (const input of [activation(), ...opening(now)]) step(input)
const before = heap()
const rows = []
for (const count of process.argv.slice(2).map(Number)) {
  while (state.ledger.live < count) {
    const { decision } = step({ kind: 'action', request: request(now) })
    if (decision?.verdict !== 'allow')
      throw new Error(`an order is not allowed: ${JSON.stringify(decision?.reasons)}`)
  }
  rows.push({ orders: count, bytesEach: (heap() - before) / count })
}
process.send(rows)
