/** The envelope of every message between sidecars that is no record: CloudEvents names, a version, an end, a signature; strict, and read in one place. */
import type { KeyObject } from 'node:crypto'
import { z } from 'zod'
import { signText, verifyText } from '../base/ed25519.ts'
import { parseStrictJson } from '../base/strict-json.ts'
import { Hash, Name } from './common.ts'
import { leafOf, PATH, rootAbove, treeOf } from './hash-tree.ts'
import { Traceparent } from './traceparent.ts'

export const PRIORITIES = ['critical', 'high', 'normal', 'low'] as const
export const Priority = z.enum(PRIORITIES)
export type Priority = z.infer<typeof Priority>

const Reference = z.string().min(1).max(128)
const Time = z.iso.datetime({ precision: 3 }).describe('RFC 3339, UTC, with milliseconds')

/** `ephor.KIND.MAJOR.MINOR`: a reader of a major version takes its older minors and refuses other majors. */
const TYPE = /^ephor\.([a-z]{1,32})\.(\d{1,4})\.(\d{1,4})$/

export const Envelope = z.strictObject({
  specversion: z.literal('1.0').describe('Of CloudEvents'),
  id: Reference.describe('One for each message of a source; the same where it is sent again'),
  source: Name.describe('The sidecar that sent it'),
  type: z.string().regex(TYPE, 'expected ephor.KIND.MAJOR.MINOR'),
  time: Time,
  subject: Name.optional().describe('Who said it: an agent, a feeder, an operator'),
  correlationid: Reference.optional().describe('What belongs together'),
  causationid: Reference.optional().describe('The message that led to this one'),
  traceparent: Traceparent.optional(),
  priority: Priority,
  expiresat: Time.optional().describe('After this it is dropped unread'),
  shard: Name.optional().describe('The partition that it is for'),
  epoch: z.int().nonnegative().optional().describe('Of the home that sent it'),
  after: z.int().nonnegative().optional().describe('The last record of the log that its sender had'),
  data: z.unknown().optional(),
  dataref: Hash.optional().describe('In the place of `data`: the SHA-256 under which its text lies'),
  kid: Name.optional().describe('Of the key that signed it'),
  path: z
    .string()
    .regex(PATH)
    .optional()
    .describe('To the root that is signed, where several messages are signed at once'),
  sig: z
    .string()
    .regex(/^[A-Za-z0-9_-]{86}$/)
    .optional()
    .describe('Ed25519, base64url, of all that stands before it, or of the root above that'),
})
export type Envelope = z.infer<typeof Envelope>

/** What a sidecar signs with. */
export interface Signer {
  readonly kid: string
  readonly privateKey: KeyObject
}

/** What is signed says what it is, so that no other signature by the same key can be taken for one of a message. */
const SIGNED = 'ephor-envelope\n'
const SIGNED_ROOT = 'ephor-envelopes\n'
const SIGNATURE = /(?:,"path":"([lr0-9a-f]+)")?,"sig":"([A-Za-z0-9_-]{86})"\}$/

/** The text of a message, signed where a signer is given. */
export function sealEnvelope(envelope: Omit<Envelope, 'kid' | 'path' | 'sig'>, signer?: Signer): string {
  return sealText(JSON.stringify(envelope), signer)
}

/** The same of an envelope that is text already, and unsigned. */
export function sealText(unsigned: string, signer?: Signer): string {
  if (signer === undefined) return unsigned
  const text = withKey(unsigned, signer)
  return `${text.slice(0, -1)},"sig":"${signText(signer.privateKey, SIGNED + text)}"}`
}

/** The same of several, with one signature for all of them: a signature takes longer than all else. Each is its sender's word without the others. */
export function sealTexts(unsigned: readonly string[], signer?: Signer): readonly string[] {
  if (signer === undefined || unsigned.length === 1) return unsigned.map((text) => sealText(text, signer))
  const texts = unsigned.map((text) => withKey(text, signer))
  const { root, paths } = treeOf(texts.map((text) => leafOf(SIGNED + text)))
  const signature = signText(signer.privateKey, SIGNED_ROOT + root)
  return texts.map((text, at) => `${text.slice(0, -1)},"path":"${paths[at]}","sig":"${signature}"}`)
}

function withKey(unsigned: string, { kid }: Signer): string {
  return `${unsigned.slice(0, -1)},"kid":${JSON.stringify(kid)}}`
}

/** Whether `key` signed exactly this text, by itself or with others. */
export function isSignedBy(text: string, key: KeyObject): boolean {
  const found = SIGNATURE.exec(text)
  const [, path, signature] = found ?? []
  if (found === null || signature === undefined) return false
  const signed = `${SIGNED}${text.slice(0, found.index)}}`
  if (path === undefined) return verifyText(key, signed, signature)
  return PATH.test(path) && isRootSignedBy(rootAbove(leafOf(signed), path), signature, key)
}

/** Roots that were found to be signed, by the signature, of each key the last ones: what was signed at once is checked one after the other. */
const signedRoots = new WeakMap<KeyObject, Map<string, string>>()
const ROOTS_MAX = 64

function isRootSignedBy(root: string, signature: string, key: KeyObject): boolean {
  const known = signedRoots.get(key) ?? new Map<string, string>()
  if (known.get(signature) === root) return true
  if (!verifyText(key, SIGNED_ROOT + root, signature)) return false
  known.set(signature, root)
  const [oldest] = known.keys()
  if (known.size > ROOTS_MAX && oldest !== undefined) known.delete(oldest)
  signedRoots.set(key, known)
  return true
}

/** What a reader takes of one kind: its version, and how data of the minor versions before becomes that of the next. */
export interface Reader {
  readonly major: number
  readonly minor: number
  /** By minor version: from that to the next. */
  readonly upcasts?: Readonly<Record<number, (data: unknown) => unknown>>
}

/** Why a message is not taken. */
export type EnvelopeRefusal = 'unreadable' | 'version' | 'expired'

export type ReadEnvelope =
  | { readonly kind: 'read'; readonly envelope: Envelope }
  | { readonly kind: 'refused'; readonly why: EnvelopeRefusal; readonly detail: string }

/** Reads a message of one kind, as of `now` (milliseconds since 1970). What is newer by a minor version is taken as it is: it may say more, and the schema of its data decides. */
export function readEnvelope(text: string, kind: string, reader: Reader, now: number): ReadEnvelope {
  const parsed = parseStrictJson(text)
  const read = parsed.ok ? Envelope.safeParse(parsed.value) : undefined
  if (read?.success !== true)
    return { kind: 'refused', why: 'unreadable', detail: 'it is no envelope of this version' }
  const { data: envelope } = read
  const [, found, major, minor] = TYPE.exec(envelope.type) ?? []
  if (found !== kind)
    return { kind: 'refused', why: 'unreadable', detail: `\`${envelope.type}\` is no ${kind}` }
  if (Number(major) !== reader.major)
    return {
      kind: 'refused',
      why: 'version',
      detail: `\`${envelope.type}\`: version ${reader.major} is read here`,
    }
  if (envelope.expiresat !== undefined && Date.parse(envelope.expiresat) <= now)
    return { kind: 'refused', why: 'expired', detail: `it was over at ${envelope.expiresat}` }
  let { data } = envelope
  for (let at = Number(minor); at < reader.minor; at += 1) data = reader.upcasts?.[at]?.(data) ?? data
  return { kind: 'read', envelope: { ...envelope, data } }
}

export const typeOf = (kind: string, { major, minor }: Reader): string => `ephor.${kind}.${major}.${minor}`
export const timeText = (millis: number): string => new Date(millis).toISOString()
