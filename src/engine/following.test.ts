/** The law is fixed in the first partition: the others take it over with the word by which it was agreed to. */
import { describe, expect, test } from 'vitest'
import {
  activate,
  agreed,
  DAY,
  founded,
  hashIn,
  NEXT,
  other,
  PLACE,
  PROGRAMS,
  resume,
  roundIn,
  vote,
} from '../../test/support/founded.ts'
import { dump, NOW, refused, replay } from '../../test/support/engine.ts'
import { steer } from '../../test/support/optimizer.ts'
import { KEYS, POLICIES, voteOn } from '../../test/support/quorum.ts'
import type { Event } from '../protocol/event.ts'
import { ApprovalAudit } from './approval-audit.ts'
import { PartitionAudit } from './partition-audit.ts'
import { TuningAudit } from './tuning-audit.ts'
import { readState, stateLines } from './state-lines.ts'
import type { Input } from './step.ts'

describe('the law', () => {
  test('is asked and put in force in the first, and refused by the others', () => {
    const core = other()
    core.follow(founded(), PROGRAMS)
    const inputs: Input[] = [
      activate(),
      { kind: 'quorate', policies: [], by: 'author' },
      { kind: 'route', content: { version: 1, routes: [] } as never, by: 'author' },
      { kind: 'police', hash: 'x', content: {} as never, by: 'author' },
      { kind: 'steer', hash: 'x', content: {} as never, by: 'author' },
      resume(`h-${PLACE}`),
    ]
    for (const input of inputs) expect(refused(core.state, input)).toBe('PARTITION_WRONG')
  })

  test('holds in the others once they followed it, with the certificates that it rests on', () => {
    const first = agreed()
    expect(hashIn(first)).toBe(NEXT.constitution.hash)
    const core = other()
    expect(core.follow(first, PROGRAMS)).toMatchObject({ kind: 'done' })
    expect(hashIn(core)).toBe(NEXT.constitution.hash)
    expect(core.state.quorum.policies).toEqual(first.state.quorum.policies)
    expect(core.state.ledger.halts.size).toBe(0)
    expect(core.state.tenure.followed.sequence).toBe(first.state.tenure.fixed)
    // No round is open there, and none is closed by its clock.
    expect(core.state.quorum.rounds.open.size).toBe(0)
    const types = core.events.flatMap(({ event }) => (event.type === 'followed' ? [event.event?.type] : []))
    expect(types.filter((type) => type !== 'registered')).toEqual(
      'activated quorate asked certified activated asked certified resumed'.split(' '),
    )
  })

  test('is the same to who follows it a day later, and after a restart', () => {
    const first = agreed()
    const [soon, late] = [other(), other()]
    soon.follow(first, PROGRAMS)
    late.follow(first, PROGRAMS, NOW + DAY)
    expect(late.state.quorum).toEqual(soon.state.quorum)
    expect(hashIn(late)).toBe(NEXT.constitution.hash)
    const events = soon.events.map(({ event }) => event)
    expect(dump(replay(events, NOW, PROGRAMS))).toBe(dump(soon.state))
    const programOf = (hash: string) => PROGRAMS.find(({ constitution }) => constitution.hash === hash)
    expect(dump(readState(stateLines(soon.state), programOf))).toBe(dump(soon.state))
  })

  test('two changes that are approved one after another are both there, also a day later', () => {
    const first = founded()
    first.take(activate())
    vote(first)
    first.take({ kind: 'quorate', policies: POLICIES.slice(1), by: 'author' })
    vote(first)
    const events = first.events.length
    first.take(activate())
    first.take({ kind: 'quorate', policies: POLICIES.slice(1), by: 'author' })
    // The second was approved under the first law, and is over with it.
    expect(first.events.slice(events).map(({ event }) => event.type)).toEqual(['activated', 'asked'])
    for (const now of [NOW, NOW + DAY]) {
      const core = other()
      expect(core.follow(first, PROGRAMS, now)).toMatchObject({ kind: 'done' })
      expect(hashIn(core)).toBe(NEXT.constitution.hash)
    }
  })

  test('by the word of two people, where nobody can vote now', () => {
    const first = founded()
    // They are silent.
    const later = NOW + DAY
    first.take(activate(NEXT), later)
    expect(first.events.at(-1)?.event.type).toBe('requested')
    first.take(activate(NEXT, { by: 'operator-1', isSecond: true }), later)
    expect(hashIn(first)).toBe(NEXT.constitution.hash)
    const core = other()
    core.follow(first, PROGRAMS)
    expect(hashIn(core)).toBe(NEXT.constitution.hash)
  })

  test('optimizer policies, and what stopped by itself goes on nowhere without a reason', () => {
    const first = founded()
    const core = other()
    const on = steer([{ schedule: 'twap', mode: 'shadow' }])
    const off = steer([{ schedule: 'twap', mode: 'off' }])
    const stop: Event = {
      schema: 1,
      type: 'tuningStopped',
      optimizer: null,
      cause: 'rejected',
      detail: 'x',
      decision: 'd',
    }
    first.take(on)
    core.follow(first, PROGRAMS)
    expect(core.state.optimizer.policy?.hash).toBe(on.hash)
    const stops = ['d-1', 'd-2'].map((decision) => ({ ...stop, decision, at: NOW }))
    core.state = { ...core.state, optimizer: { ...core.state.optimizer, stops } }
    // The first knows of no stop, and takes a reason for those of another that are meant.
    const events = first.events.length
    first.take({ ...on, reason: 'again' })
    expect(first.events).toHaveLength(events)
    for (const more of [off, { ...off, reason: 'a review' }, { ...off, stops: ['d-1'] }]) first.take(more)
    core.follow(first, PROGRAMS)
    expect(core.state.optimizer).toMatchObject({ stops, policy: { hash: off.hash } })
    first.take({ ...off, reason: 'mended', stops: ['d-1'] })
    core.follow(first, PROGRAMS)
    // What stopped since was not meant.
    expect(core.state.optimizer).toMatchObject({ stops: [{ decision: 'd-2' }], policy: { hash: off.hash } })
    const audit = new TuningAudit()
    for (const { event } of core.events)
      expect(audit.take((event.type === 'followed' ? event.event : undefined) ?? event)).toBeUndefined()
  })

  test('is voted on there, and a vote in another partition or of another key counts nowhere', () => {
    const first = founded()
    first.take(activate())
    const round = roundIn(first)
    const core = other()
    core.follow(first, PROGRAMS)
    const cast: Input = { kind: 'vote', vote: voteOn(first.state, round, 'guard', 'yes') }
    expect(refused(core.state, cast)).toBe('PARTITION_WRONG')
    const forged: Input = { kind: 'vote', vote: voteOn(first.state, round, 'guard', 'yes', KEYS.quick) }
    expect(refused(first.state, forged)).toBe('VOTE_SIGNATURE_INVALID')
  })

  test('a question that lapsed in the first lapsed in the others', () => {
    const first = founded()
    first.take(activate())
    vote(first)
    first.take({ kind: 'quorate', policies: POLICIES.slice(1), by: 'author' })
    const open = roundIn(first)
    first.take(activate())
    vote(first, 'yes', open)
    const core = other()
    core.follow(first, PROGRAMS)
    expect(first.state.quorum.resolutions.size).toBe(0)
    expect(core.state.quorum.resolutions.size).toBe(0)
    expect(core.state.quorum.followed.size).toBe(0)
    expect(core.state.quorum.lapsed.size).toBe(0)
  })
})

