/** What a home appends to the log is signed for, and nothing else is believed. */
import { describe, expect, test } from 'vitest'
import { generateKeyPair } from '../base/ed25519.ts'
import { PORTION_RECORDS_MAX, type Log, type LogEntry } from '../cluster/cluster.ts'
import { sealedLog, vouchBy } from './sealed-log.ts'

const one = generateKeyPair()
const stranger = generateKeyPair()
const keys = new Map([['one', [generateKeyPair().publicKey, one.publicKey]]])
const vouch = vouchBy('p00', { signer: { kid: 'k', ...stranger }, keys })

const records = (count: number): LogEntry[] =>
  Array.from({ length: count }, (_, place) => ({
    sequence: place + 1,
    line: `{"hash":"${String(place).padStart(64, '0')}","previous":"…`,
  }))

/** What is in the log after `records` were appended by `name`. */
async function appended(
  entries: readonly LogEntry[],
  { name = 'one', privateKey = one.privateKey, partition = 'p00' } = {},
): Promise<LogEntry[]> {
  const kept: LogEntry[] = []
  const log = {
    append: async (_: number, some: readonly LogEntry[]) => {
      kept.push(...some)
      return { kind: 'appended' }
    },
  } as unknown as Log
  const signer = { kid: 'k', privateKey }
  await sealedLog({ log, name, partition }, { signer, keys: undefined }).append(1, entries)
  return kept
}

describe('the log', () => {
  test('is believed up to the last signature, and one is among as many records as are read at once', async () => {
    const log = await appended(records(PORTION_RECORDS_MAX + 3))
    expect(log.map(({ sequence, line }) => ({ sequence, line }))).toEqual(records(PORTION_RECORDS_MAX + 3))
    expect(vouch?.(log)).toEqual(log)
    expect(vouch?.(log.slice(0, -1))).toEqual(log.slice(0, PORTION_RECORDS_MAX))
    expect(vouch?.(log.slice(5, -1)).at(-1)?.sequence).toBe(PORTION_RECORDS_MAX)
  })

  test.each([
    ['nobody', records(2), 'record 1 of the log: neither it nor what the log gives after it is signed'],
    [
      'a stranger',
      appended(records(2), { name: 'three' }),
      'record 2 of the log: no key of a sidecar called `three`',
    ],
    [
      'a stranger in a known name',
      appended(records(2), stranger),
      'record 2 of the log: `one` did not sign it',
    ],
    ['its home for another partition', appended(records(2), { partition: 'p01' }), '`one` did not sign it'],
    [
      'its home, as another record',
      appended(records(2)).then((log) => log.map((each) => ({ ...each, sequence: 9 }))),
      '`one` did not sign it',
    ],
    [
      'its home, with another hash',
      appended(records(2)).then((log) =>
        log.map((each) => ({ ...each, line: each.line.replace('"00', '"f0') })),
      ),
      '`one` did not sign it',
    ],
  ])('that %s signed is not believed', async (_, log, reason) => {
    const entries = await log
    expect(() => vouch?.(entries)).toThrow(reason)
  })

  test('is believed as it is where the operator named nobody', () => {
    const peers = { signer: { kid: 'k', ...stranger }, keys: undefined }
    expect(vouchBy('p00', peers)).toBeUndefined()
  })
})
