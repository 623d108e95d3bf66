import { describe, expect, test } from 'vitest'
import { EphorError } from '../../base/errors.ts'
import { approvedBy, aRegistry, logOf, person, placeIn, type Person } from '../../../test/support/registry.ts'
import { readAliasLog, type Alias, type AliasState, type Proposed } from './alias-log.ts'

const [alice, bob, carol, mallory] = ['alice', 'bob', 'carol', 'mallory'].map(person) as [
  Person,
  Person,
  Person,
  Person,
]
const ONE = '1'.repeat(64)
const TWO = '2'.repeat(64)
const EVALUATION = 'e'.repeat(64)

type Make = (state: AliasState) => Proposed

const shipped: Make = (state) => ({
  ...placeIn(state),
  kind: 'shipped',
  alias: 'champion',
  artifact: ONE,
  evaluation: EVALUATION,
  reason: 'Made for a test.',
})
const appoint =
  (people: readonly Person[], by: readonly Person[] = []): Make =>
  (state) =>
    approvedBy(
      {
        ...placeIn(state),
        kind: 'approvers',
        approvers: people.map(({ name, publicKey }) => ({ name, publicKey })),
        approvals: [],
      },
      by,
    )
const promote =
  (alias: Alias, artifact: string, by: readonly Person[]): Make =>
  (state) =>
    approvedBy(
      { ...placeIn(state), kind: 'promoted', alias, artifact, evaluation: EVALUATION, approvals: [] },
      by,
    )
const rollBack =
  (alias: Alias, artifact: string | null, by: readonly Person[]): Make =>
  (state) =>
    approvedBy({ ...placeIn(state), kind: 'rolledBack', alias, artifact, approvals: [] }, by)

const team = [alice, bob, carol]
const begun = [shipped, appoint(team)]
const shadowed = [...begun, promote('shadow', TWO, [alice])]
const challenging = [...shadowed, promote('challenger', TWO, [alice, bob])]
const crowned = [...challenging, promote('champion', TWO, [bob, carol])]

function refusal(ask: () => unknown): string {
  try {
    ask()
  } catch (error) {
    if (error instanceof EphorError) return error.message
    throw error
  }
  return 'read'
}
const now = ({ held }: AliasState, alias: Alias): string | undefined => held[alias].at(-1)?.artifact

describe('the alias log', () => {
  test('goes from shadow to challenger to champion, and back', () => {
    const { log, head } = logOf([...crowned, rollBack('champion', ONE, [carol])])
    const before = readAliasLog(logOf(crowned).log, logOf(crowned).head)
    expect([now(before, 'shadow'), now(before, 'challenger'), now(before, 'champion')]).toEqual([
      TWO,
      TWO,
      TWO,
    ])
    expect(now(readAliasLog(log, head), 'champion')).toBe(ONE)
    const gone = logOf([...crowned, rollBack('champion', ONE, [carol]), rollBack('champion', null, [alice])])
    expect(now(gone.state, 'champion')).toBeUndefined()
  })

  test.each<[string, readonly Make[], string]>([
    [
      'a second entry that came with the software',
      [shipped, shipped],
      'only the first entry comes with the software',
    ],
    [
      'a challenger that came with the software',
      [(state) => ({ ...shipped(state), alias: 'challenger' }) as Proposed],
      'only a champion',
    ],
    [
      'a promotion before there are approvers',
      [shipped, promote('shadow', TWO, [alice])],
      '`alice` is no approver',
    ],
    [
      'one approval for a challenger',
      [...shadowed, promote('challenger', TWO, [alice])],
      '1 approved; 2 have to',
    ],
    ['no approval for a shadow', [...begun, promote('shadow', TWO, [])], '0 approved; 1 have to'],
    [
      'one person twice',
      [...shadowed, promote('challenger', TWO, [alice, alice])],
      'one person approved twice',
    ],
    ['a stranger', [...shadowed, promote('challenger', TWO, [alice, mallory])], '`mallory` is no approver'],
    [
      'another’s key under a name',
      [...shadowed, promote('challenger', TWO, [alice, { ...mallory, name: 'bob' }])],
      'the signature of `bob` is not over this entry',
    ],
    [
      'a challenger that was no shadow',
      [...begun, promote('challenger', TWO, [alice, bob])],
      'has to have been shadow',
    ],
    [
      'a champion that is not the challenger',
      [...shadowed, promote('champion', TWO, [alice, bob])],
      'has to be the challenger',
    ],
    [
      'a name twice among approvers',
      [shipped, appoint([alice, { ...bob, name: 'alice' }])],
      'share a name or a key',
    ],
    [
      'a key twice among approvers',
      [shipped, appoint([alice, { ...alice, name: 'bob' }])],
      'share a name or a key',
    ],
    ['other approvers by one word', [...begun, appoint([mallory, bob], [alice])], '1 approved; 2 have to'],
    [
      'other approvers by themselves',
      [...begun, appoint([mallory, bob], [mallory, bob])],
      '`mallory` is no approver',
    ],
    [
      'a way back to what was not before',
      [...crowned, rollBack('champion', TWO, [carol])],
      `before was ${ONE}`,
    ],
    [
      'a way back from nothing',
      [...begun, rollBack('shadow', null, [carol])],
      'there is no shadow to roll back',
    ],
    [
      'an entry older than the one before',
      [shipped, (state) => ({ ...appoint(team)(state), at: 1 })],
      'is older than',
    ],
  ])('refuses %s', (_, entries, why) => {
    expect(refusal(() => logOf(entries))).toMatch(/^MODEL_LOG_INVALID: entry/)
    expect(refusal(() => logOf(entries))).toContain(why)
  })

  test('a word for one place of the log is none for another', () => {
    const { state } = logOf(shadowed)
    const signed = promote('challenger', TWO, [alice, bob])(state)
    const later: Make = (at) => ({ ...signed, sequence: at.head.sequence + 1, previous: at.head.hash })
    expect(refusal(() => logOf([...shadowed, promote('shadow', ONE, [carol]), later]))).toContain(
      'is not over this entry',
    )
  })
})