describe('the audits', () => {
  const problems = (events: readonly Event[]): string[] => {
    const [approvals, partitions] = [new ApprovalAudit(), new PartitionAudit()]
    return events.flatMap((recorded) => {
      const said = recorded.type === 'followed' ? recorded.event : undefined
      const found = [
        approvals.take({ at: NOW + DAY, event: said ?? recorded }, said !== undefined),
        partitions.take(recorded),
      ]
      return found.flatMap((problem) => problem ?? [])
    })
  }

  test('find nothing in what was followed, also after what it was approved for was over', () => {
    const core = other()
    core.follow(agreed(), PROGRAMS)
    expect(problems(core.events.map(({ event }) => event))).toEqual([])
  })

  test.each(['activated', 'quorate', 'asked', 'certified', 'resumed'] as const)(
    'find `%s` where another than the first recorded it',
    (type) => {
      const core = other()
      core.follow(agreed(), PROGRAMS)
      const own = core.events.map(({ event }) =>
        event.type === 'followed' && event.event?.type === type ? event.event : event,
      )
      expect(problems(own)).toContainEqual(
        expect.stringContaining(`\`${type}\` is recorded by p00 and followed here`),
      )
    },
  )

  test.each(['certified', 'asked'] as const)('find that what was followed lacks `%s`', (type) => {
    const core = other()
    core.follow(agreed(), PROGRAMS)
    const without = core.events
      .map(({ event }) => event)
      .filter((event) => !(event.type === 'followed' && event.event?.type === type))
    expect(problems(without).join('\n')).toMatch(
      type === 'certified' ? /no such certificate that stands/ : /which was not put to the vote/,
    )
  })
})
