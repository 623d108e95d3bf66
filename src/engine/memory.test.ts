/** The memory of decisions is bounded, shared fairly, and never stands in the way of a cancel. */
import { describe, expect, test } from 'vitest'
import { decidedOn, idAt, NOW, request } from '../../test/support/engine.ts'
import type { ActionRequest } from '../protocol/action.ts'
import {
  decisionId,
  digestOf,
  MEMORY_MS,
  NO_MEMORY,
  recall,
  remember,
  SKEW_MS_MAX,
  type Memory,
} from './memory.ts'

const DECIDED = decidedOn(request())
const CANCEL = { type: 'cancel', account: 'main', instrument: 'AAPL', order: 'd-1' } as const
const MAX = 12

let turn = 0
/** A request with an id of its own. */
const anew = (agent: string, more: Partial<ActionRequest> = {}, at = NOW): ActionRequest =>
  request({}, { id: idAt(at, String((turn += 1))), agent, ...more })

const decided = (memory: Memory, asked: ActionRequest, at = NOW): Memory => {
  const decision = decisionId(asked.agent, asked.id)
  return remember(memory, { ...DECIDED, decision, digest: digestOf(asked), request: asked, at }, turn)
}

/** What `agent` gets when it asks until it is refused. */
function fill(memory: Memory, agent: string, now = NOW): { memory: Memory; taken: number; code: string } {
  for (let taken = 0; ; taken += 1) {
    const asked = anew(agent, {}, now)
    const recalled = recall(memory, asked, now, MAX)
    if (recalled.kind !== 'new')
      return { memory, taken, code: recalled.kind === 'refused' ? recalled.code : recalled.kind }
    memory = decided(memory, asked, now)
  }
}

describe('the memory of decisions', () => {
  test('one agent takes half, and leaves the others room', () => {
    const first = fill(NO_MEMORY, 'greedy')
    expect(first).toMatchObject({ taken: 6, code: 'AGENT_LIMIT_REACHED' })
    const second = fill(first.memory, 'other')
    expect(second).toMatchObject({ taken: 3, code: 'AGENT_LIMIT_REACHED' })
    // What the first may have has become less, and nothing that it has is taken from it.
    expect(fill(second.memory, 'greedy')).toMatchObject({ taken: 0, code: 'AGENT_LIMIT_REACHED' })
  })

  test('an agent that has nothing gets something until all is taken', () => {
    let memory = NO_MEMORY
    const taken: number[] = []
    for (const agent of ['a', 'b', 'c', 'd', 'e', 'f']) {
      const got = fill(memory, agent)
      memory = got.memory
      taken.push(got.taken)
    }
    expect(taken).toEqual([6, 3, 2, 1, 0, 0])
    expect(fill(memory, 'g').code).toBe('LIMIT_REACHED')
  })

  test('the refusal says whose bound it is, how full, and when to ask again', () => {
    const { memory } = fill(NO_MEMORY, 'greedy')
    const refused = recall(memory, anew('greedy'), NOW, MAX)
    const again = new Date(NOW + MEMORY_MS + SKEW_MS_MAX).toISOString()
    expect(refused).toMatchObject({ detail: expect.stringContaining('6 decisions') as string })
    expect(refused).toMatchObject({ detail: expect.stringContaining(`room comes at ${again}`) as string })
  })

  test('cancels are decided all the same, and take room from nobody', () => {
    let { memory } = fill(NO_MEMORY, 'greedy')
    for (let count = 0; count < 3 * MAX; count += 1) {
      const cancel = anew('greedy', { action: CANCEL })
      expect(recall(memory, cancel, NOW, MAX)).toEqual({ kind: 'new' })
      memory = decided(memory, cancel)
    }
    expect(fill(memory, 'other').taken).toBe(3)
  })

  test('what was decided is answered again, however full it is', () => {
    const asked = anew('greedy')
    const sequence = turn
    const { memory } = fill(decided(NO_MEMORY, asked), 'greedy')
    expect(recall(memory, asked, NOW, MAX)).toEqual({ kind: 'answered', sequence })
  })

  test('the room comes back when the oldest are forgotten, to the agent that had it', () => {
    const { memory } = fill(NO_MEMORY, 'greedy')
    const edge = NOW + MEMORY_MS + SKEW_MS_MAX
    expect(fill(memory, 'greedy', edge)).toMatchObject({ taken: 0, code: 'AGENT_LIMIT_REACHED' })
    const asked = anew('greedy', {}, edge + 1)
    expect(recall(memory, asked, edge + 1, MAX)).toEqual({ kind: 'new' })
    const after = decided(memory, asked, edge + 1)
    expect([after.order.size, after.byAgent.get('greedy'), after.byDecision.size]).toEqual([1, 1, 1])
  })

  test('of cancels the oldest is forgotten, and decided anew', () => {
    const kept = 3
    const cancels = Array.from({ length: 5 }, () => anew('greedy', { action: CANCEL }))
    let memory = NO_MEMORY
    for (const [place, cancel] of cancels.entries()) {
      const decision = decisionId(cancel.agent, cancel.id)
      const core = { ...DECIDED, decision, digest: digestOf(cancel), request: cancel }
      memory = remember(memory, core, place, kept)
    }
    const recalled = cancels.map((cancel) => recall(memory, cancel, NOW, MAX))
    expect(recalled.map(({ kind }) => kind)).toEqual(['new', 'new', 'answered', 'answered', 'answered'])
    expect([memory.byDecision.size, memory.cancels.size]).toEqual([kept, kept])
  })

  test('cancels that no id can ask for are forgotten, whatever comes next', () => {
    const edge = NOW + MEMORY_MS + SKEW_MS_MAX
    const cancelled = decided(NO_MEMORY, anew('greedy', { action: CANCEL }))
    expect(decided(cancelled, anew('greedy', {}, edge), edge).cancels.size).toBe(1)
    const after = decided(cancelled, anew('greedy', {}, edge + 1), edge + 1)
    expect([after.cancels.size, after.byDecision.size]).toEqual([0, 1])
  })
})
