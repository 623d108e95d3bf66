import { describe, expect, test } from 'vitest'
import { idAt, LIQUID, NOW, PROGRAM, ready, run } from '../../test/support/engine.ts'
import { HOUR, sliced, steer, WELL_KNOWN } from '../../test/support/optimizer.ts'
import { FEATURES, writeFeatures } from '../optimizer/features.ts'
import { situationOf } from '../optimizer/slice.ts'
import { ASKS, binsOf, LOOK, type Bins } from '../optimizer/watch.ts'
import type { Model } from '../optimizer/artifact.ts'
import type { Event } from '../protocol/event.ts'
import type { Tuned } from '../protocol/optimizer.ts'
import { eventText } from './event-text.ts'
import { handle } from './handle.ts'
import type { ModelOf } from './optimizer.ts'
import type { State } from './state.ts'
import { fold } from './step.ts'
import { TuningAudit } from './tuning-audit.ts'

const MODEL = 'a'.repeat(64)

/** A model that says what `say` makes of what it is shown. */
const saying =
  (say: (features: Float64Array) => number | undefined, constitution = PROGRAM.constitution.hash): ModelOf =>
  () =>
    ({ artifact: { constitution }, infer: say }) as unknown as Model

const steered = (reference?: readonly Bins[]): State =>
  run(
    ready(PROGRAM, WELL_KNOWN),
    [
      steer([{ schedule: 'receding', steps: 4, model: 'champion' }], () => ({
        schedule: 'receding',
        hash: MODEL,
        ...(reference === undefined
          ? {}
          : { reference: reference.map((of) => structuredClone(of) as never) }),
      })),
    ],
    NOW,
  ).state

/** Asks for the first slices of so many orders, each cancelled by time, at times that the throttles let pass. */
function askFor(
  from: State,
  count: number,
  modelOf: ModelOf,
): { state: State; events: Event[]; tuned: Tuned[] } {
  let state = from
  const events: Event[] = []
  const tuned: Tuned[] = []
  for (let at = 0; at < count; at += 1) {
    const of = sliced(
      { quantity: 40 + (at % 50), execution: { horizonMs: HOUR, urgency: 0.2 } },
      { id: idAt(NOW, `W${at}`) },
    )
    // A hundred milliseconds would be nearer to the world; each order is judged from the same state, and what is counted is carried on.
    const [next, happened] = handle(state, { kind: 'action', request: of }, NOW, modelOf)
    state = { ...state, optimizer: next.optimizer }
    events.push(...happened)
    for (const event of happened)
      if (event.type === 'decided' && event.decision.tuning?.outcome === 'tuned')
        tuned.push(event.decision.tuning)
    if (happened.some(({ type }) => type === 'tuningStopped')) break
  }
  return { state, events, tuned }
}

const stopsIn = (events: readonly Event[]) => events.filter((event) => event.type === 'tuningStopped')

test('what a model says moves the schedule, and is in the record', () => {
  const { tuned } = askFor(
    steered(),
    1,
    saying(() => 1),
  )
  expect(tuned[0]?.advice).toEqual({ model: MODEL, shift: 1, fallback: null })
  expect(tuned[0]?.lots).toBeGreaterThan(tuned[0]?.schedule.lots ?? 0)
  const { tuned: none } = askFor(
    steered(),
    1,
    saying(() => 0),
  )
  expect(none[0]?.lots).toBe(none[0]?.schedule.lots)
})

describe('a model that says nothing leaves it to the schedule, and the record says why', () => {
  const poor = (observations = LIQUID) =>
    run(
      ready(PROGRAM, observations),
      [steer([{ schedule: 'receding', model: 'm' }], () => ({ schedule: 'receding', hash: MODEL }))],
      NOW,
    ).state
  test.each<[string, State, ModelOf]>([
    ['model-missing', steered(), () => undefined],
    ['constitution-differs', steered(), saying(() => 1, 'b'.repeat(64))],
    ['outside-support', steered(), saying(() => undefined)],
    ['outside-support', steered(), saying(() => Number.NaN)],
    ['outside-support', steered(), saying(() => Number.POSITIVE_INFINITY)],
    ['bars-missing', poor(), saying(() => 1)],
  ])('%s', (fallback, state, modelOf) => {
    const [tuned] = askFor(state, 1, modelOf).tuned
    expect(tuned?.advice).toEqual({ model: MODEL, shift: null, fallback })
    expect(tuned?.lots).toBe(tuned?.schedule.lots)
  })

  test('bars-stale', () => {
    const state = steered()
    const of = sliced({}, { id: idAt(NOW, 'L') })
    const old = {
      ...state,
      ledger: {
        ...state.ledger,
        liquidity: state.ledger.liquidity.map((of) => ({ ...of, from: of.from - HOUR, to: of.to - HOUR })),
      },
    }
    const [, [event]] = handle(
      old,
      { kind: 'action', request: of },
      NOW,
      saying(() => 1),
    )
    expect(event).toMatchObject({ decision: { tuning: { advice: { fallback: 'bars-stale' } } } })
  })
})

test('a model that goes without an answer too often is not asked any more; its schedule goes on', () => {
  const { state, events, tuned } = askFor(
    steered(),
    300,
    saying(() => undefined),
  )
  expect(tuned).toHaveLength(ASKS)
  expect(stopsIn(events)).toMatchObject([{ optimizer: 'all', cause: 'fallbacks' }])
  const [after] = askFor(
    state,
    1,
    saying(() => 1),
  ).tuned
  expect(after?.advice?.fallback).toBe('model-stopped')
  expect(after?.lots).toBe(after?.schedule.lots)
  // Half of the time is not too often.
  let turn = 0
  const { events: others } = askFor(
    steered(),
    250,
    saying(() => ((turn += 1) % 2 === 0 ? 0 : undefined)),
  )
  expect(stopsIn(others)).toEqual([])
})

