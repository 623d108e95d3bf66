/** The audit of partitions finds what was decided where it did not belong, owners that changed, and what was followed out of turn. */
import { expect, test } from 'vitest'
import { decidedOn, request } from '../../test/support/engine.ts'
import { partitionOf } from '../protocol/partition.ts'
import type { Event } from '../protocol/event.ts'
import { PartitionAudit } from './partition-audit.ts'

const OF = 2
const names = ['desk-a', 'desk-b', 'desk-c', 'desk-d']
const [HERE, THERE] = [1, 0].map(
  (number) => names.find((name) => partitionOf(name, OF) === number) ?? '',
) as [string, string]
type Told = Extract<Event, { type: 'registered' | 'owned' | 'retired' }>

const promoted = (number: number): Event => ({
  schema: 1,
  type: 'promoted',
  epoch: 1,
  by: 'one',
  partition: { number, of: OF },
})
const registered = (owner: string, ...strategies: string[]): Told => ({
  schema: 1,
  type: 'registered',
  registration: { agent: 'alpha', role: 'trader', strategies, owner },
  by: 'one',
})
const owned = (account: string, owner: string): Told => ({
  schema: 1,
  type: 'owned',
  account,
  owner,
  by: 'one',
})
const followed = (after: number, record: number, event: Told): Event => ({
  schema: 1,
  type: 'followed',
  after,
  record,
  hash: '0'.repeat(64),
  event,
})
const decided: Event = { schema: 1, type: 'decided', decision: decidedOn(request()), evidence: {} as never }
const reported = (account: string): Event => ({
  schema: 1,
  type: 'observed',
  observation: { kind: 'account', account, currency: 'USD', equity: 1, cash: 1, at: 1 },
  feeder: 'feed',
})

function problems(events: readonly Event[]): string[] {
  const audit = new PartitionAudit()
  return events.flatMap((event) => audit.take(event) ?? [])
}

test.each<[string, readonly Event[]]>([
  ['all owners', [registered(THERE), decided, registered(HERE), reported('main')]],
  [
    'the first',
    [promoted(0), registered(THERE), owned('main', THERE), owned('other', HERE), decided, reported('main')],
  ],
  [
    'another',
    [
      promoted(1),
      followed(0, 7, registered(HERE)),
      followed(7, 9, owned('main', HERE)),
      decided,
      reported('main'),
      // A halt of its own is lifted where it is in force.
      { schema: 1, type: 'resumed', halt: 'h-p01-4', operator: 'one', reason: '' },
    ],
  ],
])('an honest journal of %s has nothing wrong', (_, events) => {
  expect(problems(events)).toEqual([])
})

test.each<[string, readonly Event[], RegExp]>([
  [
    'a verdict on another’s agent',
    [promoted(1), followed(0, 7, registered(THERE)), decided],
    /belongs to p00/,
  ],
  ['a verdict on nobody’s agent', [promoted(1), decided], /agent `alpha` has no owner here/],
  ['a report of another’s account', [promoted(0), owned('main', HERE), reported('main')], /belongs to p01/],
  [
    'an adoption of nobody’s',
    [promoted(0), { schema: 1, type: 'adopted', account: 'x', by: 'one', reason: '' }],
    /no owner/,
  ],
  [
    'an agent that changed hands',
    [promoted(0), registered(THERE), registered(HERE)],
    /`alpha` was .* and became/,
  ],
  [
    'a strategy that changed hands',
    [
      promoted(0),
      registered(THERE, 'twap'),
      {
        ...registered(HERE, 'twap'),
        registration: { agent: 'beta', role: 'trader', strategies: ['twap'], owner: HERE },
      } as Event,
    ],
    /`twap` was .* and became/,
  ],
  [
    'a registration that was not followed',
    [promoted(1), owned('main', HERE)],
    /recorded by p00 and followed here/,
  ],
  [
    'a halt of all that another lifted',
    [promoted(1), { schema: 1, type: 'resumed', halt: 'h-1-0', operator: 'one', reason: '' }],
    /`resumed` is recorded by p00 and followed here/,
  ],
  [
    'what is the first’s own',
    [
      promoted(1),
      followed(0, 7, {
        schema: 1,
        type: 'stopped',
        proposal: 'q-x.orders',
        how: 'withdrawn',
        by: 'one',
        isOperator: false,
      } as never),
    ],
    /`stopped` of p00 is its own, and was followed/,
  ],
  [
    'a gap',
    [promoted(1), followed(0, 7, owned('main', HERE)), followed(8, 9, owned('x', HERE))],
    /7 was followed last/,
  ],
  ['a first that follows', [promoted(0), followed(0, 7, owned('main', HERE))], /p00 follows nobody/],
  ['one of all owners that follows', [followed(0, 7, owned('main', HERE))], /no other partition/],
  ['a partition in the middle', [promoted(1), promoted(1)], /from its first record on/],
])('%s is found', (_, events, problem) => {
  expect(problems(events)).toEqual([expect.stringMatching(problem)])
})
