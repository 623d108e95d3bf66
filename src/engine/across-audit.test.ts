/** What is wrong between journals of several partitions is found, and what fits is not. */
import { beforeEach, expect, test } from 'vitest'
import type { Event } from '../protocol/event.ts'
import { AcrossAudit } from './across-audit.ts'

const HASH = 'a'.repeat(64)
let audit: AcrossAudit
let sequences: Map<string, number>
beforeEach(() => {
  audit = new AcrossAudit()
  sequences = new Map()
})

function take(partition: string, event: object, hash = HASH): string | undefined {
  const sequence = (sequences.get(partition) ?? 0) + 1
  sequences.set(partition, sequence)
  return audit.take(partition, { sequence, hash, event: { schema: 1, ...event } as Event })
}

const owned = (account: string, owner = 'desk') => ({
  schema: 1,
  type: 'owned',
  account,
  owner,
  by: 'operator',
})
const BEAT = { type: 'beat', agent: 'alpha' }
const followed = (after: number, record: number, event?: object, hash = HASH) => ({
  type: 'followed',
  after,
  record,
  hash,
  ...(event === undefined ? {} : { event }),
})
const taken = (number: number) => ({
  type: 'taken',
  lane: 'halts',
  entry: `1-${number}`,
  effect: { kind: 'done', body: {} },
})

/** The first: what is owned at 2 and 4, of five records. */
function first(): void {
  for (const event of [BEAT, owned('main'), BEAT, owned('other'), BEAT])
    expect(take('p00', event)).toBeUndefined()
}

test('what was followed word for word fits, also where less of the first was read than of who followed it', () => {
  first()
  for (const event of [followed(0, 2, owned('main')), followed(2, 4, owned('other')), followed(4, 5), BEAT])
    expect(take('p01', event)).toBeUndefined()
  expect(take('p01', followed(5, 9, owned('later')))).toBeUndefined()
  expect(take('p02', followed(0, 2, owned('main')))).toBeUndefined()
  expect(audit.problems()).toEqual([])
})

test('what the first never said, or said otherwise, does not', () => {
  first()
  for (const event of [
    followed(0, 2, owned('main', 'another')),
    followed(0, 2, owned('main'), 'b'.repeat(64)),
    followed(2, 3, owned('main')),
  ])
    expect(take('p01', event)).toMatch(/^record \d of p00 does not say what was followed$/)
})

test('nor does a law that was passed over, and what is the first’s own is nobody else’s', () => {
  const activated = {
    schema: 1,
    type: 'activated',
    constitution: HASH,
    name: 'x',
    version: '1',
    by: 'author',
    engine: '0',
  }
  const asked = (subject: object) => ({
    schema: 1,
    type: 'asked',
    by: 'one',
    rounds: [{ proposal: { subject } }],
  })
  for (const event of [owned('main'), asked({ kind: 'grant' }), asked({ kind: 'activation' }), activated])
    expect(take('p00', event)).toBeUndefined()
  expect(take('p01', followed(0, 1, owned('main')))).toBeUndefined()
  expect(take('p01', followed(1, 4, activated))).toBe('record 3 of p00 was not followed')
  expect(take('p02', followed(0, 1, owned('main')))).toBeUndefined()
  expect(take('p02', followed(1, 3, asked({ kind: 'activation' })))).toBeUndefined()
  expect(take('p02', followed(3, 4, { ...activated, version: '2' }))).toMatch(
    /does not say what was followed/,
  )
})

test('nor does what was passed over', () => {
  first()
  expect(take('p01', followed(0, 4, owned('other')))).toBe('record 2 of p00 was not followed')
  expect(take('p02', followed(0, 2, owned('main')))).toBeUndefined()
  expect(take('p02', followed(2, 4))).toBe('record 4 of p00 was not followed')
  expect(take('p03', followed(0, 9, owned('later')))).toBe('record 2 of p00 was not followed')
})

test('a halt that one took and another passed by is found, and one that is still to come is not', () => {
  for (const number of [1, 2, 3]) take('p00', taken(number))
  for (const number of [1, 3]) take('p01', taken(number))
  take('p02', taken(1))
  expect(audit.problems()).toEqual(['p01 took the halt 1-3 and not 1-2, which p00 took'])
})
