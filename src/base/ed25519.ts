/** Ed25519 signatures (RFC 8032) over bytes, with keys kept as PEM text. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto'

/** A signing key with the public half that checks it. */
export interface KeyPair {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/** A fresh key pair from the system's random source. */
export function generateKeyPair(): KeyPair {
  return generateKeyPairSync('ed25519')
}

/** The PKCS #8 PEM text of a private key. */
export function privateKeyToPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** The SPKI PEM text of a public key. */
export function publicKeyToPem(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString()
}

/** Reads a private key from PEM and derives its public half. Throws when the text is no Ed25519 key. */
export function keyPairFromPem(pem: string): KeyPair {
  const privateKey = createPrivateKey(pem)
  if (privateKey.asymmetricKeyType !== 'ed25519') throw new TypeError('expected an Ed25519 private key')
  return { privateKey, publicKey: createPublicKey(privateKey) }
}

/** Reads a public key from PEM. Throws when the text is no Ed25519 public key. */
export function publicKeyFromPem(pem: string): KeyObject {
  // Of a private key the public half would be read, and the text be kept and shown.
  if (pem.includes('PRIVATE KEY')) throw new TypeError('expected a public key, and this is a private one')
  const key = createPublicKey(pem)
  if (key.asymmetricKeyType !== 'ed25519') throw new TypeError('expected an Ed25519 public key')
  if (isWeak(key)) throw new TypeError('expected an Ed25519 public key, and anybody could sign for this one')
  return key
}

/**
 * Points of order 8 and less, as their keys are written, canonical or not, without the sign: of such a key one signature holds for every eighth text at least, and
 * nobody needs a private key to write it.
 */
const WEAK: ReadonlySet<string> = new Set([
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  `ec${'ff'.repeat(30)}7f`,
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
])

function isWeak(key: KeyObject): boolean {
  const raw = Buffer.from(key.export({ type: 'spki', format: 'der' }).subarray(-32))
  raw[31] = (raw[31] ?? 0) & 0x7f
  return WEAK.has(raw.toString('hex'))
}

/** Whether `pem` is an Ed25519 public key that can be read. */
export function isEd25519PublicKey(pem: string): boolean {
  try {
    return publicKeyFromPem(pem).type === 'public'
  } catch {
    return false
  }
}

/** The signature of `text` (as UTF-8), in base64url. */
export function signText(key: KeyObject, text: string): string {
  return sign(null, Buffer.from(text, 'utf8'), key).toString('base64url')
}

/** Whether `signature` (base64url) is `key`'s signature of `text`. Malformed signatures are simply not valid. */
export function verifyText(key: KeyObject, text: string, signature: string): boolean {
  return verify(null, Buffer.from(text, 'utf8'), key, Buffer.from(signature, 'base64url'))
}
