/** A tuned action is one that the whole constitution allows, by both evaluators, never more than was asked; whatever the model says. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Program } from '../../src/constitution/compile.ts'
import { decide } from '../../src/engine/decide.ts'
import { eventText } from '../../src/engine/event-text.ts'
import { judgeWhole, type Court } from '../../src/engine/judgement.ts'
import { NO_OPTIMIZER, type Guards } from '../../src/engine/optimizer.ts'
import { rederive } from '../../src/engine/rederive.ts'
import { wholeSteps } from '../../src/base/exact.ts'
import type { LiquidityState } from '../../src/ledger/slices.ts'
import { measure } from '../../src/ledger/measure.ts'
import { subjectOf } from '../../src/ledger/subject.ts'
import type { Model } from '../../src/optimizer/artifact.ts'
import { regionOf } from '../../src/optimizer/region.ts'
import type { ActionRequest } from '../../src/protocol/action.ts'
import { decisionOf } from '../../src/protocol/evidence.ts'
import { SCHEDULES } from '../../src/protocol/optimizer.ts'
import { idAt } from '../support/engine.ts'
import { steer } from '../support/optimizer.ts'
import { reference } from './evaluators.ts'
import { hold, isBroken, LawBroken, WORLDS, type Law } from './law.ts'
import { AGENT, market, marketOf, NOW, PROGRAMS, type Market } from './narrow-world.ts'
import { verdictOf } from './naive.ts'

interface Given {
  readonly program: number
  readonly markets: readonly Market[]
  readonly schedule: (typeof SCHEDULES)[number]
  readonly steps: number
  readonly urgency: number
  /** What the model says; `undefined` where it says nothing. */
  readonly shift: number | undefined
  /** Of the order that are done already. */
  readonly done: number
  readonly mode: 'on' | 'shadow' | 'off'
}

