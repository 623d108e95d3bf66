/** Law 1 with grants: nothing but a live grant, in its bounds, lifts a rule that declares it; no unknown is lifted, and nothing else changes. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { filesOfCanonicalText } from '../../src/constitution/check.ts'
import { compile, type Program } from '../../src/constitution/compile.ts'
import { fromSteps, stepsWithin, wholeSteps } from '../../src/base/exact.ts'
import { decide } from '../../src/engine/decide.ts'
import { judgeWhole, withQuantity, type Court } from '../../src/engine/judgement.ts'
import { rederive } from '../../src/engine/rederive.ts'
import { eventText } from '../../src/engine/event-text.ts'
import { NO_GRANTS, type Grant } from '../../src/ledger/grants.ts'
import type { ActionRequest, Order } from '../../src/protocol/action.ts'
import { decisionOf } from '../../src/protocol/evidence.ts'
import { constitutionOf } from '../support/constitution.ts'
import { SHIPPED_TEXT } from '../support/engine.ts'
import { hold, isBroken, LawBroken, WORLDS, type Law } from './law.ts'
import { AGENT, market, marketOf, NOW, type Market } from './narrow-world.ts'

/** How many times its limit each rule can be granted at most, in the constitutions of this test. */
const TIMES: Readonly<Record<string, number>> = {
  'order-value-cap': 2,
  'order-size': 2,
  'position-cap': 3,
  'gross-leverage': 1.5,
  participation: 2,
}
const UP_TO: Readonly<Record<string, unknown>> = {
  'order-value-cap': true,
  'order-size': true,
  'position-cap': { upTo: '60% * account.equity' },
  'gross-leverage': { upTo: '1.5 * account.equity' },
  participation: true,
}

const KEPT = [...Object.keys(TIMES), 'credit']

function programOf(more: readonly object[], declares: (id: string) => unknown): Program {
  const files = filesOfCanonicalText(SHIPPED_TEXT)
  const { rules } = JSON.parse(files.get('rules/all.yaml') ?? '') as { rules: { id: string }[] }
  const declared = [...rules.filter(({ id }) => KEPT.includes(id)), ...more].map((rule) => {
    const { grantable: _, ...rest } = rule as { id: string; grantable?: unknown }
    const grantable = declares(rest.id)
    return grantable === undefined ? rest : { ...rest, grantable }
  })
  return compile(
    constitutionOf({ ...Object.fromEntries(files), 'rules/all.yaml': JSON.stringify({ rules: declared }) }),
  )
}

const ESCALATES = {
  id: 'large',
  title: 'large',
  applies: { actions: ['order', 'replace'] },
  escalate: 'order.value > 1% * account.equity',
  to: 'desk',
  unless: 'action.reducing',
}
/** Declares nothing. */
const HARD = {
  id: 'hard',
  title: 'hard',
  applies: { actions: ['order', 'replace'] },
  forbid: 'order.value > 3% * account.equity',
  unless: 'action.reducing',
}
const declared = (id: string): unknown => UP_TO[id]
const PROGRAMS = [programOf([HARD], declared), programOf([HARD, ESCALATES], declared)]
const RULES = PROGRAMS[1]?.constitution.rules.map(({ id }) => id) ?? []

/** A grant, mostly one that may be used. */
interface Said {
  readonly rule: string
  /** In hundredths of what is observed, but for the wide ones. */
  readonly percent: number
  readonly scope: 'agent' | 'all' | 'none' | 'other'
  readonly flaw:
    'unapproved' | 'revoked' | 'superseded' | 'over' | 'used' | 'foreign' | 'own' | 'voted' | undefined
}
const said: fc.Arbitrary<Said> = fc.record({
  rule: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...Object.keys(TIMES)) },
    fc.constantFrom('hard', ...RULES),
  ),
  percent: fc.constantFrom(50, 99, 101, 150, 1_000_000),
  scope: fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom<Said['scope'][]>('agent', 'all') },
    fc.constantFrom<Said['scope'][]>('none', 'other'),
  ),
  flaw: fc.oneof(
    { weight: 5, arbitrary: fc.constant(undefined) },
    fc.constantFrom<Said['flaw'][]>(
      'unapproved',
      'revoked',
      'superseded',
      'over',
      'used',
      'foreign',
      'own',
      'voted',
    ),
  ),
})

