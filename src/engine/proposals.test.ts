/** What the rules escalate, from the proposal to the final verdict, through the core. */
import { Map } from 'immutable'
import { describe, expect, test } from 'vitest'
import { generateKeyPair } from '../base/ed25519.ts'
import { verifyCertificate } from '../consensus/verify-certificate.ts'
import {
  answered,
  ask,
  BUY,
  idAt,
  NOW,
  programWith,
  ready,
  refused,
  request,
  run,
  stillLiquid,
} from '../../test/support/engine.ts'
import {
  beatOf,
  castBy,
  LARGE,
  NAMES,
  ONLY_ORDERS,
  POLICIES,
  quorate,
  registrationOf,
  VOTERS,
  voteOn,
  type VoterName,
} from '../../test/support/quorum.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import type { Event } from '../protocol/event.ts'
import type { Policy } from '../protocol/policy.ts'
import type { Choice } from '../protocol/proposal.ts'
import { decisionOf } from '../protocol/evidence.ts'
import { eventText } from './event-text.ts'
import { decisionId } from './memory.ts'
import { rederive } from './rederive.ts'
import { readState, stateLines } from './state-lines.ts'
import { apply, EMPTY_STATE, type State } from './state.ts'
import type { Input } from './step.ts'

const PROPOSAL = `q-${decisionId('alpha', idAt(NOW)).slice(2)}.large-orders`

/** Another constitution, under which nobody votes on the same. */
const OTHER = programWith([{ ...LARGE, escalate: 'order.value > 10001 USD' }], {}, ['off-lot'])

/** The votes, one after another; each as the state stands then. */
function cast(
  from: State,
  votes: Partial<Record<VoterName, Choice>>,
  now = NOW,
): { state: State; events: Event[] } {
  let state = from
  const events: Event[] = []
  for (const [agent, choice] of Object.entries(votes)) {
    const next = run(state, [castBy(state, PROPOSAL, agent as VoterName, choice)], now)
    state = next.state
    events.push(...next.events)
  }
  return { state, events }
}

function verdictIn(events: readonly Event[]): DecisionCore | undefined {
  return events.flatMap((event) => (event.type === 'decided' ? [event.decision] : [])).at(-1)
}

const propose = (state: State = quorate()): State => run(state, [ask(request())], NOW).state
const YES = { chief: 'yes', quick: 'yes', reader: 'yes', guard: 'yes' } as const

