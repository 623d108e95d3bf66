/**
 * The head: a signed statement of how far the journal reaches, so that cutting off its end is noticed.
 *
 * The file has two slots of 512 bytes. Each flush writes the slot that the flush before did not, so that a write torn
 * by a power cut leaves the older slot whole.
 */
import { readFile } from 'node:fs/promises'
import type { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { canonicalJson } from '../base/canonical-json.ts'
import { signText, verifyText } from '../base/ed25519.ts'
import type { ChainEnd } from './record.ts'

export const HEAD_NAME = 'head'
export const SLOT_BYTES = 512
export const HEAD_BYTES = 2 * SLOT_BYTES

/** Which of the two slots. */
export type Slot = 0 | 1

/** What a slot states, its signature aside. */
export interface Head extends ChainEnd {
  /** The UUID given to the journal when it was made. */
  readonly journal: string
  /** Wall time of the statement in milliseconds since 1970, UTC. */
  readonly at: number
  /** The slot it is written for; a copy in the other slot is not valid. */
  readonly slot: Slot
  /** The id of the key that signed. */
  readonly key: string
}

/** Finds the public key that belongs to a key id; `undefined` when the id is not known. */
export type PublicKeyOf = (keyId: string) => KeyObject | undefined

/** Both slots as they were read. */
export interface HeadReading {
  /** The valid slots, newest first. */
  readonly heads: readonly Head[]
  /** For each slot that is not valid: which one, its byte offset in the file, and why. */
  readonly invalid: readonly { readonly slot: Slot; readonly offset: number; readonly reason: string }[]
}

/** The 512 bytes of a slot. Throws a `RangeError` when the key id is too long for them. */
export function encodeSlot(head: Head, privateKey: KeyObject): Buffer {
  return slotBytes(head, signText(privateKey, signedText(head)))
}

function signedText({ journal, sequence, hash, at, slot, key }: Head): string {
  return canonicalJson({ schema: 1, journal, sequence, hash, at, slot, key })
}

function slotBytes({ journal, sequence, hash, at, slot, key }: Head, signature: string): Buffer {
  const text = JSON.stringify({ schema: 1, journal, sequence, hash, at, slot, key, signature })
  const bytes = Buffer.alloc(SLOT_BYTES, ' ')
  if (Buffer.byteLength(text) >= SLOT_BYTES)
    throw new RangeError(`the key id \`${key}\` is too long for a head`)
  bytes.write(text, 'utf8')
  bytes.write('\n', SLOT_BYTES - 1)
  return bytes
}

/** The statement in a slot, or, as a string, why it is not valid. */
export function decodeSlot(bytes: Buffer, slot: Slot, publicKeyOf: PublicKeyOf): Head | string {
  if (bytes.length !== SLOT_BYTES) return `the slot has ${bytes.length} of ${SLOT_BYTES} bytes`
  const parsed = parseSlot(bytes)
  if (parsed === null) return 'the slot is not a head in JSON'
  const { head, signature } = parsed
  // A lenient reader would accept other bytes for the same statement; the exact ones are the only ones we write.
  const exactSignature = Buffer.from(signature, 'base64url').toString('base64url')
  if (!slotBytes(head, exactSignature).equals(bytes)) {
    return 'the slot is not laid out as a head'
  }
  if (head.slot !== slot) return `the slot holds what was written for slot ${head.slot}`
  const key = publicKeyOf(head.key)
  if (key === undefined) return `the key \`${head.key}\` is not known`
  return verifyText(key, signedText(head), signature)
    ? head
    : `the signature is not that of key \`${head.key}\``
}

function parseSlot(bytes: Buffer): { head: Head; signature: string } | null {
  try {
    const parsed: Record<string, unknown> = JSON.parse(bytes.toString('utf8'))
    const { journal, sequence, hash, at, slot, key, signature } = parsed
    if (typeof journal !== 'string' || typeof hash !== 'string' || typeof key !== 'string') return null
    if (typeof signature !== 'string' || typeof sequence !== 'number' || typeof at !== 'number') return null
    return slot === 0 || slot === 1 ? { head: { journal, sequence, hash, at, slot, key }, signature } : null
  } catch {
    return null
  }
}

/** Reads the head of `directory`; `null` when there is no such file. */
export async function readHead(directory: string, publicKeyOf: PublicKeyOf): Promise<HeadReading | null> {
  const bytes = await readFile(join(directory, HEAD_NAME)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (bytes === null) return null
  const heads: Head[] = []
  const invalid: { slot: Slot; offset: number; reason: string }[] = []
  for (const slot of [0, 1] as const) {
    const offset = slot * SLOT_BYTES
    // The last slot takes in whatever follows it, so that a file of another size is not valid.
    const decoded = decodeSlot(
      bytes.subarray(offset, slot === 0 ? SLOT_BYTES : bytes.length),
      slot,
      publicKeyOf,
    )
    if (typeof decoded === 'string') invalid.push({ slot, offset, reason: decoded })
    else heads.push(decoded)
  }
  return { heads: heads.toSorted((left, right) => right.sequence - left.sequence), invalid }
}
