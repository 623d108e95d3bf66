/** Reading the emergency policy: what is right in any writing has one hash, and each mistake is named where it stands. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { EmergencyPolicy, WATCH_NAMES } from '../protocol/emergency.ts'
import { checkEmergency } from './read-emergency.ts'

const SHIPPED = readFileSync(fileURLToPath(new URL('../../policies/emergency.yaml', import.meta.url)), 'utf8')
const LOSS = `monitors:
  - id: day-loss
    title: Down on the day
    why: Enough is enough
    watches: daily-loss
    limit: 3%
    state: reducing
    scope: account
`
const DENIED = `monitors:
  - id: insists
    title: Insists
    why: It does not hear
    watches: repeated-breaches
    limit: 100
    window: 1min
    state: halted
    scope: agent
`
const said = (text: string): string[] =>
  checkEmergency('policies/emergency.yaml', text).issues.map(
    ({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`,
  )
const hashOf = (text: string): string | undefined => checkEmergency('x.yaml', text).policy?.hash

test('the shipped policy loads, with a monitor for everything that can be watched', () => {
  const { policy, issues } = checkEmergency('emergency.yaml', SHIPPED)
  expect(issues).toEqual([])
  expect(EmergencyPolicy.parse(policy?.content)).toEqual(policy?.content)
  expect(new Set(policy?.content.monitors.map(({ watches }) => watches))).toEqual(new Set(WATCH_NAMES))
})

test('its header tells of everything that can be watched', () => {
  const header = SHIPPED.slice(0, SHIPPED.indexOf('monitors:'))
  for (const watch of WATCH_NAMES) expect(header).toContain(`#   ${watch} `)
})

describe('the hash', () => {
  test.each([
    ['order of keys', LOSS.replace('    limit: 3%\n', '').replace('    scope', '    limit: 3%\n    scope')],
    ['comments and blanks', `# why\n${LOSS.replace('limit: 3%', "limit:   '3%' # three")}`],
    ['another writing of the number', LOSS.replace('3%', '0.03')],
    [
      'JSON',
      JSON.stringify({
        monitors: [
          {
            id: 'day-loss',
            title: 'Down on the day',
            why: 'Enough is enough',
            watches: 'daily-loss',
            limit: '3.0%',
            state: 'reducing',
            scope: 'account',
          },
        ],
      }),
    ],
  ])('is the same for %s', (_, text) => {
    expect(text).not.toBe(LOSS)
    expect(hashOf(text)).toBe(hashOf(LOSS))
  })

  test.each([
    ['a limit', LOSS.replace('3%', '3.1%')],
    ['a state', LOSS.replace('reducing', 'halted')],
    ['a scope', LOSS.replace('scope: account', 'scope: everything')],
    ['an id', LOSS.replace('id: day-loss', 'id: other')],
    ['a reason why', LOSS.replace('Enough', 'Plenty')],
    ['a selection', `${LOSS}    only: { accounts: [main] }\n`],
    [
      'less than is listed',
      `${LOSS}    only: { accounts: [main, second] }\n    except: { accounts: [main] }\n`,
    ],
  ])('is another for %s', (_, text) => {
    expect(hashOf(text)).toMatch(/^[0-9a-f]{64}$/)
    expect(hashOf(text)).not.toBe(hashOf(LOSS))
  })
})

describe('mistakes', () => {
  test.each(['id', 'title', 'why', 'watches', 'limit', 'state', 'scope'])('`%s` misspelt', (key) => {
    const slip = `${key}s`
    const text = LOSS.replace(`${key}:`, `${slip}:`)
    const line = text.split('\n').findIndex((each) => each.includes(`${slip}:`)) + 1
    const found = said(text)
    expect(found).toHaveLength(1)
    expect(found[0]).toBe(
      `policies/emergency.yaml:${line}:5: unknown key \`${slip}\` in a monitor; did you mean \`${key}\`?`,
    )
    expect(hashOf(text)).toBeUndefined()
  })

  test.each([
    ['window', DENIED.replace('window', 'windo'), 'unknown key `windo` in a monitor; did you mean `window`?'],
    [
      'only',
      `${LOSS}    onyl: { accounts: [main] }\n`,
      'unknown key `onyl` in a monitor; did you mean `only`?',
    ],
    [
      'except',
      `${LOSS}    expect: { accounts: [main] }\n`,
      'unknown key `expect` in a monitor; did you mean `except`?',
    ],
    [
      'a list of names',
      `${LOSS}    only: { account: [main] }\n`,
      'unknown key `account` in `only`; did you mean `accounts`?',
    ],
    [
      'monitors',
      LOSS.replace('monitors', 'monitor'),
      'unknown key `monitor` in policies/emergency.yaml; did you mean `monitors`?',
    ],
  ])('%s misspelt', (_, text, message) => {
    expect(said(text).join('\n')).toContain(message)
    expect(said(text)).toHaveLength(1)
  })

  test.each([
    [
      'what is watched',
      LOSS.replace('daily-loss', 'daily-lose'),
      '`daily-lose` is no value of `watches`; one of',
      'did you mean `daily-loss`?',
    ],
    [
      'a state',
      LOSS.replace('reducing', 'reducin'),
      '`reducin` is no value of `state`',
      'did you mean `reducing`?',
    ],
    [
      'a scope',
      LOSS.replace('scope: account', 'scope: acount'),
      '`acount` is no value of `scope`',
      'did you mean `account`?',
    ],
    [
      'a scope it cannot stop',
      LOSS.replace('scope: account', 'scope: agent'),
      '`daily-loss` is about one account, so it stops account or everything, not `agent`',
      '',
    ],
    [
      'a share without its sign',
      LOSS.replace('3%', '3'),
      '`3` is no share below one, such as 3% or 0.03',
      '',
    ],
    ['a share in time', LOSS.replace('3%', '3s'), '`3s` is no share below one', ''],
    ['a blank before the unit', LOSS.replace('3%', '3 %'), 'a unit touches its number: write `3%`', ''],
    ['a loss below nothing', LOSS.replace('3%', '-3%'), '`-3%` is no share', ''],
    ['a limit that is none', LOSS.replace('3%', 'low'), '`low` is no share', ''],
    ['a count in per cent', DENIED.replace('100', '100%'), '`100%` is no count such as 100', ''],
    ['half a denial', DENIED.replace('100', '1.5'), '`1.5` is no count', ''],
    ['no denial at all', DENIED.replace('100', '0'), '`0` is no count', ''],
    ['a window without a unit', DENIED.replace('1min', '60'), '`60` is no duration such as', ''],
    ['a window that is too long', DENIED.replace('1min', '25h'), '`window` lies within 1s to 24h', ''],
    ['a window where there is none', `${LOSS}    window: 5min\n`, '`window` says nothing of daily-loss', ''],
    ['no window', DENIED.replace('    window: 1min\n', ''), 'a monitor needs `window`', ''],
    ['an id', LOSS.replace('id: day-loss', 'id: Day Loss'), '`Day Loss` is no id; write it as day-loss', ''],
    ['the same id twice', LOSS + LOSS.replace('monitors:\n', ''), 'the id `day-loss` is taken', ''],
    [
      'a class',
      LOSS.replace('daily-loss', 'reference-disagreement').replace(
        'scope: account',
        'scope: instrument\n    only: { assetClasses: [equty] }',
      ),
      '`equty` is no value of `assetClasses`',
      'did you mean `equity`?',
    ],
    ['a name that is none', `${LOSS}    only: { accounts: ['a b'] }\n`, '`a b` is no name of accounts', ''],
    [
      'a selection by something else',
      `${LOSS}    only: { agents: [alpha] }\n`,
      '`daily-loss` is not told apart by agents; by accounts',
      '',
    ],
    ['a selection of nothing', `${LOSS}    only: {}\n`, '`only` names nothing; leave it out for all', ''],
    [
      'all that is listed left out again',
      `${LOSS}    only: { accounts: [main, second] }\n    except: { accounts: [second, third, main] }\n`,
      '`except` leaves nothing to watch; take the monitor out instead',
      '',
    ],
    [
      'every class left out',
      LOSS.replace('daily-loss', 'reference-disagreement').replace(
        'scope: account',
        'scope: instrument\n    except: { assetClasses: [equity, crypto, future, option, fx, bond] }',
      ),
      '`except` leaves nothing to watch; take the monitor out instead',
      '',
    ],
    ['a list of nothing', `${LOSS}    except: { accounts: [] }\n`, '`accounts` lists 1 to 256 names', ''],
    ['no monitor', 'monitors: []\n', '`monitors` lists nothing', ''],
    ['an empty file', '', 'is a map of keys and values', ''],
    ['a key twice', LOSS.replace('    scope', '    limit: 5%\n    scope'), 'Map keys must be unique', ''],
  ])('%s', (_, text, message, fix) => {
    const found = said(text)
    expect(found.join('\n')).toContain(message)
    expect(found.join('\n')).toContain(fix)
    expect(found.every((each) => /^policies\/emergency\.yaml:\d+:\d+: /.test(each))).toBe(true)
    expect(hashOf(text)).toBeUndefined()
  })
})