describe('an order that a rule escalates', () => {
  test('waits for the vote of those whom the policy names, and reserves nothing', () => {
    const { state, events, effects } = run(quorate(), [ask(request())], NOW)
    expect(events.map(({ type }) => type)).toEqual(['proposed'])
    expect(effects).toMatchObject([
      { kind: 'answer', decision: { verdict: 'pending', proposals: [PROPOSAL], expires: null } },
    ])
    expect(state.ledger.live).toBe(0)
    const round = state.quorum.rounds.open.get(PROPOSAL)
    expect(round?.opening.frozen.roster.voters.map(({ agent }) => agent)).toEqual(NAMES.toSorted())
    expect(round?.deadline).toBe(NOW + 5_000)
  })

  test('goes on from a checkpoint in the middle of its round as if there had been none, and live as in a replay', () => {
    const begun = run(quorate(), [ask(request())], NOW)
    const first = cast(begun.state, { chief: 'yes', quick: 'yes' })
    const again = readState(stateLines(first.state), () => first.state.program)
    const rest = { reader: 'yes', guard: 'yes' } as const
    const [whole, resumed] = [cast(first.state, rest), cast(again, rest)]
    expect(resumed.events).toEqual(whole.events)
    expect(verdictIn(resumed.events)?.verdict).toBe('allow')
    expect([...stateLines(resumed.state)]).toEqual([...stateLines(whole.state)])
    const recorded = [...begun.events, ...first.events, ...whole.events].map(
      (event) => JSON.parse(eventText(event)) as Event,
    )
    const replayed = recorded.reduce(
      (state, event) => apply(state, { at: NOW, event }, () => state.program),
      quorate(),
    )
    expect([...stateLines(replayed)]).toEqual([...stateLines(whole.state)])
  })

  test('asked again, is the same one, waiting', () => {
    const state = propose()
    expect(run(state, [ask(request())], NOW).effects).toEqual([{ kind: 'recall', sequence: state.sequence }])
    expect(refused(state, ask(request({ quantity: 99 })))).toBe('ID_CONFLICT')
  })

  test('is judged again and allowed once enough approve, without those who have not voted', () => {
    const { state, events } = cast(propose(), YES)
    expect(events.map(({ type }) => type)).toEqual([
      'voted',
      'voted',
      'voted',
      'voted',
      'certified',
      'decided',
    ])
    expect(verdictIn(events)).toMatchObject({
      verdict: 'allow',
      reasons: [],
      proposals: [PROPOSAL],
      approvals: [{ proposal: PROPOSAL, rules: ['large'] }],
    })
    expect(state.ledger.exposures.get('main')?.get('AAPL')).toEqual({ buy: 100, sell: 0 })
    expect(state.permits.open.size).toBe(1)
    expect(run(state, [ask(request())], NOW).effects).toEqual([{ kind: 'recall', sequence: state.sequence }])
  })

  test('gives a certificate that anybody can check', () => {
    const { events } = cast(propose(), YES)
    const [certificate] = events.flatMap((event) => (event.type === 'certified' ? [event.certificate] : []))
    expect(verifyCertificate(certificate)).toMatchObject({ isValid: true })
    expect(verdictIn(events)?.approvals?.[0]?.certificate).toBe(certificate?.certificate)
    const forged = { ...certificate, outcome: 'rejected' }
    expect(verifyCertificate(forged)).toMatchObject({ isValid: false })
  })

  test.each<[string, Partial<Record<VoterName, Choice>>, string]>([
    ['risk says no', { chief: 'yes', guard: 'no' }, 'veto'],
    ['too much weight says no', { chief: 'no', quick: 'no', reader: 'no' }, 'quorum'],
  ])('is denied where %s', (_, votes, why) => {
    const { state, events } = cast(propose(), votes)
    expect(verdictIn(events)).toMatchObject({ verdict: 'deny', expires: null })
    expect(verdictIn(events)?.reasons.at(-1)).toMatchObject({ code: 'QUORUM_REJECTED', observed: why })
    expect(state.quorum.waiting.size).toBe(0)
  })

  test('is denied by silence, with whatever comes after the deadline', () => {
    const { state } = cast(propose(), { chief: 'yes', quick: 'yes' })
    const before = run(state, [beatOf('chief')], NOW + 4_999)
    expect(before.events.map(({ type }) => type)).toEqual(['beat'])
    const after = run(state, [beatOf('chief')], NOW + 5_000)
    expect(after.events.map(({ type }) => type)).toEqual(['certified', 'decided', 'beat'])
    expect(verdictIn(after.events)?.reasons.at(-1)).toMatchObject({
      code: 'QUORUM_REJECTED',
      observed: 'quorum',
    })
  })

  test('is denied by silence also where the clock has gone back past its deadline', () => {
    const second = ask(request({}, { id: idAt(NOW, '7') }))
    const { state } = run(run(propose(), [beatOf('chief')], NOW + 1_000).state, [second], NOW + 1_000)
    const late = apply(
      state,
      { at: NOW + 5_999, event: { schema: 1, type: 'beat', agent: 'chief' } },
      () => state.program,
    )
    const both = apply(
      late,
      { at: NOW + 6_001, event: { schema: 1, type: 'beat', agent: 'chief' } },
      () => state.program,
    )
    const after = run(both, [beatOf('chief')], NOW + 5_500)
    expect(after.events.map(({ type }) => type)).toEqual([
      'certified',
      'decided',
      'certified',
      'decided',
      'beat',
    ])
    expect(after.state.quorum.waiting.size).toBe(0)
  })

  test('is denied, once approved, where the rules forbid it by then', () => {
    const halted: Input = {
      kind: 'halt',
      by: 'operator-1',
      request: { scope: { kind: 'everything' }, state: 'halted', reason: 'a drill' },
    }
    const { state } = run(propose(), [halted], NOW)
    const { events } = cast(state, YES)
    expect(verdictIn(events)?.verdict).toBe('deny')
    expect(verdictIn(events)?.reasons.map(({ code }) => code)).toContain('HALTED')
  })

  test('is denied where the constitution changed meanwhile: nobody voted on that one', () => {
    const waiting = propose(quorate(ONLY_ORDERS))
    const { state } = run(waiting, [{ kind: 'activate', program: OTHER, by: 'author' }], NOW)
    const { events } = cast(state, YES)
    expect(verdictIn(events)).toMatchObject({ verdict: 'deny' })
    expect(verdictIn(events)?.reasons.at(-1)).toMatchObject({ code: 'APPROVAL_LAPSED' })
  })

  test('is withdrawn by who proposed it, and cancelled by a guardian or an operator', () => {
    const stop = (by: string, how: 'withdrawn' | 'cancelled', isOperator = false): Input => ({
      kind: 'stop',
      proposal: PROPOSAL,
      how,
      by,
      isOperator,
    })
    const state = propose()
    expect(refused(state, stop('chief', 'withdrawn'))).toBe('PROPOSER_ONLY')
    expect(refused(state, stop('quick', 'cancelled'))).toBe('GUARDIAN_ONLY')
    for (const [input, why] of [
      [stop('alpha', 'withdrawn'), 'withdrawn'],
      [stop('guard', 'cancelled'), 'cancelled'],
      [stop('operator-1', 'cancelled', true), 'cancelled'],
    ] as const) {
      const { events } = run(state, [input], NOW)
      expect(verdictIn(events)?.reasons.at(-1)).toMatchObject({ code: 'QUORUM_REJECTED', observed: why })
    }
  })
})

