/** What the first partition’s own records do not bear out is not followed: each fault is planted in what it recorded of its law. */
import { beforeAll, expect, test } from 'vitest'
import { relayed, type Follow } from '../../test/support/cores.ts'
import { agreed, other, PROGRAMS, THIRD } from '../../test/support/founded.ts'
import { digestOf } from '../base/hash.ts'
import type { Certificate } from '../protocol/certificate.ts'
import type { ForAll, OpenedRound } from '../protocol/event.ts'

let all: readonly Follow[]
beforeAll(() => {
  all = relayed(agreed(), PROGRAMS)
})

/** Follows all, with what `change` makes of each; answers the first refusal. */
function refusal(change: (event: ForAll, nth: number) => ForAll | undefined): string | undefined {
  const core = other()
  let after = 0
  const nth = new Map<string, number>()
  for (const { record, event, ...rest } of all) {
    if (event === undefined) continue
    const count = (nth.get(event.type) ?? 0) + 1
    nth.set(event.type, count)
    const changed = change(event, count)
    if (changed === undefined) continue
    const before = core.state
    const effect = core.take({ ...rest, after, record, event: changed })
    if (effect?.kind === 'refuse') {
      expect(effect.code).toBe('LOG_DIFFERS')
      expect(core.state).toBe(before)
      return effect.detail
    }
    after = record
  }
  return undefined
}
const certified = (change: (certificate: Certificate) => Certificate) => (event: ForAll, nth: number) =>
  event.type === 'certified' && nth === 1 ? { ...event, certificate: change(event.certificate) } : event
const asked = (change: (round: OpenedRound) => OpenedRound) => (event: ForAll, nth: number) =>
  event.type === 'asked' && nth === 1 ? { ...event, rounds: event.rounds.map(change) } : event
function rehashed(certificate: Certificate): Certificate {
  const { certificate: _, ...rest } = certificate
  return { ...rest, certificate: digestOf(rest) }
}

test('all of it is as it stands', () => expect(refusal((event) => event)).toBeUndefined())

test.each<[string, RegExp, (event: ForAll, nth: number) => ForAll | undefined]>([
  [
    'a certificate with a vote too few',
    /does not stand/,
    certified((it) => rehashed({ ...it, votes: it.votes.slice(1) })),
  ],
  [
    'one with a vote that says something else',
    /not signed by its key/,
    certified((it) =>
      rehashed({
        ...it,
        votes: it.votes.map((cast, at) =>
          at === 0 ? { ...cast, vote: { ...cast.vote, choice: 'no' as const } } : cast,
        ),
      }),
    ),
  ],
  ['one with another hash', /does not stand/, certified((it) => ({ ...it, certificate: 'a'.repeat(64) }))],
  [
    'one of a question that was not asked',
    /which was not put to the vote/,
    (event, nth) => (event.type === 'asked' && nth === 1 ? undefined : event),
  ],
  [
    'one on other grounds than were asked about',
    /not of what was put to the vote/,
    asked((round) => ({ ...round, proposal: { ...round.proposal, rules: ['another'] } })),
  ],
  [
    'a question under a policy that is not in force',
    /a policy that was not in force/,
    asked((round) => ({ ...round, policy: { ...round.policy, envelopeMs: round.policy.envelopeMs + 1 } })),
  ],
  [
    'a voter whose key is not the one registered',
    /is not the one registered/,
    (event) =>
      event.type === 'registered'
        ? { ...event, registration: { ...event.registration, publicKey: 'another' } }
        : event,
  ],
  [
    'a law that its author puts in force alone',
    /alone, and there are agents to ask/,
    (event, nth) => {
      if (event.type !== 'activated' || nth !== 2) return event
      const { certificate: _, ...alone } = event
      return alone
    },
  ],
  [
    'a law by the certificate of another',
    /no approval of it that stands came before/,
    (event, nth) => (event.type === 'activated' && nth === 2 ? { ...event, version: '9.9.9' } : event),
  ],
  [
    'a law by a second person, where no first one asked',
    /`operator-1` did not ask for just this before/,
    (event, nth) => {
      if (event.type !== 'activated' || nth !== 2) return event
      const { certificate: _, ...rest } = event
      return { ...rest, first: { by: 'operator-1', reason: 'x' } }
    },
  ],
  [
    'policies that are not what their hash says',
    /the hash is/,
    (event) => (event.type === 'quorate' ? { ...event, policies: [] } : event),
  ],
  [
    'a halt lifted by agents who did not approve it',
    /was lifted by agents, and no approval of it came before/,
    (event, nth) => (event.type === 'certified' && nth === 2 ? undefined : event),
  ],
  [
    'a halt lifted by an approval for another reason',
    /was lifted by agents, and no approval of it came before/,
    (event) => (event.type === 'resumed' ? { ...event, reason: 'another' } : event),
  ],
])('%s', (_, problem, change) => {
  expect(refusal(change)).toMatch(problem)
})

test('a law whose approval was taken back', () => {
  const core = other()
  const stop: ForAll = {
    schema: 1,
    type: 'stopped',
    proposal: '',
    how: 'cancelled',
    by: 'operator-1',
    isOperator: true,
  }
  let after = 0
  for (const { record, event, ...rest } of all) {
    if (event?.type === 'activated' && after > 10) {
      expect(core.take({ ...rest, after, record, event })).toMatchObject({
        code: 'LOG_DIFFERS',
        detail: expect.stringContaining('no approval of it that stands came before'),
      })
      return
    }
    core.take({ ...rest, after, record, ...(event && { event }) })
    after = record
    if (event?.type !== 'certified') continue
    const { proposal } = event.certificate.proposal
    core.take({ kind: 'follow', after, record: record + 0.5, hash: '', event: { ...stop, proposal } })
    after = record + 0.5
  }
  throw new Error('it came into force')
})

test('the text of a law that is not at hand', () => {
  const core = other()
  const [one] = all
  expect(one?.event?.type).toBe('activated')
  const { program: _, ...without } = one as Follow
  expect(core.take(without)).toMatchObject({ code: 'LOG_DIFFERS' })
  expect(core.take({ ...without, program: THIRD })).toMatchObject({ code: 'LOG_DIFFERS' })
  expect(core.state.program).toBeUndefined()
})
