/** The keys by which sidecars know each other: one that signs what this one puts into the inbox, and the public halves of the others, as the operator laid them. */
import type { KeyObject } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generateKeyPair, keyPairFromPem, privateKeyToPem, publicKeyToPem } from '../base/ed25519.ts'
import { EphorError } from '../base/errors.ts'
import { keyIdOf, readPublicKey } from './key-ring.ts'
import type { Peers } from './sealed-inbox.ts'

const PRIVATE = 'sidecar.pem'
const PUBLIC = 'sidecar.pub.pem'
const PEERS = 'peers'
/** `NAME.pub.pem`, or `NAME~ANYTHING.pub.pem` where a sidecar has more keys than one while it changes them. */
const FILE = /^([A-Za-z0-9][A-Za-z0-9._:@+-]{0,127})(?:~[^/]*)?\.pub\.pem$/

/** Opens them in a directory of keys, and makes the one that signs where there is none. Throws `CONFIG_INVALID` at a file that is no such key. */
export function openPeerKeys(directory: string, name: string): Peers {
  const path = join(directory, PRIVATE)
  if (!existsSync(path)) writeFileSync(path, privateKeyToPem(generateKeyPair().privateKey), { mode: 0o600 })
  const { privateKey, publicKey } = readKeys(path)
  writeFileSync(join(directory, PUBLIC), publicKeyToPem(publicKey), { mode: 0o600 })
  const signer = { kid: keyIdOf(publicKey), privateKey }
  const folder = join(directory, PEERS)
  if (!existsSync(folder)) return { signer, keys: undefined }
  const keys = new Map<string, readonly KeyObject[]>([[name, [publicKey]]])
  for (const file of readdirSync(folder).toSorted()) {
    const peer = FILE.exec(file)?.[1]
    if (peer === undefined)
      throw new EphorError('CONFIG_INVALID', `${join(folder, file)}: expected a file called NAME.pub.pem`)
    keys.set(peer, [...(keys.get(peer) ?? []), readPublicKey(join(folder, file))])
  }
  return { signer, keys }
}

function readKeys(path: string): ReturnType<typeof keyPairFromPem> {
  try {
    return keyPairFromPem(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new EphorError(
      'CONFIG_INVALID',
      `${path}: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}