describe('a quorum cannot be had', () => {
  const denied = (state: State): unknown => answered(state, ask(request()))?.reasons.at(-1)
  const why = (observed: string) => ({ code: 'QUORUM_UNAVAILABLE', observed })

  test('where too few are registered, heard or have keys', () => {
    expect(denied(quorate(POLICIES, ['chief', 'guard']))).toMatchObject(why('CAPS_INFEASIBLE'))
    expect(denied(quorate(POLICIES, []))).toMatchObject(why('VOTERS_NONE'))
    const silent = run(quorate(), [{ kind: 'beat', agent: 'chief' }], NOW + 6_001).state
    const asked = ask(request({}, { id: idAt(NOW, '9') }))
    const { effects } = run(silent, [asked], NOW + 6_001)
    expect(effects).toMatchObject([{ decision: { verdict: 'deny' } }])
  })

  test('where no policy is called as the rule says', () => {
    const others = POLICIES.filter(({ name }) => name !== 'large-orders')
    expect(denied(quorate(others))).toMatchObject(why('POLICY_DIFFERS'))
  })
})

describe('votes that do not count', () => {
  const state = propose()
  const vote = (agent: VoterName, choice: Choice, change: object = {}): Input => ({
    kind: 'vote',
    vote: { ...voteOn(state, PROPOSAL, agent, choice), ...change },
  })

  test.each<[string, Input, string]>([
    ['in a round that is not known', vote('chief', 'yes', { round: 'q-none.large-orders' }), 'ROUND_UNKNOWN'],
    ['with a choice that was not signed', vote('chief', 'yes', { choice: 'no' }), 'VOTE_SIGNATURE_INVALID'],
    ['on something else', vote('chief', 'yes', { digest: '0'.repeat(64) }), 'VOTE_SIGNATURE_INVALID'],
    ['by a stranger', vote('chief', 'yes', { agent: 'alpha' }), 'VOTER_UNKNOWN'],
    [
      'with another key',
      { kind: 'vote', vote: voteOn(state, PROPOSAL, 'chief', 'yes', generateKeyPair()) },
      'VOTE_SIGNATURE_INVALID',
    ],
  ])('%s', (_, input, code) => {
    expect(refused(state, input)).toBe(code)
  })

  test('by one who was retired, is silent, or has another key since', () => {
    const retired = run(state, [{ kind: 'retire', agent: 'chief', by: 'operator-1', reason: 'x' }], NOW).state
    expect(refused(retired, vote('chief', 'yes'))).toBe('VOTER_RETIRED')
    const rotated = run(state, [registrationOf('chief', generateKeyPair()), beatOf('chief')], NOW).state
    expect(refused(rotated, vote('chief', 'yes'))).toBe('VOTE_SIGNATURE_INVALID')
  })

  test('the second time, unless they differ: then the voter counts as against', () => {
    const { state: voted } = cast(state, { chief: 'yes' })
    const again = run(voted, [vote('chief', 'yes')], NOW)
    expect([again.events, again.effects]).toMatchObject([[], [{ body: { repeated: true } }]])
    const { state: twice, events } = run(voted, [vote('chief', 'no')], NOW)
    expect(events.map(({ type }) => type)).toEqual(['voted'])
    expect(twice.quorum.rounds.open.get(PROPOSAL)?.equivocations.has('chief')).toBe(true)
  })
})