describe('a log that is not as it was written', () => {
  const { log, head } = logOf(crowned)
  const lines = log.split('\n').slice(0, -1)

  test('whole lines cut off the end are missed', () => {
    for (let kept = 0; kept < lines.length; kept += 1) {
      const cut = lines
        .slice(0, kept)
        .map((line) => `${line}\n`)
        .join('')
      expect(refusal(() => readAliasLog(cut, head))).toContain(
        `MODEL_LOG_TRUNCATED: the alias log ends after ${kept} entries; its head states 5`,
      )
    }
  })

  test('a line cut in the middle is missed, at every place', () => {
    for (let length = 0; length < log.length; length += 41)
      expect(refusal(() => readAliasLog(log.slice(0, length), head))).toMatch(/^MODEL_LOG_TRUNCATED/)
  })

  test('a head that is gone is missed', () => {
    expect(refusal(() => readAliasLog(log, undefined))).toMatch(/^MODEL_LOG_TRUNCATED/)
    expect(readAliasLog('', undefined).entries).toEqual([])
  })

  test('any flipped bit is seen', () => {
    const bytes = Buffer.from(log)
    for (let at = 0; at < bytes.length; at += 29) {
      const flipped = Buffer.from(bytes)
      flipped[at] = (flipped[at] as number) ^ 1
      expect(
        refusal(() => readAliasLog(flipped.toString('latin1'), head)),
        `byte ${at}`,
      ).toMatch(/^MODEL_LOG_(?:ALTERED|INVALID|TRUNCATED)/)
    }
  })

  test('entries in another order, left out, or twice are seen', () => {
    const [first, second, third, ...rest] = lines as [string, string, string]
    for (const other of [
      [second, first, third, ...rest],
      [first, third, ...rest, third],
      [first, first, second, third, ...rest],
    ])
      expect(refusal(() => readAliasLog(`${other.join('\n')}\n`, head))).toMatch(/^MODEL_LOG_ALTERED/)
  })

  test('another history with the same number of entries is seen', () => {
    const other = logOf([
      shipped,
      appoint(team),
      promote('shadow', ONE, [alice]),
      promote('challenger', ONE, [alice, bob]),
      promote('champion', ONE, [bob, carol]),
    ])
    expect(refusal(() => readAliasLog(other.log, head))).toMatch(/^MODEL_LOG_ALTERED: the head states/)
  })

  test('white space that a parser would not mind is seen', () => {
    expect(refusal(() => readAliasLog(log.replace(':', ': '), head))).toContain('is not as it was written')
  })

  test('what stands behind the head was never in force', () => {
    const before = logOf(challenging)
    for (const tail of ['', lines[4] as string, (lines[4] as string).slice(0, 50), '{"', '\n\n'])
      expect(now(readAliasLog(`${before.log}${tail}`, before.head), 'champion')).toBe(ONE)
  })
})

test('the log of a registry that is whole is read whole', () => {
  const { log, head } = aRegistry()
  expect(readAliasLog(log, head).entries).toHaveLength(1)
})