const given: fc.Arbitrary<Given> = fc.record({
  // Those under which something can be tuned more often than the others.
  program: fc.constantFrom(0, 1, 2, 3, 4, 0, 2, 3, 5, 7),
  markets: fc.array(market, { minLength: WORLDS, maxLength: WORLDS }),
  schedule: fc.constantFrom(...SCHEDULES),
  steps: fc.integer({ min: 2, max: 48 }),
  urgency: fc.double({ min: 0, max: 1, noNaN: true }),
  shift: fc.oneof(
    fc.double({ min: -5, max: 5 }),
    fc.constantFrom(undefined, 1e308, -1e308, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
  ),
  done: fc.nat(90),
  mode: fc.constantFrom('on', 'on', 'on', 'shadow', 'off'),
})

/** Hours of bars that nothing is wrong with. */
const LIQUID: LiquidityState = {
  from: NOW - 60_000,
  to: NOW,
  count: 100,
  run: 100,
  volume: 900,
  previousVolume: 1100,
  variance: 2e-6,
  usualVolume: 1000,
  usualVariance: 1e-6,
  level: Math.log(1000),
  risk: Math.log(1e-6),
}

const MODEL = 'a'.repeat(64)
/** Says `shift` whatever it is shown. */
const saying = (shift: number | undefined, { constitution }: Program): Model =>
  ({ artifact: { constitution: constitution.hash }, infer: () => shift }) as unknown as Model

const SECOND_MAX = process.env.EPHOR_LONG === '1' ? 20_000 : 300
const seconds = PROGRAMS.map(({ constitution }) => reference(constitution))

function tunings(guards?: Guards): Law<Given> {
  let asked = 0
  return async ({ program: index, markets, schedule, steps, urgency, shift, done, mode }, tally) => {
    const program = PROGRAMS[index] as Program
    const { hash, content } = steer([{ mode, schedule, steps, model: 'm' }], () => ({
      schedule,
      hash: MODEL,
    }))
    const optimizer = { ...NO_OPTIMIZER, policy: { hash, content } }
    const model = saying(shift, program)
    const desk = { optimizer, modelOf: () => model, ...(guards === undefined ? {} : { guards }) }
    for (const [place, any] of markets.entries()) {
      // A broken lot is denied or made smaller before anything is tuned.
      const one = place % 5 === 0 ? any : { ...any, stray: 0 }
      tally.cases += 1
      const count = (what: string): void => void tally.seen.set(what, (tally.seen.get(what) ?? 0) + 1)
      const made = marketOf(one, program)
      const ledger = { ...made.ledger, liquidity: made.ledger.liquidity.set('THING', LIQUID) }
      const whole = wholeSteps(made.order.quantity, one.lot)
      const parent =
        done === 0 || whole === undefined ? {} : { parent: { id: 'p', quantity: made.order.quantity } }
      const request: ActionRequest = {
        id: idAt(NOW, `${place}`),
        agent: AGENT,
        action: { ...made.order, ...parent, execution: { horizonMs: 3_600_000, urgency } },
        accept: ['narrow'],
      }
      const court: Court = { ledger, program, now: NOW }
      const tuned = decide({ ...court, desk }, request, 'none')
      // What the rules deny the optimizer never sees; a part of it is enough to show that.
      if (tuned.decision.verdict === 'deny' && place % 4 > 0) continue
      const plain = decide(court, request, 'none')
      const { decision } = tuned
      const text = (of: typeof plain): string => eventText({ schema: 1, type: 'decided', ...of })
      const context = (): string =>
        `${JSON.stringify(decision)} in ${JSON.stringify(one)} by program ${index}`
      const broken = (what: string): never => {
        throw new LawBroken(`${what}: ${context()}`)
      }
      if (mode === 'off') {
        if (text(tuned) !== text(plain)) broken('off, it is another record')
        continue
      }
      const { tuning, verdict, action } = decision
      count(tuning?.outcome === 'untuned' ? tuning.why : (tuning?.outcome ?? `none: ${verdict}`))
      if (tuning?.outcome === 'untuned' && tuning.why === 'rejected') broken('what was chosen did not pass')
      if ((verdict === 'deny') !== (plain.decision.verdict === 'deny')) broken('tuning changed a denial')
      if (action.type !== 'order' || plain.decision.action.type !== 'order') continue
      if (!(action.quantity > 0 && action.quantity <= plain.decision.action.quantity))
        broken('more than the rules alone let pass')
      if (mode === 'shadow' && action.quantity !== plain.decision.action.quantity) broken('shadow changed it')
      if (tuning?.outcome !== 'tuned') continue
      if (judgeWhole(court, AGENT, action).verdict !== 'allow') broken('it does not pass')
      const problem = rederive(decisionOf(JSON.parse(text(tuned)) as typeof tuned), program)
      if (problem !== undefined) broken(problem)
      if (asked >= SECOND_MAX) continue
      asked += 1
      count('asked of the second evaluator')
      const read = measure(ledger, subjectOf(ledger, AGENT, action), program.constitution, NOW)
      const results = await seconds[index]?.('order', read, NOW)
      if (results === undefined || verdictOf(program.constitution, results) !== 'allow')
        broken('the second evaluator refuses it')
    }
  }
}

test('every tuned action passes whole, is no more than asked, and comes out of its record again', async () => {
  const { seen } = await hold('tuning', given, tunings())
  expect(seen.get('tuned')).toBeGreaterThan(500)
  expect(seen.get('rules-not-monotone')).toBeGreaterThan(100)
  expect(seen.get('asked of the second evaluator')).toBe(SECOND_MAX)
})

const larger: Guards['region'] = (asked) => {
  const region = regionOf(asked)
  return 'untuned' in region ? region : { ...region, lo: region.hi + 1, hi: region.hi + 1 }
}
/** A market in which money is no object. */
const elsewhere: Guards['judge'] = (court, agent, action) =>
  judgeWhole(
    {
      ...court,
      ledger: {
        ...court.ledger,
        accounts: court.ledger.accounts.map((account) => ({ ...account, equity: 1e14, credit: 1e14 })),
      },
    },
    agent,
    action,
  )

describe('a planted fault is found', () => {
  test.each<[string, Guards]>([
    ['a region too large: its judgement refuses it', { region: larger, judge: judgeWhole }],
    [
      'and what it gave is not judged',
      { region: larger, judge: (...of) => ({ ...judgeWhole(...of), verdict: 'allow' }) },
    ],
    ['and it is judged on another snapshot', { region: larger, judge: elsewhere }],
    [
      'more is sent than was judged',
      {
        region: regionOf,
        judge: (court, agent, action) => {
          const judged = judgeWhole(court, agent, action)
          return {
            ...judged,
            action: 'quantity' in action ? { ...action, quantity: action.quantity * 1000 } : action,
          }
        },
      },
    ],
  ])('%s', async (name, guards) => {
    expect(await isBroken(name, given, tunings(guards))).toBe(true)
  })
})