describe('an approval', () => {
  const approved = cast(propose(), YES).state
  const slice = (tail: string, quantity: number, more: object = {}): Input =>
    ask(request({ quantity, ...more }, { id: idAt(NOW, tail), approval: PROPOSAL }))

  test('is used up by what it released', () => {
    expect(approved.quorum.approvals.size).toBe(0)
    expect(answered(approved, slice('1', 60))?.reasons.at(-1)).toMatchObject({ code: 'APPROVAL_LAPSED' })
  })

  /** Approved while an order could not be released, so that all of it is left. */
  const held = (): State => {
    const stop: Input = {
      kind: 'halt',
      by: 'operator-1',
      request: { scope: { kind: 'everything' }, state: 'halted', reason: 'a drill' },
    }
    const large = run(quorate(), [ask(request({ quantity: 200 }))], NOW).state
    const { state } = cast(run(large, [stop], NOW).state, YES)
    const [halt = ''] = state.ledger.halts.keys()
    // Nobody can be asked while no policy says how, so that two operators lift it.
    const { policies } = state.quorum
    const resume = (operator: string): Input => ({ kind: 'resume', halt, operator, reason: 'over' })
    const without = { ...state, quorum: { ...state.quorum, policies: undefined } }
    const resumed = run(without, [resume('operator-1'), resume('operator-2')], NOW).state
    return { ...resumed, quorum: { ...resumed.quorum, policies } }
  }

  test('is drawn on by slices, down to nothing', () => {
    const first = run(held(), [slice('1', 120)], NOW)
    expect(verdictIn(first.events)).toMatchObject({ verdict: 'allow', approvals: [{ proposal: PROPOSAL }] })
    expect(first.state.quorum.approvals.get(PROPOSAL)?.left).toBe(80)
    expect(answered(first.state, slice('2', 120))?.verdict).toBe('deny')
    const second = run(first.state, [slice('3', 80)], NOW)
    expect(second.state.quorum.approvals.size).toBe(0)
  })

  test.each<[string, object]>([
    ['for more', { quantity: 201 }],
    ['at a worse limit', { limitPrice: 200.01 }],
    ['as a market order', { orderType: 'market', limitPrice: undefined }],
  ])('is not drawn on %s', (_, more) => {
    expect(answered(held(), slice('1', 100, more))?.verdict).toBe('deny')
  })

  test('is not drawn on by another agent, or after its end', () => {
    const state = held()
    const other = ask({ ...request({}, { id: idAt(NOW, '1'), approval: PROPOSAL }), agent: 'beta' })
    expect(answered(state, other)?.reasons.at(-1)).toMatchObject({ code: 'APPROVAL_LAPSED' })
    const later = NOW + 300_000
    const late = ask(request({}, { id: idAt(NOW, '1'), approval: PROPOSAL }))
    const [effect] = run(state, [late], later).effects
    expect(effect).toMatchObject({ decision: { verdict: 'deny' } })
  })

  test('is not drawn on after another constitution was in force, also when the old one came back, nor is one that was voted on meanwhile', () => {
    const thereAndBack = (from: State): State => {
      const own = from.program ?? programWith([LARGE])
      // Its author alone decides where no policy says who else does.
      const changes = [OTHER, own].map((program): Input => ({ kind: 'activate', program, by: 'author' }))
      const without = { ...from, quorum: { ...from.quorum, policies: undefined } }
      const { state } = run(without, changes, NOW)
      expect(state.program).toBe(own)
      return { ...state, quorum: { ...state.quorum, policies: from.quorum.policies } }
    }
    expect(verdictIn(run(held(), [slice('1', 60)], NOW).events)?.verdict).toBe('allow')
    const lapsed = { code: 'APPROVAL_LAPSED' }
    expect(answered(thereAndBack(held()), slice('1', 60))?.reasons.at(-1)).toMatchObject(lapsed)
    const { state, events } = cast(thereAndBack(propose()), YES)
    expect(verdictIn(events)?.reasons.at(-1)).toMatchObject(lapsed)
    expect(state.quorum.approvals.size).toBe(0)
  })
})

