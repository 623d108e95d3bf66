/** What a checkpoint says of itself, signed with the journal's key: which state it holds, of which journal, at which record. */
import type { KeyObject } from 'node:crypto'
import { canonicalJson } from '../base/canonical-json.ts'
import { signText, verifyText } from '../base/ed25519.ts'
import type { PublicKeyOf } from './head.ts'
import type { ChainEnd } from './record.ts'

/** The statement stands before the lines it is of, in so many bytes. */
export const STATEMENT_BYTES = 1024

/** All of it, its signature aside. `sequence` and `hash` are those of the last record whose event is in the state. */
export interface CheckpointStatement extends ChainEnd {
  /** The UUID of the journal. */
  readonly journal: string
  /** The version of Ephor that wrote it. */
  readonly engine: string
  /** The number of what its lines mean. */
  readonly state: number
  /** Wall time of the statement in milliseconds since 1970, UTC. */
  readonly at: number
  /** Length of the lines in bytes. */
  readonly bytes: number
  /** SHA-256 of the lines. */
  readonly sha256: string
  /** The id of the key that signed. */
  readonly key: string
}

/** The bytes of a signed statement. Throws a `RangeError` when they do not fit. */
export function encodeStatement(statement: CheckpointStatement, privateKey: KeyObject): Buffer {
  return statementBytes(statement, signText(privateKey, signedText(statement)))
}

/** No other text that the journal's key signs has `checkpoint` in it. */
function signedText(statement: CheckpointStatement): string {
  return canonicalJson({ checkpoint: 1, ...fieldsOf(statement) })
}

function fieldsOf({
  journal,
  sequence,
  hash,
  engine,
  state,
  at,
  bytes,
  sha256,
  key,
}: CheckpointStatement): CheckpointStatement & { readonly [name: string]: string | number } {
  return { journal, sequence, hash, engine, state, at, bytes, sha256, key }
}

function statementBytes(statement: CheckpointStatement, signature: string): Buffer {
  const text = JSON.stringify({ checkpoint: 1, ...fieldsOf(statement), signature })
  if (Buffer.byteLength(text) >= STATEMENT_BYTES)
    throw new RangeError(`the statement of a checkpoint takes ${Buffer.byteLength(text)} bytes`)
  const bytes = Buffer.alloc(STATEMENT_BYTES, ' ')
  bytes.write(text, 'utf8')
  bytes.write('\n', STATEMENT_BYTES - 1)
  return bytes
}

/** The statement in `bytes`, or, as a string, why it is not valid. */
export function decodeStatement(bytes: Buffer, publicKeyOf: PublicKeyOf): CheckpointStatement | string {
  if (bytes.length !== STATEMENT_BYTES) return `its statement has ${bytes.length} of ${STATEMENT_BYTES} bytes`
  const parsed = parse(bytes)
  if (parsed === undefined) return 'it does not begin with a statement'
  const { statement, signature } = parsed
  const exactSignature = Buffer.from(signature, 'base64url').toString('base64url')
  // As with a head: other bytes for the same statement are not ours.
  if (!statementBytes(statement, exactSignature).equals(bytes)) return 'its statement is not laid out as one'
  const key = publicKeyOf(statement.key)
  if (key === undefined) return `the key \`${statement.key}\` is not known`
  return verifyText(key, signedText(statement), signature)
    ? statement
    : `its signature is not that of key \`${statement.key}\``
}

const TEXTS = ['journal', 'hash', 'engine', 'sha256', 'key'] as const
const NUMBERS = ['sequence', 'state', 'at', 'bytes'] as const

function parse(bytes: Buffer): { statement: CheckpointStatement; signature: string } | undefined {
  try {
    const parsed = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>
    const { signature } = parsed
    if (TEXTS.some((name) => typeof parsed[name] !== 'string') || typeof signature !== 'string')
      return undefined
    if (NUMBERS.some((name) => !Number.isSafeInteger(parsed[name]))) return undefined
    return { statement: fieldsOf(parsed as unknown as CheckpointStatement), signature }
  } catch {
    return undefined
  }
}
