/** SHA-256, the only hash Ephor uses. */
import { canonicalJson, type Json } from './canonical-json.ts'
import * as crypto from 'node:crypto'

/** The SHA-256 of text (as UTF-8) or bytes, as 64 lowercase hexadecimal digits. */
export function sha256(data: string | Uint8Array): string {
  return crypto.hash('sha256', data, 'hex')
}

/** The SHA-256 of `value`’s canonical JSON: the same for any order of its members. What is signed and compared in place of a whole value. */
export function digestOf(value: Json): string {
  return sha256(canonicalJson(value))
}