describe('drift', () => {
  const shown = (tuned: Tuned): Float64Array => {
    const features = new Float64Array(FEATURES.length)
    const situation = situationOf(tuned, tuned.region, tuned.schedule.lots)
    if (situation === undefined) throw new Error('no situation')
    writeFeatures(situation, features)
    return features
  }
  /** What these orders are like, as training would have counted it. */
  const { tuned: usual } = askFor(
    steered(),
    100,
    saying(() => 0),
  )
  const spread = (move: number): Bins[] =>
    FEATURES.map((_, at) =>
      binsOf(usual.flatMap((one) => Array.from({ length: 20 }, () => (shown(one)[at] as number) + move))),
    )

  test('from what a model was trained on ends it', () => {
    const { events } = askFor(
      steered(spread(0.5)),
      4 * LOOK + 200,
      saying(() => 0),
    )
    expect(stopsIn(events)).toMatchObject([{ optimizer: 'all', cause: 'drift' }])
  })

  test('is none where it is asked about the same', () => {
    const { events, state } = askFor(
      steered(spread(0)),
      4 * LOOK + 200,
      saying(() => 0),
    )
    expect(stopsIn(events)).toEqual([])
    // One slice of each order is counted, of a step that its name says: here of every fourth.
    expect(state.optimizer.watches.get('all')?.looked).toBeGreaterThan(20)
  })
})

/** Sends orders slice by slice in a market of which every bar has `volume` of what is usual. */
function sendOrders(modelOf: ModelOf, count: number): { events: Event[]; first: State } {
  const first = steered()
  let state = first
  const events: Event[] = []
  for (let order = 0; order < count; order += 1) {
    let parent = { id: `P${order}`, quantity: 400 }
    let left = 400
    for (let step = 0; step < 4 && left > 0; step += 1) {
      const of = sliced(
        { quantity: left, parent, execution: { horizonMs: HOUR, urgency: 0 } },
        { id: idAt(NOW, `C${order}S${step}`) },
      )
      const [next, happened] = handle(state, { kind: 'action', request: of }, NOW, modelOf)
      events.push(...happened)
      const decided = happened.find((event) => event.type === 'decided')
      const action = decided?.type === 'decided' ? decided.decision.action : undefined
      left -= action?.type === 'order' ? action.quantity : left
      // Windows are none of this: every slice is asked for in a quiet moment.
      state = {
        ...next,
        ledger: {
          ...next.ledger,
          windows: first.ledger.windows,
          exposures: first.ledger.exposures,
          committed: first.ledger.committed,
        },
      }
      if (happened.some(({ type }) => type === 'tuningStopped')) return { events, first }
    }
  }
  return { events, first }
}

describe('cost', () => {
  test('a model that sends nearly all at once is not asked any more', () => {
    const { events } = sendOrders(
      saying(() => 4),
      60,
    )
    expect(stopsIn(events)).toMatchObject([{ optimizer: 'all', cause: 'cost' }])
  })

  test('one that changes nothing is', () => {
    const { events, first } = sendOrders(
      saying(() => 0),
      60,
    )
    expect(stopsIn(events)).toEqual([])
    // A replay counts the same without a model.
    const read = events.map((event) => JSON.parse(eventText(event)) as Event)
    expect(fold(first, read, NOW).optimizer.watches.get('all')?.asks).toBeGreaterThan(0)
  })

  test('the journal is held against its policy and plans', () => {
    const { events, first } = sendOrders(
      saying(() => 0.5),
      3,
    )
    const policy = first.optimizer.policy
    if (policy === undefined) throw new Error('no policy')
    const put: Event = { schema: 1, type: 'steered', ...policy, by: 'author', engine: '0' }
    const problems = (of: readonly Event[]): string[] => {
      const audit = new TuningAudit()
      return of.flatMap((event) => audit.take(event) ?? [])
    }
    expect(problems([put, ...events])).toEqual([])
    expect(problems(events)[0]).toMatch(/not in force/)
    expect(problems([{ ...put, hash: 'c'.repeat(64) }, ...events])[0]).toMatch(
      /not that of the optimizer policy/,
    )
    const stop: Event = {
      schema: 1,
      type: 'tuningStopped',
      optimizer: null,
      cause: 'rejected',
      detail: 'x',
      decision: 'd',
    }
    expect(problems([put, stop, ...events])[0]).toMatch(/after tuning had stopped/)
    expect(problems([put, { ...stop, optimizer: 'all' }, ...events])[0]).toMatch(
      /after the model had stopped/,
    )
    // Without a reason it goes on nowhere, also under a policy that is put in force anew.
    expect(problems([put, stop, put, ...events])[0]).toMatch(/after tuning had stopped/)
    expect(problems([put, stop, { ...put, reason: 'mended' }, ...events])).toEqual([])
    const changed = (change: (tuned: Tuned) => Tuned): Event[] =>
      events.map((event, at) =>
        event.type === 'decided' && event.decision.tuning?.outcome === 'tuned' && at > 0
          ? { ...event, decision: { ...event.decision, tuning: change(event.decision.tuning) } }
          : event,
      )
    expect(problems([put, ...changed((of) => ({ ...of, plan: { ...of.plan, urgency: 0.9 } }))])[0]).toMatch(
      /another than its first/,
    )
    expect(problems([put, ...changed((of) => ({ ...of, mode: 'canary' }))])[0]).toMatch(/in mode canary/)
    expect(
      problems([put, ...changed((of) => ({ ...of, schedule: { ...of.schedule, name: 'twap' } }))])[0],
    ).toMatch(/by twap/)
  })
})