test('what a quorum decided comes out the same when it is folded and derived again', () => {
  const votes = (state: State): { state: State; events: Event[] } => cast(state, YES)
  const start = quorate()
  const proposed = run(start, [ask(request())], NOW)
  const { state, events } = votes(proposed.state)
  const program = state.program
  const all = [...proposed.events, ...events]
  const folded = all.reduce(
    (now, event) => apply(now, { at: NOW, event: JSON.parse(JSON.stringify(event)) as Event }, () => program),
    start,
  )
  const text = (of: State): string =>
    JSON.stringify({ ...of, program: null }, (_, value: unknown) =>
      typeof value === 'bigint' ? `${value}n` : value,
    )
  expect(text(folded)).toBe(text(state))
  for (const event of all)
    if (event.type === 'decided' || event.type === 'proposed')
      expect(rederive(decisionOf(event), program)).toBeUndefined()
  expect(EMPTY_STATE.quorum.policies).toBeUndefined()
})

test('delegated votes are cast by the delegate, from the next round on', () => {
  const give: Input = { kind: 'delegate', from: 'reader', to: 'quick', field: 'execution' }
  const state = propose(run(quorate(), [give], NOW).state)
  expect(refused(state, castBy(state, PROPOSAL, 'reader', 'yes'))).toBe('VOTER_DELEGATED')
  expect(VOTERS.reader.field).toBe('market')
  const { state: voted } = cast(state, { quick: 'yes' })
  expect(refused(voted, { kind: 'delegate', from: 'quick', to: 'chief', field: 'execution' })).toBe(
    'DELEGATION_AFTER_VOTE',
  )
  expect(refused(voted, { kind: 'delegate', from: 'nobody', to: 'chief', field: 'execution' })).toBe(
    'AGENT_UNKNOWN',
  )
  expect(BUY.quantity).toBe(100)
})

