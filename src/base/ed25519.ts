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
  return key
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
