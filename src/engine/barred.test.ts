/** Nobody is let through on his own word: who profits from an exception has no vote on it, and who had a vote on it does not use it. */
import { describe, expect, test } from 'vitest'
import { ask, idAt, NOW, programWith, request, run } from '../../test/support/engine.ts'
import { castBy, NAMES, POLICIES, quorating, registrationOf, VOTERS } from '../../test/support/quorum.ts'
import type { Event } from '../protocol/event.ts'
import type { GrantScope } from '../protocol/grant.ts'
import { BarredAudit } from './barred-audit.ts'
import type { State } from './state.ts'
import type { Input } from './step.ts'

const CAP = {
  id: 'cap',
  title: 'Cap',
  applies: { actions: ['order', 'replace'] },
  forbid: 'order.value > 15000 USD',
  unless: 'action.reducing',
  grantable: true,
}

interface Told {
  readonly state: State
  readonly events: readonly Event[]
}
function then(told: Told, ...inputs: readonly Input[]): Told {
  const next = run(told.state, inputs, NOW)
  return { state: next.state, events: [...told.events, ...next.events] }
}

const START: Told = then(quorating(POLICIES), {
  kind: 'activate',
  program: programWith([CAP], {}, ['off-lot', 'halted']),
  by: 'author',
})
// Agents can vote on it, so it comes into force in two steps.
const LAW: Told = approved(START)
const IN_FORCE: Told = then(LAW, {
  kind: 'activate',
  program: programWith([CAP], {}, ['off-lot', 'halted']),
  by: 'author',
})

/** All who are asked say yes to the round that opened last. */
function approved(told: Told): Told {
  const [[id = '', round] = []] = told.state.quorum.rounds.open
  const voters = round?.opening.frozen.roster.voters.map(({ agent }) => agent) ?? []
  return NAMES.filter((name) => voters.includes(name)).reduce<Told>(
    (before, name) =>
      before.state.quorum.rounds.open.has(id) ? then(before, castBy(before.state, id, name, 'yes')) : before,
    told,
  )
}

const grant = (scope: GrantScope): Input => ({
  kind: 'grant',
  request: { rule: 'cap', scope, upTo: 25_000, until: NOW + 3_600_000, uses: 9, reason: 'the close' },
  by: 'operator-1',
})
const registered = (agent: keyof typeof VOTERS, more: object): Input => {
  const input = registrationOf(agent) as Input & { kind: 'register' }
  return { ...input, registration: { ...input.registration, ...more } }
}
const asked = (told: Told): { voters: readonly string[]; barred: readonly string[] } | undefined => {
  const event = told.events.findLast((one) => one.type === 'asked' || one.type === 'grantProposed')
  const roster = event?.type === 'asked' ? event.rounds[0]?.roster : undefined
  return roster && { voters: roster.voters.map(({ agent }) => agent), barred: roster.barred }
}
const without = (...names: string[]): string[] => NAMES.filter((name) => !names.includes(name)).toSorted()
const small = (agent: string, tail = '7'): Input =>
  ask(request({ quantity: 10 }, { agent, id: idAt(NOW, tail) }))

function audit(events: readonly Event[]): string {
  const it = new BarredAudit()
  return events.flatMap((event) => it.take(event) ?? []).join('\n')
}

