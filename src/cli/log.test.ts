/** What the help of `ephor log` says. */
import { expect, test } from 'vitest'
import { logCommand } from './log.ts'

test('the help of a query shows what stands where an option is left out, and no number that nobody would write', () => {
  const help =
    logCommand()
      .commands.find((command) => command.name() === 'query')
      ?.helpInformation() ?? ''
  expect(help).toMatch(/--limit <count> +decisions a page \(default: 20\)/)
  expect(help).toContain('--cursor <place>')
  expect(help).not.toMatch(/\d{6,}/)
})
