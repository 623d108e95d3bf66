/** The public keys that heads of the journal may be signed by, each under its id: the one that signs now, and those retired before it. */
import type { KeyObject } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { publicKeyFromPem, publicKeyToPem } from '../base/ed25519.ts'
import { EphorError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'

const RETIRED = 'retired'
const PUBLIC = '.pub.pem'

export interface KeyRing {
  /** The id of the key that signs now. */
  readonly current: string
  /** By id, the current key among them. */
  readonly keys: ReadonlyMap<string, KeyObject>
}

/** A short name for a public key: the beginning of its PEM's hash. */
export function keyIdOf(key: KeyObject): string {
  return sha256(publicKeyToPem(key)).slice(0, 16)
}

/** Reads `journal.pub.pem` and `retired/*.pub.pem` in a directory of keys. Throws `CONFIG_INVALID` at a file that holds no such key. */
export function readKeyRing(directory: string): KeyRing {
  const key = readPublicKey(join(directory, `journal${PUBLIC}`))
  const current = keyIdOf(key)
  const keys = retiredKeys(directory)
  return { current, keys: keys.set(current, key) }
}

/** The keys that signed before, by id. */
export function retiredKeys(directory: string): Map<string, KeyObject> {
  const folder = join(directory, RETIRED)
  if (!existsSync(folder)) return new Map()
  const files = readdirSync(folder).filter((name) => name.endsWith(PUBLIC))
  return new Map(
    files.map((name) => {
      const key = readPublicKey(join(folder, name))
      return [keyIdOf(key), key]
    }),
  )
}

/** The Ed25519 public key in a PEM file. Throws `CONFIG_INVALID` when there is none. */
export function readPublicKey(path: string): KeyObject {
  try {
    return publicKeyFromPem(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new EphorError(
      'CONFIG_INVALID',
      `${path} is no Ed25519 public key: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    )
  }
}
