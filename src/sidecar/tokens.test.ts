/** What the tokens of a sidecar must not say together. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openHome } from './home.ts'
import { doubtsOf } from './tokens.ts'

let home = ''
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ephor-tokens-'))
  openHome(home, undefined)
})
afterEach(() => rmSync(home, { recursive: true }))

/** Opens the home with these lines as its tokens; each has a token of its own, unless it says which. */
function opened(...lines: readonly string[]): ReturnType<typeof openHome> {
  const whole = lines.map((line, at) =>
    line.includes('sha256') ? line : `${line}, sha256: ${String(at).padStart(64, 'a')}`,
  )
  writeFileSync(join(home, 'tokens.yaml'), ['tokens:', ...whole.map((line) => `  - { ${line} }`)].join('\n'))
  return openHome(home, undefined)
}
/** What is wrong, a line for each, by line of the file and field. */
function wrong(...lines: readonly string[]): string[] {
  try {
    opened(...lines)
    return []
  } catch (error) {
    if (!(error instanceof Error)) throw error
    expect(error.message).toMatch(/^CONFIG_INVALID: /)
    return error.message.split('\n').map((line) => line.replace(/^.*tokens\.yaml:(\d+):\d+: /, '$1 '))
  }
}

describe('a name', () => {
  test('of an agent is nobody else’s', () => {
    const message = '`alpha` is the name of an agent and of an operator; an agent bears a name of its own'
    expect(
      wrong('name: alpha, role: agent', 'name: beta, role: agent', 'name: alpha, role: operator'),
    ).toEqual([`2 tokens.0.name: ${message}`, `4 tokens.2.name: ${message}`])
  })

  test.each([
    ['a feeder', 'feeder, sources: []'],
    ['an author', 'author'],
    ['an auditor', 'auditor'],
  ])('of an agent is not that of %s', (whose, role) => {
    expect(wrong(`name: alpha, role: ${role}`, 'name: alpha, role: agent')[1]).toContain(
      `3 tokens.1.name: \`alpha\` is the name of ${whose} and of an agent`,
    )
  })

  test('may have several tokens of one role, and a person several roles', () => {
    expect(wrong('name: alpha, role: agent', 'name: alpha, role: agent')).toEqual([])
    expect(wrong('name: ann, role: author', 'name: ann, role: operator', 'name: alpha, role: agent')).toEqual(
      [],
    )
  })
})

test('a token is one caller’s, and listed once', () => {
  const [one, two] = ['b', 'c'].map((digit) => `sha256: ${digit.repeat(64)}`)
  const message = 'one token is listed for `alpha` and for `ann`; make one for each'
  expect(
    wrong(
      `name: alpha, role: agent, ${one}`,
      `name: beta, role: agent, ${two}`,
      `name: ann, role: operator, ${one}`,
    ),
  ).toEqual([`2 tokens.0.sha256: ${message}`, `4 tokens.2.sha256: ${message}`])
  // Also where both are the same: one of them is left over.
  expect(wrong(`name: alpha, role: agent, ${one}`, `name: alpha, role: agent, ${one}`)).toHaveLength(2)
})

describe('price sources are doubted', () => {
  const doubts = (...lines: readonly string[]) =>
    doubtsOf(opened(...lines).tokens).map(({ about, message }) => [about, message.slice(0, 24)])

  test('where two tokens report one', () => {
    expect(
      doubts(
        'name: a, role: feeder, sources: [nyse]',
        'name: b, role: feeder, sources: [nyse], kinds: [price]',
        'name: c, role: feeder, sources: [bats]',
      ),
    ).toEqual([[{ source: 'nyse', feeders: ['a', 'b'] }, 'several tokens report th']])
  })

  test('where two differ by the case of letters alone, of one feeder or of two', () => {
    const alike = [{ sources: ['nyse', 'NYSE'] }, 'these price sources diff']
    expect(
      doubts('name: a, role: feeder, sources: [nyse]', 'name: b, role: feeder, sources: [NYSE, bats, bats2]'),
    ).toEqual([[{ feeder: 'b', sources: ['NYSE', 'bats', 'bats2'] }, 'this feeder reports more'], alike])
    expect(doubts('name: a, role: feeder, sources: [nyse, NYSE]').at(-1)).toEqual(alike)
  })

  test('and not where each is one feeder’s, said twice by it, or of one that reports no prices', () => {
    expect(
      doubts(
        'name: a, role: feeder, sources: [nyse, nyse]',
        'name: b, role: feeder, sources: [bats]',
        'name: c, role: feeder, sources: [nyse, NYSE], kinds: [bar]',
        'name: d, role: feeder, sources: []',
      ),
    ).toEqual([])
  })
})
