/** An envelope is taken as its sender meant it, or not at all. */
import { expect, test } from 'vitest'
import { generateKeyPair } from '../base/ed25519.ts'
import {
  isSignedBy,
  readEnvelope,
  sealEnvelope,
  sealTexts,
  timeText,
  typeOf,
  type Envelope,
} from './envelope.ts'

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

test('of several that are signed at once each is its sender’s word, whole and by itself', () => {
  const { privateKey, publicKey } = generateKeyPair()
  const signer = { kid: 'k', privateKey }
  const many = (count: number, word: string): readonly string[] =>
    sealTexts(
      Array.from({ length: count }, (_, n) => sealEnvelope(envelope({ id: `${word}-${n}` }))),
      signer,
    )
  const other = generateKeyPair().publicKey
  for (let count = 1; count <= 9; count += 1) {
    const texts = many(count, 'm')
    const [strange = ''] = many(count, 'n')
    for (const [n, text] of texts.entries()) {
      expect(isSignedBy(text, other)).toBe(false)
      expect(isSignedBy(text, publicKey)).toBe(true)
      expect(read(text)).toMatchObject({ kind: 'read', envelope: envelope({ id: `m-${n}` }) })
      if (count === 1) continue
      // Now that the root is known to be signed: every byte of the message counts, and of the path.
      const end = text.indexOf('","sig":"')
      for (let at = 0; at < end; at += 7) {
        const changed = text[at] === 'a' ? 'b' : 'a'
        expect(isSignedBy(text.slice(0, at) + changed + text.slice(at + 1), publicKey), text.slice(at)).toBe(
          false,
        )
      }
      const path = /"path":"([^"]*)"/.exec(text)?.[1] ?? ''
      const beside = texts[(n + 1) % count] ?? ''
      const spoilt = {
        'a side is turned': text.replace(path, (path.startsWith('l') ? 'r' : 'l') + path.slice(1)),
        'a step is missing': text.replace(path, path.slice(65)),
        'a step too many': text.replace(path, path + path.slice(-65)),
        'another’s path': text.replace(path, /"path":"([^"]*)"/.exec(beside)?.[1] ?? ''),
        'no path': text.replace(`,"path":"${path}"`, ''),
        'a path that is none': text.replace(path, path.slice(1)),
        'another’s signature': text.replace(/"sig":"[^"]*"/, /"sig":"[^"]*"/.exec(strange)?.[0] ?? ''),
      }
      for (const [what, changed] of Object.entries(spoilt))
        expect(isSignedBy(changed, publicKey), what).toBe(false)
    }
  }
  // So many at once that roots are forgotten meanwhile.
  const batches = Array.from({ length: 70 }, (_, n) => many(2, `b${n}`))
  for (const [first = '', second = ''] of [...batches, ...batches])
    expect([isSignedBy(first, publicKey), isSignedBy(second, publicKey)]).toEqual([true, true])
})

test('what has a path is of no use as a message of its own', () => {
  const { privateKey, publicKey } = generateKeyPair()
  const texts = sealTexts(
    [envelope({ id: 'a' }), envelope({ id: 'b' })].map((one) => sealEnvelope(one)),
    {
      kid: 'k',
      privateKey,
    },
  )
  for (const text of texts)
    expect(read(text.replace(/"path":"l|"path":"r/, '"path":"x'))).toMatchObject({ why: 'unreadable' })
  const single = sealEnvelope(envelope(), { kid: 'k', privateKey })
  const [path = ''] = /,"path":"[^"]*"/.exec(texts[0] ?? '') ?? []
  expect(isSignedBy(single.replace(',"sig"', `${path},"sig"`), publicKey)).toBe(false)
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
