/** In any history a state that was written and read, and then saw the rest, is the state that saw all of it: byte for byte. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Queue } from '../../src/base/queue.ts'
import { readState, stateLines } from '../../src/engine/state-lines.ts'
import { apply, EMPTY_STATE, type State } from '../../src/engine/state.ts'
import { programOfHash } from './constitution.ts'
import { REAL, type Core, type Kept } from './core.ts'
import { play } from './play.ts'
import { SEED, simulate } from './simulate.ts'
import { story } from './steps.ts'

const LONG = process.env.EPHOR_LONG === '1'
const STORIES = LONG ? 2_000 : 60
/** Records of a story at which a checkpoint is taken, evenly spread; all in the long form. */
const POINTS = LONG ? Number.POSITIVE_INFINITY : 8

const textOf = (state: State): string => [...stateLines(state)].join('\n')
const fold = (records: readonly Kept[], from = EMPTY_STATE): State =>
  records.reduce((state, record) => apply(state, record, programOfHash), from)
const written = (state: State): State => readState(stateLines(state), programOfHash)

/** The places of `count` records at which to take a checkpoint, from none to all. */
function points(count: number): number[] {
  const step = Math.max(1, Math.floor(count / POINTS))
  return [
    ...new Set([...Array.from({ length: Math.floor(count / step) }, (_, index) => index * step), count]),
  ]
}

/** Holds the law in random stories; `through` is what a checkpoint does to a state. */
function holdLaw(through: (state: State) => State): { checkpoints: number; broken: string | undefined } {
  let checkpoints = 0
  const { failed, errorInstance } = fc.check(
    fc.property(story(60), (one) => {
      const { records, state: live } = play(REAL, one)
      // The state after each record, folded once.
      const states = [EMPTY_STATE]
      for (const record of records) states.push(fold([record], states.at(-1)))
      const whole = textOf(states.at(-1) ?? EMPTY_STATE)
      if (textOf(live) !== whole) throw new Error('the live state is not the fold of its records')
      for (const point of points(records.length)) {
        checkpoints += 1
        const rest = fold(records.slice(point), through(states[point] ?? EMPTY_STATE))
        if (textOf(rest) !== whole) throw new Error(`it differs with a checkpoint at record ${point}`)
      }
    }),
    { seed: SEED, numRuns: STORIES, endOnFailure: true },
  )
  return { checkpoints, broken: failed ? (errorInstance as Error).message : undefined }
}

test('a checkpoint at any record and the rest of the journal make the state of the whole journal', () => {
  process.stdout.write(`checkpoints: EPHOR_SEED=${SEED}\n`)
  const { checkpoints, broken } = holdLaw(written)
  expect(broken).toBeUndefined()
  expect(checkpoints).toBeGreaterThan(STORIES)
  process.stdout.write(`checkpoints: ${STORIES} stories, ${checkpoints} checkpoints\n`)
})

test('a core that is started from checkpoints again and again does what a naive model says', () => {
  let turn = 0
  const restart: Core['restart'] = (records) => {
    turn += 7
    const point = turn % (records.length + 1)
    return fold(records.slice(point), written(fold(records.slice(0, point))))
  }
  expect(simulate('restarts from checkpoints', { ...REAL, restart }).seen.get('restart')).toBeGreaterThan(2)
})

describe('a fault that is planted is caught', () => {
  const withLedger = (state: State, ledger: Partial<State['ledger']>): State => ({
    ...state,
    ledger: { ...state.ledger, ...ledger },
  })
  test.each<[string, (state: State) => State]>([
    [
      'a memory in another order',
      (state) => ({
        ...state,
        memory: { ...state.memory, order: Queue.of([...state.memory.order].toSorted((a, b) => b.at - a.at)) },
      }),
    ],
    [
      'a count of -0 where it was 0',
      (state) => withLedger(state, { live: state.ledger.live === 0 ? -0 : state.ledger.live }),
    ],
    [
      'a memory that forgot how many it holds',
      (state) => ({ ...state, memory: { ...state.memory, order: Queue.empty() } }),
    ],
    ['one order too many', (state) => withLedger(state, { live: state.ledger.live + 1 })],
    [
      'ticks that are gone',
      (state) => withLedger(state, { ticks: state.ledger.ticks.map((ticks) => ticks.shift()) }),
    ],
  ])('%s', (_, fault) => {
    expect(holdLaw((state) => fault(written(state))).broken).toMatch(/it differs with a checkpoint/)
  })
})