describe('who has no vote on an exception', () => {
  test.each<[string, GrantScope, readonly Input[], readonly string[]]>([
    ['an account nobody deals on', { account: 'main' }, [], []],
    ['an account it deals on', { account: 'main' }, [small('quick')], ['quick']],
    [
      'a strategy that it is registered with',
      { strategy: 'drift' },
      [registered('quick', { strategies: ['drift'] })],
      ['quick'],
    ],
    [
      'a strategy that an agent of its owner runs',
      { strategy: 'drift' },
      [
        {
          kind: 'register',
          registration: { agent: 'alpha', role: 'trader', strategies: ['drift'], owner: 'desk-4' },
          by: 'operator-1',
        },
      ],
      ['reader'],
    ],
    ['its own bucket', { strategy: 'agent:reader' }, [], ['reader']],
    [
      'an agent of its owner',
      { agent: 'alpha' },
      [
        {
          kind: 'register',
          registration: { agent: 'alpha', role: 'trader', strategies: [], owner: 'desk-5' },
          by: 'operator-1',
        },
      ],
      ['keeper'],
    ],
    ['an instrument, and it deals', { instrument: 'AAPL' }, [small('quick')], ['quick']],
    [
      'the account of its owner',
      { account: 'main' },
      [{ kind: 'own', registration: { account: 'main', owner: 'desk-3' }, by: 'operator-1' }],
      ['quick'],
    ],
  ])('%s', (_, scope, inputs, barred) => {
    const told = then(IN_FORCE, ...inputs, grant(scope))
    expect(asked(told)).toEqual({ voters: without(...barred), barred })
    expect(audit(told.events)).toBe('')
  })

  test('where all who could reject would be among them, no agent is asked: two operators decide', () => {
    const told = then(IN_FORCE, registered('guard', { strategies: ['drift'] }), grant({ strategy: 'drift' }))
    expect(asked(told)).toBeUndefined()
    expect(told.events.at(-1)?.type).toBe('grantProposed')
  })
})

describe('who had a vote on an exception', () => {
  const live = approved(then(IN_FORCE, grant({ account: 'main' })))
  const order = (agent: string): Input => ask(request({}, { agent, id: idAt(NOW, '8') }))
  const verdict = (told: Told): string =>
    told.events.findLast((event) => event.type === 'decided')?.decision.verdict ?? ''

  test('does not use it, nor does its owner; others do', () => {
    expect(live.events.at(-1)?.type).toBe('grantApproved')
    expect(verdict(then(live, order('alpha')))).toBe('allow')
    expect(verdict(then(live, order('quick')))).toBe('deny')
    const mate: Input = {
      kind: 'register',
      registration: { agent: 'alpha', role: 'trader', strategies: [], owner: 'desk-3' },
      by: 'operator-1',
    }
    expect(verdict(then(live, mate, order('alpha')))).toBe('deny')
    // Nor once it is of another owner.
    expect(verdict(then(live, registered('quick', { owner: 'desk-9' }), order('quick')))).toBe('deny')
  })

  test('is found where a journal says that it did', () => {
    const used = then(live, order('alpha')).events
    expect(audit(used)).toBe('')
    const forged = used.map((event): Event =>
      event.type === 'decided' && event.decision.verdict === 'allow'
        ? {
            ...event,
            decision: { ...event.decision, request: { ...event.decision.request, agent: 'quick' } },
          }
        : event,
    )
    expect(audit(forged)).toMatch(/was used by `quick`, which, or whose owner, had a vote on it/)
  })

  test('is found where it was asked on what comes to it, and where somebody else was kept from the vote', () => {
    const dealt = then(IN_FORCE, small('quick'), grant({ account: 'main' })).events
    const other = (change: (names: { voters: object[]; barred: string[] }) => object): Event[] =>
      dealt.map((event): Event =>
        event.type === 'asked' && event.rounds[0]?.proposal.subject.kind === 'grant'
          ? {
              ...event,
              rounds: [
                {
                  ...event.rounds[0],
                  roster: { ...event.rounds[0].roster, ...change(event.rounds[0].roster) },
                },
              ],
            }
          : event,
      )
    const quick = { agent: 'quick', owner: 'desk-3' }
    expect(audit(other(({ voters }) => ({ voters: [...voters, quick] })))).toMatch(
      /`quick` was asked in `q-.*`/,
    )
    expect(audit(other(() => ({ barred: ['chief', 'quick'] })))).toMatch(/`chief` was kept from the vote/)
  })
})
