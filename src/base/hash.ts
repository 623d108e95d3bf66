/** SHA-256, the only hash Ephor uses. */
import * as crypto from 'node:crypto'

/** The SHA-256 of text (as UTF-8) or bytes, as 64 lowercase hexadecimal digits. */
export function sha256(data: string | Uint8Array): string {
  return crypto.hash('sha256', data, 'hex')
}
