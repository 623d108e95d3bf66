import { describe, expect, it } from 'vitest'
import { generateKeyPair } from '../base/ed25519.ts'
import { type Head, SLOT_BYTES, decodeSlot, encodeSlot } from './head.ts'

const keys = generateKeyPair()
const head: Head = { journal: 'j', sequence: 7, hash: 'a'.repeat(64), at: 12, slot: 1, key: 'clé' }
const bytes = encodeSlot(head, keys.privateKey)
const publicKeyOf = (id: string) => (id === 'clé' ? keys.publicKey : undefined)

describe('a slot of the head', () => {
  it('is one padded line of 512 bytes that reads back', () => {
    expect(bytes.length).toBe(SLOT_BYTES)
    expect(bytes.indexOf('\n')).toBe(SLOT_BYTES - 1)
    expect(JSON.parse(bytes.toString())).toMatchObject({ schema: 1, ...head })
    expect(decodeSlot(bytes, 1, publicKeyOf)).toEqual(head)
  })

  it('is not valid after any flip of any bit', () => {
    for (let index = 0; index < SLOT_BYTES * 8; index += 1) {
      const flipped = Buffer.from(bytes)
      flipped[index >> 3] = (flipped[index >> 3] ?? 0) ^ (1 << (index & 7))
      expect(decodeSlot(flipped, 1, publicKeyOf), `bit ${index}`).toBeTypeOf('string')
    }
  })

  it('is valid only in its own slot, in full, under a known key, with its signature', () => {
    expect(decodeSlot(bytes, 0, publicKeyOf)).toMatch('written for slot 1')
    expect(decodeSlot(bytes.subarray(0, 511), 1, publicKeyOf)).toMatch('511 of 512')
    expect(decodeSlot(bytes, 1, () => undefined)).toBe('the key `clé` is not known')
    expect(decodeSlot(bytes, 1, () => generateKeyPair().publicKey)).toMatch('signature')
  })

  it('has room for ids of sensible length only', () => {
    expect(() => encodeSlot({ ...head, key: 'k'.repeat(300) }, keys.privateKey)).toThrow('too long')
  })
})
