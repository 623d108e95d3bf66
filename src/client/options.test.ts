/** A slip in the options is an error, and never a check that is not made. */
import { expect, test } from 'vitest'
import { generateKeyPair } from '../base/ed25519.ts'
import { createClient } from './client.ts'
import { guard } from './guard.ts'
import { createVoter } from './voter.ts'

const GOOD = { url: 'http://127.0.0.1:7411', token: 'ephor_agent_x', agent: 'alpha' }

test.each<[string, object, string]>([
  [
    'keys misspelled, which would let any permit pass',
    { keyz: [] },
    '`keyz` is no option; did you mean `keys`?',
  ],
  ['keys that are none', { keys: 'junk' }, "`keys` is 'junk'; expected an object"],
  ['another name for the time', { timeout: 5 }, '`timeout` is no option; did you mean `timeoutMs`?'],
  ['a time in words', { timeoutMs: '2s' }, "`timeoutMs` is '2s'; expected milliseconds"],
  ['fewer tries than none', { retries: -1 }, '`retries` is -1; expected a whole number from 0'],
  ['no connection', { connections: 0 }, '`connections` is 0; expected a whole number from 1'],
  ['nothing under way', { pendingMax: -1 }, '`pendingMax` is -1'],
  ['two places', { socketPath: '/run/ephor.sock' }, 'expected one of `url` and `socketPath`'],
  ['no place', { url: undefined }, 'expected one of `url` and `socketPath`'],
  [
    'an address without a scheme',
    { url: '127.0.0.1:7411' },
    "`url` is '127.0.0.1:7411'; expected an address such as",
  ],
  ['no token', { token: undefined }, '`token` is not a token'],
  ['what every object has', { toString: 1 }, '`toString` is no option'],
])('of a client: %s', (_, change, message) => {
  expect(() => createClient({ ...GOOD, ...change })).toThrow(message)
})

test('of a guard and of a voter', () => {
  const client = createClient(GOOD)
  const send = async (): Promise<void> => undefined
  expect(() => guard(client, send, { onUnrecordedCancle: send } as object)).toThrow(
    'did you mean `onUnrecordedCancel`?',
  )
  expect(() => guard(client, send, { wait: 5 } as object)).toThrow('`wait` is no option')
  const { privateKey } = generateKeyPair()
  expect(() => createVoter(client, { privateKey, decide: 'yes' } as never)).toThrow(
    "`decide` is 'yes'; expected a function",
  )
  client.close()
})