interface Given {
  readonly program: number
  readonly markets: readonly { readonly market: Market; readonly grants: readonly Said[] }[]
}
/** Markets in which what is asked is near the limits, on either side. */
const near = market.map((one) => ({
  ...one,
  equityRoom: 40 + (one.equityRoom % 100),
  advRoom: 60 + (one.advRoom % 100),
  volumeRoom: 60 + (one.volumeRoom % 200),
}))
const given: fc.Arbitrary<Given> = fc.record({
  program: fc.nat(PROGRAMS.length - 1),
  markets: fc.array(fc.record({ market: near, grants: fc.array(said, { maxLength: 12 }) }), {
    minLength: WORLDS,
    maxLength: WORLDS,
  }),
})

const word = (operator: string): NonNullable<Grant['approved']> => ({ operator, reason: 'test', at: NOW - 1 })
const SCOPES = {
  agent: { agent: AGENT },
  all: { agent: AGENT, account: 'main', instrument: 'THING', strategy: `agent:${AGENT}` },
  none: {},
  other: { agent: AGENT, instrument: 'OTHER' },
} as const

function grantOf(
  { rule, percent, scope, flaw }: Said,
  index: number,
  observed: number,
  program: Program,
): Grant {
  return {
    id: `g-${index}`,
    terms: {
      rule,
      scope: SCOPES[scope],
      upTo: (observed * percent) / 100,
      until: flaw === 'over' ? NOW : NOW + 1,
      uses: 1,
    },
    constitution: flaw === 'foreign' ? 'f'.repeat(64) : program.constitution.hash,
    proposed: word(flaw === 'own' ? AGENT : 'one'),
    approved: flaw === 'unapproved' ? undefined : word('two'),
    revoked: flaw === 'revoked' ? word('one') : undefined,
    superseded: flaw === 'superseded',
    asked: flaw === 'voted' ? [AGENT] : [],
    proposal: undefined,
    used: flaw === 'used' ? 1 : 0,
  }
}

const requestOf = (order: Order): ActionRequest => ({
  id: '01KBB5X5G0000000000000000A',
  agent: AGENT,
  action: order,
  accept: ['narrow'],
})

/** What must come of it, worked out from the findings and the grants alone. */
function expected(court: Court, order: Order, grants: readonly Said[]): 'allow' | 'deny' | 'pending' {
  const bare = judgeWhole(court, AGENT, order)
  if (bare.verdict !== 'deny') return bare.verdict
  let pending = false
  for (const { rule, effect, result, observed, limit } of bare.reasons) {
    if (effect === 'warn') continue
    if (effect === 'escalate' && result === 'breach') {
      pending = true
      continue
    }
    const times = rule === null ? undefined : TIMES[rule]
    if (result !== 'breach' || times === undefined) return 'deny'
    if (typeof observed !== 'number' || typeof limit !== 'number' || observed > limit * times) return 'deny'
    const covered = grants.some(
      (grant) =>
        grant.rule === rule &&
        grant.percent > 100 &&
        grant.flaw === undefined &&
        (grant.scope === 'agent' || grant.scope === 'all'),
    )
    if (!covered) return 'deny'
  }
  return pending ? 'pending' : 'allow'
}

type Judge = typeof judgeWhole

function lifting(judge: Judge): Law<Given> {
  return ({ program: index, markets }, tally) => {
    const program = PROGRAMS[index] as Program
    for (const [place, one] of markets.entries()) {
      tally.cases += 1
      const { ledger, order } = marketOf(one.market, program)
      const court: Court = { ledger, program, now: NOW }
      const bare = judge(court, AGENT, order)
      const observedBy = new Map(bare.reasons.map(({ rule, observed }) => [rule, observed]))
      const grants = one.grants.map((each, number) => {
        const observed = observedBy.get(each.rule)
        return grantOf(each, number, typeof observed === 'number' ? observed : 1, program)
      })
      const granted = NO_GRANTS.withMutations((map) => grants.forEach((grant) => map.set(grant.id, grant)))
      const lifted: Court = { ...court, ledger: { ...ledger, grants: granted } }
      const judged = judge(lifted, AGENT, order)
      const context = (): string =>
        `${JSON.stringify(order)} in ${JSON.stringify(one)} by program ${index}: ${judged.verdict}`
      const wanted = expected(court, order, one.grants)
      if (judged.verdict !== wanted) throw new LawBroken(`expected ${wanted}: ${context()}`)
      const findings = JSON.stringify(judged.judgement.findings.recorded())
      if (findings !== JSON.stringify(bare.judgement.findings.recorded()))
        throw new LawBroken(`the findings changed: ${context()}`)
      const needed = bare.verdict === 'deny' && judged.verdict !== 'deny'
      if (needed !== judged.grants.length > 0) throw new LawBroken(`the uses are wrong: ${context()}`)
      const count = (what: string): void => void tally.seen.set(what, (tally.seen.get(what) ?? 0) + 1)
      if (needed) count('lifted')
      if (needed && judged.grants.length > 1) count('by two grants')
      if (place % 4 === 0) checkDecision(lifted, order, context, count)
    }
  }
}

