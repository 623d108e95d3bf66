/** An envelope is taken as its sender meant it, or not at all. */
import { expect, test } from 'vitest'
import { generateKeyPair } from '../base/ed25519.ts'
import { isSignedBy, readEnvelope, sealEnvelope, timeText, typeOf, type Envelope } from './envelope.ts'

const NOW = 1_800_000_000_000
const READER = { major: 2, minor: 2, upcasts: { 0: addTo('one'), 1: addTo('two') } }

function addTo(word: string): (data: unknown) => unknown {
  return (data) => ({ ...(data as object), [word]: true })
}

const envelope = (more: Partial<Envelope> = {}): Omit<Envelope, 'kid' | 'sig'> => ({
  specversion: '1.0',
  id: 'm-1',
  source: 'host-a',
  type: typeOf('input', READER),
  time: timeText(NOW),
  priority: 'normal',
  data: { text: 'a "quoted", sig' },
  ...more,
})
const read = (text: string): ReturnType<typeof readEnvelope> => readEnvelope(text, 'input', READER, NOW)

test('it is read back, signed or not', () => {
  const { privateKey, publicKey } = generateKeyPair()
  for (const signer of [undefined, { kid: 'k', privateKey }])
    expect(read(sealEnvelope(envelope(), signer))).toMatchObject({ kind: 'read', envelope: envelope() })
  const text = sealEnvelope(envelope(), { kid: 'k', privateKey })
  expect(isSignedBy(text, publicKey)).toBe(true)
  expect(isSignedBy(text, generateKeyPair().publicKey)).toBe(false)
  expect(isSignedBy(sealEnvelope(envelope()), publicKey)).toBe(false)
  // Every byte before the signature counts.
  for (let at = 0; at < text.length - 96; at += 7)
    expect(isSignedBy(`${text.slice(0, at)}~${text.slice(at + 1)}`, publicKey)).toBe(false)
})

test.each<[string, string]>([
  ['not JSON', 'unreadable'],
  ['{}', 'unreadable'],
  [JSON.stringify({ ...envelope(), more: 1 }), 'unreadable'],
  [JSON.stringify(envelope()).replace('"id":"m-1"', '"id":"m-1","id":"m-2"'), 'unreadable'],
  [JSON.stringify(envelope({ type: 'ephor.other.2.0' })), 'unreadable'],
  [JSON.stringify(envelope({ type: 'ephor.input.3.0' })), 'version'],
  [JSON.stringify(envelope({ type: 'ephor.input.1.9' })), 'version'],
  [JSON.stringify(envelope({ expiresat: timeText(NOW) })), 'expired'],
])('%s is refused as %s', (text, why) => {
  expect(read(text)).toMatchObject({ kind: 'refused', why })
})

test('an older minor is brought up step by step; a newer one is taken as it is', () => {
  const data = (type: string): unknown => {
    const found = read(JSON.stringify(envelope({ type, data: {} })))
    return found.kind === 'read' ? found.envelope.data : found
  }
  expect(data('ephor.input.2.0')).toEqual({ one: true, two: true })
  expect(data('ephor.input.2.1')).toEqual({ two: true })
  expect(data('ephor.input.2.7')).toEqual({})
})
