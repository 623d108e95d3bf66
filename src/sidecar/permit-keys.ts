/** The keys of permits in the sidecar's directory: one that signs, and the public halves of those that did. */
import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KeyObject } from 'node:crypto'
import {
  generateKeyPair,
  keyPairFromPem,
  privateKeyToPem,
  publicKeyFromPem,
  publicKeyToPem,
  type KeyPair,
} from '../base/ed25519.ts'
import { EphorError } from '../base/errors.ts'
import { jwkOf, jwksOf } from '../permit/keys.ts'
import { KEYS_MAX, type Jwks } from '../protocol/permit.ts'

/** What permits are signed with, and how others check them. */
export interface PermitKeyRing {
  readonly signing: KeyPair
  /** What `GET /.well-known/jwks.json` shows. */
  readonly jwks: Jwks
}

const PRIVATE = 'permit.pem'
const PUBLIC = 'permit.pub.pem'
const RETIRED = /^permit-retired-[A-Za-z0-9_-]{43}\.pub\.pem$/

/**
 * Opens the keys in `directory`. Where there is none to sign with, one is made, so taking `permit.pem` away is how to take a new key:
 * the public half of the old one stays known, under a name of its own.
 */
export function openPermitKeys(directory: string): PermitKeyRing {
  const privatePath = join(directory, PRIVATE)
  if (!existsSync(privatePath)) writeWhole(privatePath, privateKeyToPem(generateKeyPair().privateKey))
  const signing = read(privatePath, keyPairFromPem)
  keepPublic(directory, signing.publicKey)
  const retired = readdirSync(directory).filter((name) => RETIRED.test(name))
  if (retired.length >= KEYS_MAX)
    throw new EphorError(
      'CONFIG_INVALID',
      `${directory} holds ${retired.length} retired keys of permits, and ${KEYS_MAX - 1} can be shown; delete the oldest`,
    )
  const old = retired.toSorted().map((name) => read(join(directory, name), publicKeyFromPem))
  return { signing, jwks: jwksOf([signing.publicKey, ...old]) }
}

/** Writes the public half beside the private one; another that stood there is retired first. */
function keepPublic(directory: string, publicKey: KeyObject): void {
  const path = join(directory, PUBLIC)
  const pem = publicKeyToPem(publicKey)
  if (existsSync(path)) {
    const before = read(path, publicKeyFromPem)
    if (publicKeyToPem(before) === pem) return
    writeWhole(join(directory, `permit-retired-${jwkOf(before).kid}.pub.pem`), publicKeyToPem(before))
  }
  writeWhole(path, pem)
}

/** A file is there whole or not at all. */
function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.new`, text, { mode: 0o600 })
  renameSync(`${path}.new`, path)
}

function read<T>(path: string, parse: (pem: string) => T): T {
  try {
    return parse(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new EphorError(
      'CONFIG_INVALID',
      `${path}: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}
