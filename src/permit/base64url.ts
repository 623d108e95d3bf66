/** Base64url as RFC 7515 wants it: one text for each sequence of bytes, so that no two tokens mean the same. */

/** The bytes of `text`; `undefined` when it is padded, has other characters, or has stray bits at its end. */
export function bytesOf(text: string): Buffer | undefined {
  // Buffer reads nearly anything; only what it would write itself is taken.
  const bytes = Buffer.from(text, 'base64url')
  return bytes.toString('base64url') === text ? bytes : undefined
}

export function textOf(bytes: string | Uint8Array): string {
  return (typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : Buffer.from(bytes)).toString('base64url')
}
