/** The day of an account's equity: by its calendar across midnight and weekends, by the date in UTC without one, through rules, monitors and restarts. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  answered,
  ask,
  idAt,
  programOfFacts,
  ready,
  request,
  run,
  SHIPPED_TEXT,
} from '../../test/support/engine.ts'
import { constitutionOf } from '../../test/support/constitution.ts'
import { policyOf } from '../../test/support/policy.ts'
import { filesOfCanonicalText } from '../constitution/check.ts'
import { compile, type Program } from '../constitution/compile.ts'
import { checkSupply } from '../ledger/measure.ts'
import { readState, stateLines } from './state-lines.ts'
import type { Input } from './step.ts'
import type { State } from './state.ts'

const LOSS = {
  id: 'daily-loss',
  title: 'x',
  applies: { actions: ['order', 'replace'] },
  forbid: 'account.dayOpenEquity - account.equity > 3% * account.dayOpenEquity',
  unless: 'action.reducing',
}
/** By the date: as shipped. */
const DATED = programOfFacts({}, [LOSS])

/** Futures: 17:00 in Chicago is 23:00 UTC in winter. `other` has no row. */
const HOURS = `account.id,session,timezone,days,from,to
main,regular,America/Chicago,Sun-Thu,17:00,16:00`

const BY_HOURS = { 'account.dayOpenEquity': { type: 'money', source: 'ledger', calendar: 'account-hours' } }

function programBy(calendars: object): Program {
  const files = Object.fromEntries(filesOfCanonicalText(SHIPPED_TEXT))
  const shipped = JSON.parse(files['facts.yaml'] ?? '') as { facts: object }
  const facts = { ...shipped.facts, ...calendars }
  return compile(
    constitutionOf({
      ...files,
      'facts.yaml': JSON.stringify({ ...shipped, facts }),
      'tables/account-hours.csv': HOURS,
      'rules/all.yaml': JSON.stringify({ rules: [LOSS] }),
    }),
  )
}
const CALENDAR = programBy(BY_HOURS)

const equity = (of: number, at: number, account = 'main'): Input => ({
  kind: 'observations',
  observations: [{ kind: 'account', account, currency: 'USD', equity: of, cash: of, at }],
  feeder: 'feed',
})
const at = (text: string): number => Date.parse(`${text}Z`)
/** The state after reports of equity, each when it says. */
const after = (from: State, reports: readonly (readonly [string, number])[], account = 'main'): State =>
  reports.reduce((state, [time, of]) => run(state, [equity(of, at(time), account)], at(time)).state, from)
const opened = (state: State, account = 'main'): number | undefined =>
  state.ledger.accounts.get(account)?.dayOpenEquity

/** A loss of 2 % before midnight UTC, and of 2 % behind it, in one session. */
const NIGHT = [
  ['2026-12-01T22:59', 10_000_000],
  ['2026-12-01T23:30', 9_800_000],
  ['2026-12-02T00:30', 9_600_000],
] as const

test('a session over midnight is one day: what was lost before and behind it counts together', () => {
  const now = at(NIGHT[2][0])
  const asked = ask(request({}, { id: idAt(now) }))
  const verdict = (program: Program) => answered(after(ready(program), NIGHT), asked, now)?.verdict
  expect(opened(after(ready(CALENDAR), NIGHT))).toBe(10_000_000)
  expect(opened(after(ready(DATED), NIGHT))).toBe(9_800_000)
  expect([verdict(CALENDAR), verdict(DATED)]).toEqual(['deny', 'allow'])
})

test('a monitor of the daily loss sees the same day', () => {
  const monitor = { id: 'day-loss', watches: 'daily-loss', limit: '3%', state: 'reducing', scope: 'account' }
  const halts = (program: Program) =>
    after(run(ready(program), [policyOf(monitor)], at('2026-12-01T16:00')).state, NIGHT).ledger.halts.size
  expect([halts(CALENDAR), halts(DATED)]).toEqual([1, 0])
})

test('Friday’s day goes on until Sunday evening, and opens anew with what was last reported before', () => {
  const friday = after(ready(CALENDAR), [
    ['2026-12-03T22:00', 100],
    ['2026-12-03T23:00', 99],
    ['2026-12-04T22:30', 98],
    ['2026-12-05T12:00', 97],
    ['2026-12-06T22:59:59.999', 96],
  ])
  expect(opened(friday)).toBe(100)
  const again = readState(stateLines(friday), () => CALENDAR)
  expect(opened(after(again, [['2026-12-06T23:00', 95]]))).toBe(96)
})

test('no other fact of the ledger goes by a calendar', () => {
  const { constitution } = programBy({
    'account.highWater': { type: 'money', source: 'ledger', calendar: 'account-hours' },
  })
  expect(checkSupply(constitution).map(({ message }) => message)).toEqual([
    'no day opens `account.highWater`, so `calendar` says nothing; only `account.dayOpenEquity` and windows go by one',
  ])
  expect(checkSupply(CALENDAR.constitution)).toEqual([])
})

test('an account without a row goes by the date in UTC', () => {
  expect(opened(after(ready(CALENDAR), NIGHT, 'other'), 'other')).toBe(9_800_000)
})

test('a constitution with another calendar forgets no loss of the day: the next opening is its', () => {
  const put = (state: State, program: Program, time: string): State =>
    run(state, [{ kind: 'activate', program, by: 'author' }], at(time)).state
  const late = put(after(ready(CALENDAR), NIGHT), DATED, '2026-12-02T00:31')
  expect(opened(after(late, [['2026-12-02T00:40', 9_500_000]]))).toBe(10_000_000)
  expect(opened(after(late, [['2026-12-02T23:30', 9_500_000]]))).toBe(10_000_000)
  expect(opened(after(late, [['2026-12-03T00:00', 9_400_000]]))).toBe(9_600_000)
})

test('any reports: a day opens with the last equity before it began, by a model that keeps all of them', () => {
  const MINUTE = 60_000
  const DAY = 86_400_000
  const first = at('2026-12-01T15:01')
  /** The openings of three weeks of winter, one by one. */
  const openings = Array.from({ length: 28 }, (_, index) => at('2026-11-22T23:00') + index * DAY).filter(
    (time) => new Date(time).getUTCDay() <= 4,
  )
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 1, max: 99 })), {
        minLength: 1,
        maxLength: 12,
      }),
      (steps) => {
        let state = ready(CALENDAR)
        // `ready` reports an equity too.
        const told = [{ time: first - MINUTE - 500, of: 10_000_000 }]
        let time = first
        for (const [minutes, of] of steps) {
          time += minutes * MINUTE
          state = run(state, [equity(of, time)], time).state
          told.push({ time, of })
          const began = openings.findLast((opening) => opening <= time) ?? 0
          const before = told.findLast((report) => report.time < began) ?? told[0]
          expect(opened(state)).toBe(before?.of)
        }
      },
    ),
    { numRuns: 60 },
  )
})