/** What is decided is derived again; what is narrowed passes with the grants, and is the largest where it says so. */
function checkDecision(
  court: Court,
  order: Order,
  context: () => string,
  count: (what: string) => void,
): void {
  const event = { schema: 1, type: 'decided', ...decide(court, requestOf(order), 'none') } as const
  const decision = decisionOf(JSON.parse(eventText(event)) as typeof event)
  const problem = rederive(decision, court.program)
  if (problem !== undefined) throw new LawBroken(`${problem}: ${context()}`)
  if (decision.verdict !== 'narrow' || !('quantity' in decision.action)) return
  if (decision.grants !== undefined) count('narrowed by a grant')
  const passes = (quantity: number): boolean =>
    judgeWhole(court, AGENT, withQuantity(order, quantity)).verdict === 'allow'
  const { quantity } = decision.action
  if (!passes(quantity)) throw new LawBroken(`narrowed to what does not pass: ${context()}`)
  if (decision.headroom?.largest !== true) return
  const lot = court.ledger.instruments.get('THING')?.lot ?? 1
  const low = wholeSteps(quantity, lot) ?? 0
  const high = stepsWithin(order.quantity, lot) ?? 0
  for (const lots of [low + 1, low + Math.floor((high - low) / 2), high - 1, high])
    if (lots > low && passes(fromSteps(lots, lot))) throw new LawBroken(`${lots} lots pass too: ${context()}`)
}

test('a verdict with grants is allow only if each breach is covered in its bounds', async () => {
  const { seen } = await hold('grants', given, lifting(judgeWhole))
  expect(seen.get('lifted')).toBeGreaterThan(150)
  expect(seen.get('by two grants')).toBeGreaterThan(40)
  expect(seen.get('narrowed by a grant')).toBeGreaterThan(100)
})

describe('planted faults are caught', () => {
  /** Judges after `change` has been made to each grant. */
  const changing =
    (change: (grant: Grant) => Grant): Judge =>
    (court, agent, action) =>
      judgeWhole(
        { ...court, ledger: { ...court.ledger, grants: court.ledger.grants.map(change) } },
        agent,
        action,
      )
  const careless = [[HARD], [HARD, ESCALATES]].map((more) =>
    programOf(more, (id) => UP_TO[id] ?? (id === HARD.id ? true : undefined)),
  )

  test.each<[string, Judge]>([
    ['a bound that is not held', changing((grant) => ({ ...grant, terms: { ...grant.terms, upTo: 1e15 } }))],
    [
      'an end that is not held',
      changing((grant) => ({ ...grant, terms: { ...grant.terms, until: NOW + 1 } })),
    ],
    [
      'a scope that is not held',
      changing((grant) => ({ ...grant, terms: { ...grant.terms, scope: SCOPES.agent } })),
    ],
    ['a revocation that is not held', changing((grant) => ({ ...grant, revoked: undefined }))],
    ['uses that are not counted', changing((grant) => ({ ...grant, used: 0 }))],
    ['an approval that is not asked for', changing((grant) => ({ ...grant, approved: word('two') }))],
    ['another constitution’s', changing((grant) => ({ ...grant, superseded: false }))],
    ['an agent that grants itself', changing((grant) => ({ ...grant, proposed: word('one') }))],
    [
      'a rule that does not declare it',
      (court, agent, action) => {
        const program = careless[PROGRAMS.indexOf(court.program)] as Program
        const grants = court.ledger.grants.map((grant) =>
          grant.constitution === court.program.constitution.hash
            ? { ...grant, constitution: program.constitution.hash }
            : grant,
        )
        return judgeWhole({ ...court, program, ledger: { ...court.ledger, grants } }, agent, action)
      },
    ],
    [
      'an unknown that is lifted',
      (court, agent, action) => {
        const judged = judgeWhole(court, agent, action)
        const unknown = judged.reasons.every(
          ({ rule, result }) =>
            result === 'unknown' && court.ledger.grants.some(({ terms }) => terms.rule === rule),
        )
        return judged.verdict === 'deny' && judged.reasons.length > 0 && unknown
          ? { ...judged, verdict: 'allow' }
          : judged
      },
    ],
  ])('%s', async (name, judge) => {
    expect(await isBroken(name, given, lifting(judge))).toBe(true)
  })
})
