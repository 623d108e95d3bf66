/** The cluster in memory keeps to the suite, by a clock that the test sets. */
import { describe } from 'vitest'
import { MemoryStore } from '../../src/cluster/memory.ts'
import { conformance, type Bench } from './conformance.ts'
import { retention } from './retention.ts'

const open = async (): Promise<Bench> => {
  let now = 1_000_000
  const lose = new Set<string>()
  const store = new MemoryStore({
    now: () => now,
    // Nobody here waits for what does not come.
    sleep: () => new Promise(() => {}),
    fault: (call, name) => ({ kind: lose.delete(`${name} ${call}`) ? 'unanswered' : 'none', delayMs: 0 }),
  })
  return {
    connect: async (name) => store.connect(name),
    pass: async (ms) => {
      now += ms
    },
    restart: async () => store.restart(),
    loseReply: (name, call) => void lose.add(`${name} ${call}`),
    end: async () => {},
  }
}

describe('conformance', () => {
  conformance(open)
})
describe('retention', () => {
  retention(open)
})
