/** Windows over what agents did hold what a naive count of the whole list finds, however it comes and goes. */
import { describe, expect, test } from 'vitest'
import fc from 'fast-check'
import type { Constitution, Fact } from '../../src/constitution/model.ts'
import type { Table } from '../../src/constitution/table.ts'
import { measure } from '../../src/ledger/measure.ts'
import { countDecision, countFill, keepWindowsOf } from '../../src/ledger/own-actions.ts'
import { subjectOf } from '../../src/ledger/subject.ts'
import type { Ledger } from '../../src/ledger/ledger.ts'
import { hold, isBroken, LawBroken, WORLDS, type Law } from './law.ts'
import { CONSTITUTION, naive, NAMES, note, START, work, WORLD, type Step, type Work } from './window-model.ts'

const given = fc.array(work, { minLength: WORLDS, maxLength: WORLDS })

/** The fold with a fault in it. */
interface Fault {
  /** What is counted in place of what happened. */
  readonly counted?: (what: Step['what']) => readonly Step['what'][]
  /** The constitution that is kept and read, where another than the one the naive count goes by. */
  readonly constitution?: Constitution
  /** Counts an action before it is judged. */
  readonly early?: true
}

function fold(
  ledger: Ledger,
  at: number,
  { judged, fill }: Step['what'],
  constitution: Constitution,
): Ledger {
  const windows =
    judged === undefined
      ? countFill(ledger.windows, { at, ...fill })
      : countDecision(ledger, judged, constitution, at)
  return { ...ledger, windows }
}

/** How far beyond its length a window may reach: a step of a thousandth for those longer than a minute. */
function slack({ origin }: Fact): number {
  if (origin.kind !== 'window' || origin.window === 'day' || origin.window <= 60_000) return 0
  return Math.ceil(origin.window / 1000)
}

function agrees({
  counted = (what) => [what],
  constitution = CONSTITUTION,
  early,
}: Fault): Law<readonly Work[]> {
  return (works, tally) => {
    for (const { steps, activated } of works) {
      tally.cases += 1
      let ledger = WORLD
      let at = START
      const noted: ReturnType<typeof note>[] = []
      for (const [index, { after, what }] of steps.entries()) {
        at += after
        if (index === activated)
          ledger = { ...ledger, windows: keepWindowsOf(ledger.windows, constitution, at) }
        const next = counted(what).reduce((before, one) => fold(before, at, one, constitution), ledger)
        if (index >= activated && what.judged !== undefined) {
          const { agent, action } = what.judged.request
          const looked = early === true ? next : ledger
          const read = measure(looked, subjectOf(looked, agent, action), constitution, at)
          for (const name of NAMES) {
            const found = read(name)?.value
            const least = naive(noted, name, agent, action, at)
            const most = naive(noted, name, agent, action, at, slack(CONSTITUTION.facts.get(name) as Fact))
            if (least === undefined ? found !== undefined : !between(found, least, most))
              throw new LawBroken(`${name} of ${index}: ${found}, and counted anew ${least} to ${most}`)
            if (typeof found === 'number' && found > 0) seen(tally.seen, name)
            if (least !== undefined && found !== least) seen(tally.seen, `${name} above`)
          }
        }
        ledger = next
        noted.push(note(at, what))
      }
    }
  }
}

function between(found: unknown, least: number, most: number | undefined): boolean {
  // A sum that reaches further may take in one nobody knows; then it is only known not to be too little.
  return typeof found === 'number' && found >= least && (most === undefined || found <= most)
}

function seen(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}

function altered(name: string, change: object): Constitution {
  const facts = new Map(CONSTITUTION.facts)
  const fact = facts.get(name) as Fact
  facts.set(name, { ...fact, origin: { ...fact.origin, ...change } })
  return { ...CONSTITUTION, facts }
}

const HOURS = CONSTITUTION.tables.get('hours') as Table
/** Both sessions a quarter of an hour later. */
const OTHER_HOURS: Table = {
  ...HOURS,
  sessions: HOURS.sessions.map((session) => ({ ...session, from: session.from + 15 })),
}

describe('windows', () => {
  test('hold what a naive count finds', async () => {
    const { seen: reached } = await hold('windows', given, agrees({}))
    for (const name of NAMES) expect(reached.get(name), name).toBeGreaterThan(10)
    // Only windows longer than a minute, counted in steps, may hold more, and they do so now and then.
    const above = [...reached.keys()].filter((name) => name.endsWith(' above')).toSorted()
    expect(above).toContain('agent.orders1h above')
    expect(above.filter((name) => !/1h|5min|24h/.test(name))).toEqual([])
  })

  const denies = ({ judged }: Step['what']): boolean => judged?.verdict === 'deny'
  test.each<[string, Fault]>([
    ['counts the action being judged', { early: true }],
    [
      'counts denied requests as sent',
      {
        counted: (what) =>
          denies(what) && what.judged ? [{ judged: { ...what.judged, verdict: 'allow' } }] : [what],
      },
    ],
    ['forgets denied requests where they count', { counted: (what) => (denies(what) ? [] : [what]) }],
    ['reaches a millisecond too far', { constitution: altered('agent.messages1s', { window: 1001 }) }],
    ['reaches a millisecond too short', { constitution: altered('agent.messages1s', { window: 999 }) }],
    ['reaches too short by a step', { constitution: altered('agent.orders1h', { window: 3_596_000 }) }],
    [
      'leaves a name out of its key',
      {
        constitution: altered('order.twins1s', {
          by: ['account.id', 'instrument.id', 'order.side', 'order.quantity'],
        }),
      },
    ],
    ['goes by another name', { constitution: altered('account.messages10s', { by: ['agent.id'] }) }],
    ['begins its day elsewhere', { constitution: altered('agent.fills1d', { zone: 'UTC' }) }],
    [
      'goes by midnight and not by its calendar',
      { constitution: altered('agent.orders1t', { calendar: undefined, zone: 'America/Chicago' }) },
    ],
    [
      'goes by another calendar',
      { constitution: { ...CONSTITUTION, tables: new Map([['hours', OTHER_HOURS]]) } },
    ],
    ['counts what was asked again', { counted: (what) => (what.judged ? [what, what] : [what]) }],
    [
      'counts a narrowed order only as what it became',
      {
        counted: ({ judged, fill }) =>
          judged === undefined
            ? [{ fill }]
            : [{ judged: { ...judged, request: { ...judged.request, action: judged.action } } }],
      },
    ],
    [
      'counts a narrowed order only as what was asked',
      {
        counted: ({ judged, fill }) =>
          judged === undefined ? [{ fill }] : [{ judged: { ...judged, action: judged.request.action } }],
      },
    ],
    ['forgets fills', { counted: (what) => (what.fill === undefined ? [what] : []) }],
  ])('a window that %s is caught', async (name, fault) => {
    expect(await isBroken(name, given, agrees(fault))).toBe(true)
  })
})