describe('a halt that agents can be asked about', () => {
  const stop: Input = {
    kind: 'halt',
    by: 'operator-1',
    request: { scope: { kind: 'everything' }, state: 'halted', reason: 'a drill' },
  }
  const halted = run(quorate(), [stop], NOW).state
  const [halt = ''] = halted.ledger.halts.keys()
  const resume = (operator: string, more: object = {}): Input => ({
    kind: 'resume',
    halt,
    operator,
    reason: 'the drill is over',
    ...more,
  })
  const round = `q-${halted.sequence + 1}.resume-after-halt`
  const votes = (
    from: State,
    choices: Partial<Record<VoterName, Choice>>,
  ): { state: State; events: Event[] } => {
    let state = from
    const events: Event[] = []
    for (const [agent, choice] of Object.entries(choices)) {
      const next = run(state, [castBy(state, round, agent as VoterName, choice)], NOW)
      state = next.state
      events.push(...next.events)
    }
    return { state, events }
  }

  test('is no matter of two operators where somebody took all the rounds there are', () => {
    const [one] = run(quorate(), [ask(request())], NOW).state.quorum.rounds.open.values()
    if (one === undefined) throw new Error('nothing was put to the vote')
    const open = Map(Array.from({ length: 10_000 }, (_, at) => [`q-${at}.large-orders`, one]))
    const { quorum } = halted
    const full: State = { ...halted, quorum: { ...quorum, rounds: { ...quorum.rounds, open } } }
    expect(refused(full, resume('operator-1'))).toBe('ROUNDS_FULL')
  })

  test('is lifted by their votes, and not by two operators', () => {
    const asked = run(halted, [resume('operator-1')], NOW)
    expect(asked.effects).toMatchObject([{ body: { halt, lifted: false, operators: 0, proposal: round } }])
    expect(refused(asked.state, resume('operator-2'))).toBe('ROUND_EXISTS')
    const { state, events } = votes(asked.state, { ...YES, keeper: 'yes' })
    expect(events.map(({ type }) => type)).toContain('resumed')
    expect(state.ledger.halts.size).toBe(0)
    // Nobody is told that he took back what has happened.
    const stopIt = { kind: 'stop', proposal: round, by: 'guard', isOperator: false } as const
    expect(refused(state, { ...stopIt, how: 'cancelled' })).toBe('ROUND_CLOSED')
  })

  test('stays where they refuse, or say nothing in time; and may be asked about again', () => {
    const { state } = run(halted, [resume('operator-1')], NOW)
    const refusedBy = votes(state, { guard: 'no' })
    expect(refusedBy.state.ledger.halts.size).toBe(1)
    const late = run(state, [beatOf('chief')], NOW + 120_000)
    expect(late.events.map(({ type }) => type)).toEqual(['certified', 'beat'])
    expect(late.state.ledger.halts.size).toBe(1)
    const again = run(refusedBy.state, [resume('operator-2')], NOW)
    expect(again.events.map(({ type }) => type)).toEqual(['asked'])
  })

  test('stays where it was raised again since they were asked', () => {
    const { state } = run(halted, [resume('operator-1')], NOW)
    const again = run(state, [stop], NOW + 1).state
    let voted = again
    for (const agent of [...Object.keys(YES), 'keeper'] as VoterName[])
      voted = run(voted, [castBy(voted, round, agent, 'yes')], NOW + 2).state
    expect(voted.quorum.rounds.closed.get(round)?.state).toBe('approved')
    expect(voted.ledger.halts.size).toBe(1)
  })

  test('stays also where it was raised again in the millisecond in which they were asked, and may be asked about again', () => {
    const { state } = run(halted, [resume('operator-1'), stop], NOW)
    expect(run(state, [resume('operator-2')], NOW).events.map(({ type }) => type)).toEqual(['asked'])
    expect(votes(state, { ...YES, keeper: 'yes' }).state.ledger.halts.size).toBe(1)
  })

  test('is asked about at the time of the last record where the clock has gone back', () => {
    const later = run(halted, NAMES.map(beatOf), NOW + 600_000).state
    const asked = run(later, [resume('operator-1')], NOW).state
    const [[id, open] = ['', undefined]] = asked.quorum.rounds.open
    expect(open?.deadline).toBe(NOW + 720_000)
    const { events } = run(asked, [castBy(asked, id, 'guard', 'no')], NOW)
    const [certificate] = events.flatMap((event) => (event.type === 'certified' ? [event.certificate] : []))
    expect(verifyCertificate(certificate)).toMatchObject({ isValid: true })
  })

  test('is lifted by two operators where nobody can be asked', () => {
    const alone = run(quorate(POLICIES, ['chief']), [stop], NOW).state
    const [own = ''] = alone.ledger.halts.keys()
    const inputs = [resume('operator-1', { halt: own }), resume('operator-2', { halt: own })]
    const { state, events } = run(alone, inputs, NOW)
    expect(events.map(({ type }) => type)).toEqual(['resumed', 'resumed'])
    expect(state.ledger.halts.size).toBe(0)
  })
})

