/** What is signed and compared in place of a whole value: the hash of its canonical JSON. */
import { canonicalJson, type Json } from '../base/canonical-json.ts'
import { sha256 } from '../base/hash.ts'

/** The SHA-256 of `value`’s canonical JSON: the same for any order of its members. */
export function digestOf(value: Json): string {
  return sha256(canonicalJson(value))
}
