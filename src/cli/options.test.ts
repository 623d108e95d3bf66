/** What options do not take is refused in a line that says what they do. */
import { Command, CommanderError } from 'commander'
import { describe, expect, test } from 'vitest'
import { decideCommand } from './decide.ts'
import { serveCommand } from './serve.ts'
import { parseTime } from './times.ts'

/** What `command` says where it refuses `words`, before it does anything. */
function refusal(command: Command, words: readonly string[]): string {
  let said = ''
  command.exitOverride().configureOutput({ writeErr: (text) => (said += text) })
  command.action(() => {})
  try {
    command.parse(words, { from: 'user' })
    return 'none'
  } catch (error) {
    if (error instanceof CommanderError) return said
    throw error
  }
}

describe('a time', () => {
  test.each<[string, number]>([
    ['0', 0],
    ['1796137200000', 1_796_137_200_000],
    ['2026-12-01T15:00:00Z', 1_796_137_200_000],
    ['2026-12-01T15:00:00.250Z', 1_796_137_200_250],
    ['2026-12-01T17:00:00+02:00', 1_796_137_200_000],
  ])('`%s` is read', (text, time) => {
    expect(parseTime(text)).toBe(time)
  })

  test.each([
    '',
    ' ',
    '0x10',
    '1e3',
    '-1',
    '+1',
    '1.5',
    ' 12',
    '99999999999999999',
    'now',
    '2026-12-01',
    '2026-12-01T15:00:00',
    '2026-02-30T15:00:00Z',
    '1969-12-31T23:59:59Z',
    '1 Dec 2026 15:00 UTC',
  ])('`%s` is none, and `decide --now` says what is', (text) => {
    const words = ['--state', 'state.json', `--now=${text}`, 'action.json']
    expect(refusal(decideCommand(), words)).toMatch(
      /^error: option '--now <time>'.*expected whole milliseconds since 1970/,
    )
    expect(() => parseTime(text)).toThrow('such as 2026-12-01T15:00:00Z')
  })
})

test('a level of the log that is none is refused with those there are', () => {
  expect(refusal(serveCommand(), ['--log-level', 'bogus'])).toMatch(
    /^error: option '--log-level <level>' argument 'bogus' is invalid\. Allowed choices are trace, debug, info, warn, error, silent\.\n$/,
  )
  expect(refusal(serveCommand(), ['--log-level', 'silent'])).toBe('none')
  expect(serveCommand().helpInformation()).toMatch(/choices: "trace",\s+"debug",/)
})