describe('an order that two policies decide', () => {
  const SECOND = { ...LARGE, id: 'larger', title: 'Larger', to: 'second' }
  const wide = ONLY_ORDERS.map((policy): Policy => ({ ...policy, support: [9, 10] }))
  const policies = [...wide, ...wide.map((policy) => ({ ...policy, name: 'second' }))]
  const market = ready(programWith([LARGE, SECOND], {}, ['off-lot', 'halted']))
  const start: Input[] = [
    { kind: 'quorate', policies, by: 'author' },
    ...NAMES.map((name) => registrationOf(name)),
    ...NAMES.map(beatOf),
    ask(request()),
  ]
  const asked = run(market, start, NOW).state
  const rounds = [...asked.quorum.rounds.open.keys()]
  /** All say yes but one, whose no would take the support away; so the rounds end by their time. */
  const approve = (from: State, ids: readonly string[]): State =>
    ids
      .flatMap((id) => (['chief', 'quick', 'reader', 'guard'] as const).map((agent) => [id, agent] as const))
      .reduce((state, [id, agent]) => run(state, [castBy(state, id, agent, 'yes')], NOW).state, from)
  const over = (state: State): { state: State; events: Event[] } => {
    const at = NOW + 5_000
    const heard = run(state, [stillLiquid(at - 1)], at - 1).state
    return run(heard, [{ kind: 'tick', listeningSince: NOW }], at)
  }

  test('is allowed where both approve at one deadline: it waits for the certificate of each', () => {
    const { state, events } = over(approve(asked, rounds))
    expect(events.map(({ type }) => type)).toEqual(['certified', 'certified', 'decided'])
    expect(verdictIn(events)).toMatchObject({
      verdict: 'allow',
      approvals: rounds.map((proposal) => ({ proposal })),
    })
    expect(state.quorum.approvals.size).toBe(0)
  })

  test.each(rounds)('is denied where %s alone approves', (approved) => {
    const { events } = over(approve(asked, [approved]))
    expect(events.map(({ type }) => type)).toEqual(['certified', 'certified', 'decided'])
    expect(verdictIn(events)?.reasons.at(-1)).toMatchObject({ code: 'QUORUM_REJECTED', observed: 'quorum' })
  })

  test('is denied, and waits no more, where the first was forgotten before the second ended', () => {
    const [first = '', second = ''] = rounds
    const yes = (from: State, id: string): { state: State; events: Event[] } =>
      NAMES.reduce<{ state: State; events: Event[] }>(
        ({ state, events }, agent) => {
          if (!state.quorum.rounds.open.has(id)) return { state, events }
          const next = run(state, [castBy(state, id, agent, 'yes')], NOW)
          return { state: next.state, events: [...events, ...next.events] }
        },
        { state: from, events: [] },
      )
    const { state } = yes(asked, first)
    const { quorum } = state
    const closed = quorum.rounds.closed.delete(first)
    const forgetful: State = { ...state, quorum: { ...quorum, rounds: { ...quorum.rounds, closed } } }
    const { state: after, events } = yes(forgetful, second)
    expect(verdictIn(events)?.reasons.at(-1)).toMatchObject({
      code: 'QUORUM_REJECTED',
      observed: 'forgotten',
    })
    expect(after.quorum.waiting.size).toBe(0)
  })

  test('is decided also where only the first of the two certificates was recorded before a stop', () => {
    const at = NOW + 5_000
    const voted = run(approve(asked, rounds), [stillLiquid(at - 1)], at - 1).state
    const [first] = over(approve(asked, rounds)).events
    const torn = apply(voted, { at, event: first as Event }, () => asked.program)
    const { events } = run(torn, [{ kind: 'tick', listeningSince: NOW }], at)
    expect(events.map(({ type }) => type)).toEqual(['certified', 'decided'])
    expect(verdictIn(events)?.verdict).toBe('allow')
  })
})
