/** Every row of the table of errors is expected by some test here, or is in the list of those that cannot be, with the reason. */
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ERRORS, REFUSALS } from '../../src/base/errors.ts'

/** Codes that need a fault which no caller can bring about. */
const NEED_A_FAULT: Readonly<Record<string, string>> = {
  NOT_READY: 'a start activates a constitution or fails, so no server runs without one',
  AGENT_LIMIT_REACHED: 'takes half a million decisions',
  INTERNAL: 'a defect in Ephor; none is known that a caller can reach',
  FACT_UNAVAILABLE: 'facts that are always known are read from the action; losing one is a defect',
  PROPOSAL_DIFFERS: 'the engine makes the digest itself; another one is a defect',
  ROUNDS_FULL: 'takes ten thousand open rounds, or a hundred of one agent',
  VETO_BARRED: 'of exceptions, and then no agent is asked; or of orders by a risk agent, and none may trade',
  APPROVALS_FULL: 'takes a hundred approvals of one agent that are not drawn on',
  VOTERS_TOO_MANY: 'takes a thousand agents',
  VOTE_EARLY: 'the clock of a round never goes back',
  DELEGATIONS_FULL: 'takes ten thousand delegations',
  HALT_ON_ITS_WAY:
    'a halt of all has the name of one partition for the milliseconds until the lane brings it back',
  PARTITION_BEHIND: 'each home follows by itself, in order; out of turn is a defect',
}

const HERE = new URL('.', import.meta.url)
const CHAOS = new URL('../chaos/', import.meta.url)
const CLUSTER = new URL('../cluster/', import.meta.url)
const CLIENT = new URL('../client/', import.meta.url)
const testsIn = (...folders: readonly URL[]): string[] =>
  folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((name) => name.endsWith('.test.ts') && name !== 'error-table.test.ts')
      .map((name) => readFileSync(new URL(name, folder), 'utf8')),
  )
const tests = testsIn(HERE, CHAOS, CLUSTER)
/** The client tells of these itself. Of the sidecar's own codes its tests show nothing: another server stands in for the sidecar there. */
const clientTests = testsIn(CLIENT)
const isClients = (code: string): boolean => /^(?:PERMIT|SIDECAR|ANSWER)_/.test(code)
/** The registry of models and the check of actions tell of these on the command line alone; what the commands call is tested beside it. */
const REGISTRY = ['../../src/sidecar/', '../../src/optimizer/registry/', '../laws/'].map(
  (folder) => new URL(folder, HERE),
)
const registryTests = testsIn(...REGISTRY)
const isRegistrys = (code: string): boolean => /^(?:MODEL|CHECK)_/.test(code)
const isExpected = (code: string): boolean =>
  [...tests, ...(isClients(code) ? clientTests : []), ...(isRegistrys(code) ? registryTests : [])].some(
    (text) => new RegExp(`['/|(^]${code}['?:/|)]`).test(text),
  )

test.each(Object.keys({ ...ERRORS, ...REFUSALS }))('%s is produced', (code) => {
  if (code in NEED_A_FAULT)
    expect(isExpected(code), `${code} is expected by a test; take it off the list`).toBe(false)
  else expect(isExpected(code)).toBe(true)
})

test('the list names rows of the table only', () => {
  for (const code of Object.keys(NEED_A_FAULT)) expect({ ...ERRORS, ...REFUSALS }).toHaveProperty(code)
})

test('a row that no test expects is seen', () => {
  expect(isExpected(['NEVER', 'EXPECTED'].join('_'))).toBe(false)
})
