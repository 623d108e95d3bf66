import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { digestOf } from '../base/hash.ts'
import { readPolicies } from './read-policies.ts'

const FILE = 'policies/consensus.yaml'
const HOUSE = readFileSync(new URL(`../../${FILE}`, import.meta.url), 'utf8')

const readOf = (text: string, needed: readonly string[] = []): string[] =>
  readPolicies(FILE, text, needed).issues.map(
    ({ line, column, severity, message }) => `${line}:${column}: ${severity}: ${message}`,
  )

/** The house's file with one piece of text replaced, and the place where the piece stood. */
const changed = (from: string, to: string): { text: string; line: number; column: number } => {
  const at = HOUSE.indexOf(from)
  if (at < 0) throw new Error(`\`${from}\` is not in the file`)
  const before = HOUSE.slice(0, at).split('\n')
  return { text: HOUSE.replace(from, to), line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}

describe('the policies of the house', () => {
  const { policies, issues } = readPolicies(FILE, HOUSE, ['large-orders'])

  test('load', () => {
    expect(issues).toEqual([])
    expect([...policies.keys()]).toEqual([
      'large-orders',
      'resume-after-halt',
      'constitution-activation',
      'grants',
    ])
  })

  test('take what they do not say from the defaults', () => {
    expect(policies.get('grants')).toMatchObject({
      quorum: [3, 4],
      support: [1, 2],
      deadline: { firstMs: 600_000, leastMs: 120_000, mostMs: 3_600_000 },
      extension: { lastMs: 30_000, byMs: 120_000, times: 2 },
      caps: { voter: [2, 5], owner: [3, 5] },
      onDictator: 'refuse',
    })
  })

  test('have a hash each, which spaces and comments do not change, and values do', () => {
    const hashOf = (text: string): string => {
      const policy = readPolicies(FILE, text).policies.get('large-orders')
      return policy === undefined ? 'none' : digestOf(policy)
    }
    expect(hashOf(HOUSE.replaceAll(/ +#.*$/gm, '').replace('quorum: 2/3', 'quorum:   4/6'))).toBe(
      hashOf(HOUSE),
    )
    expect(hashOf(HOUSE.replace('quorum: 2/3', 'quorum: 66.7%'))).not.toBe(hashOf(HOUSE))
    expect(new Set([...policies.values()].map(digestOf)).size).toBe(4)
  })

  test('may do without an extension', () => {
    const { text } = changed('extension: { last: 500ms, by: 2s, times: 2 }', 'extension: none')
    expect(readPolicies(FILE, text).policies.get('large-orders')?.extension).toBeNull()
  })
})

describe('what does not load, and where', () => {
  test.each<[string, string, number, string]>([
    ['quorum: 2/3', 'quorum: 0', 8, 'quorum: expected above zero'],
    ['quorum: 2/3', 'quorum: 4/3', 8, 'quorum: expected at most the whole'],
    ['quorum: 2/3', 'quorum: most', 8, '`most` is no share such as 2/3, 66.7% or 0.5'],
    ['support: 50%', 'support: 0%', 9, 'support: expected above zero'],
    ['support: 50%', 'support: 1', 9, 'support: expected less than the whole'],
    ['voters: [coordinator, specialist]', 'voters: []', 8, 'voters: '],
    [
      'vetoes: [risk]',
      'vetoes: [rsik]',
      9,
      '`rsik` is no value of `vetoes`; one of coordinator, specialist, support, trader, risk, execution, market, portfolio; did you mean `risk`?',
    ],
    ['vetoes: [risk]', 'vetoes: [support]', 8, 'vetoes: expected groups that vote: nobody could say this no'],
    ['consent: all', 'consent: some', 9, '`some` is no value of `consent`; one of all, one'],
    ['  consent: all', '  # consent: all', 0, 'the policy `large-orders` needs `consent`'],
    ['minimumVoters: 3', 'minimumVoters: 0', 15, 'minimumVoters: '],
    ['minimumVoters: 3', 'minimumVoters: three', 15, '`minimumVoters` is a number'],
    ['quorum: 2/3', 'qourum: 2/3', 0, 'unknown key `qourum` in `defaults`; did you mean `quorum`?'],
    ['voter: 40%', 'voter: 0%', 7, 'caps.voter: expected above zero'],
    ['alpha: 50%', 'alpha: 60%', 0, 'weights: expected `alpha`, `beta` and `gamma` to add up to 100 %'],
    ['from: -1, to: 3', 'from: 3, to: 3', 13, 'weights.sharpe.to: expected above `from`'],
    ['record: 180', 'record: 1', 8, 'weights.record: '],
    [
      'specialist: 40%, support',
      'support',
      0,
      'weights.byGroup: expected a weight for each group that votes: newcomers have no record yet',
    ],
    ['first: 5s', 'first: 5', 7, '`5` is no duration such as 500ms, 2s, 5min, 24h or 2d'],
    ['first: 5s', 'first: 31s', 7, 'deadline.first: expected `least` ≤ `first` ≤ `most`'],
    ['times: 3, after: 20 }\n  ext', 'times: 3 }\n  ext', 0, '`deadline` needs `after`'],
    [
      'onDictator: refuse',
      'onDictator: refuze',
      12,
      '`refuze` is no value of `onDictator`; one of warn, refuse; did you mean `refuse`?',
    ],
    [
      'field: execution',
      'field: executoin',
      7,
      '`executoin` is no value of `field`; one of risk, execution, market, portfolio; did you mean `execution`?',
    ],
    [
      'title: An order',
      'tilte: An order',
      0,
      'unknown key `tilte` in the policy `large-orders`; did you mean `title`?',
    ],
    ['proposerVotes: false', 'proposerVotes: never', 15, '`proposerVotes` is true or false'],
    [
      'defaults:',
      'default:',
      0,
      'unknown key `default` in policies/consensus.yaml; did you mean `defaults`?',
    ],
  ])('`%s` made `%s`', (from, to, offset, message) => {
    const { text, line, column } = changed(from, to)
    const found = readOf(text)
    expect(found.join('\n')).toContain(`: error: ${message}`)
    if (offset > 0) expect(found[0]).toMatch(new RegExp(`^${line}:${column + offset}: `))
    // One mistake in the defaults is one mistake, however many policies take them.
    expect(new Set(found).size).toBe(found.length)
    expect(readPolicies(FILE, text).policies.size).toBe(0)
  })

  test('a policy that a rule names and nobody wrote', () => {
    expect(readOf(HOUSE, ['large-order'])).toEqual([
      expect.stringContaining(
        'error: a rule escalates to `large-order`, and no policy is called so; did you mean `large-orders`?',
      ),
    ])
  })

  test.each([
    ['', 'is a map of keys and values'],
    ['policies: {}', 'there is no policy here'],
    ['defaults: {}', 'needs `policies`'],
    ['policies: { one: 5 }', 'the policy `one` is a map of keys and values'],
    ['policies: [', 'error'],
  ])('`%s`', (text, message) => {
    expect(readOf(text).join('\n')).toContain(message)
  })
})
