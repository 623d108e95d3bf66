/** The sidecar's own directory: configuration, tokens, keys, journal, and the texts of constitutions by hash. */
import { randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import {
  generateKeyPair,
  keyPairFromPem,
  privateKeyToPem,
  publicKeyToPem,
  type KeyPair,
} from '../base/ed25519.ts'
import { EphorError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import { Name } from '../protocol/common.ts'
import { openPermitKeys, type PermitKeyRing } from './permit-keys.ts'

export const ROLES = ['agent', 'feeder', 'operator', 'author', 'auditor'] as const
export type Role = (typeof ROLES)[number]

const Config = z.strictObject({
  host: z
    .string()
    .default('127.0.0.1')
    .describe('Where to listen; anything but loopback puts the sidecar on the network'),
  port: z.int().min(0).max(65_535).default(7411),
  socket: z
    .string()
    .nullable()
    .default('ephor.sock')
    .describe('A Unix socket in this directory; null for none'),
  constitution: z
    .string()
    .describe('Directory of the constitution; a relative path counts from where the sidecar is started'),
  limits: z
    .strictObject({
      bodyBytes: z.int().min(1024).default(1_048_576),
      requestsPerSecond: z.int().min(1).default(20_000).describe('For each token'),
      connections: z.int().min(1).default(1024),
      requestMs: z
        .int()
        .min(100)
        .default(10_000)
        .describe('Milliseconds that a caller may take to send a request whole'),
      queue: z.int().min(1).default(10_000).describe('Inputs being recorded at once'),
    })
    .prefault({}),
  segmentBytes: z
    .int()
    .min(65_536)
    .default(67_108_864)
    .describe('A journal segment is closed when it has grown to this'),
})
export type Config = z.infer<typeof Config>

const Tokens = z.strictObject({
  tokens: z.array(
    z.strictObject({
      name: Name.describe('For an agent, the agent itself'),
      role: z.enum(ROLES),
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
      sources: z.array(Name).optional().describe('Price sources a feeder is bound to; all when left out'),
    }),
  ),
})
export type Token = z.infer<typeof Tokens>['tokens'][number]

export interface Home {
  readonly directory: string
  readonly config: Config
  readonly tokens: readonly Token[]
  /** Signs the journal's head. */
  readonly keys: KeyPair
  readonly keyId: string
  /** Sign permits; never the journal's. */
  readonly permitKeys: PermitKeyRing
  /** Whether this start made the directory. */
  readonly created: boolean
}

const FIRST_TOKENS: readonly { readonly name: string; readonly role: Role }[] = [
  { name: 'alpha', role: 'agent' },
  { name: 'feed', role: 'feeder' },
  { name: 'operator-1', role: 'operator' },
  { name: 'operator-2', role: 'operator' },
  { name: 'author', role: 'author' },
  { name: 'auditor', role: 'auditor' },
]

/** Opens the sidecar's directory; the first start makes it, readable by its owner only. */
export function openHome(path: string, constitution: string | undefined, port?: number): Home {
  const directory = resolve(path)
  const created = !existsSync(join(directory, 'config.yaml'))
  if (created) create(directory, constitution ?? 'constitution', port)
  const config = readYamlFile(join(directory, 'config.yaml'), Config)
  const { tokens } = readYamlFile(join(directory, 'tokens.yaml'), Tokens)
  const keys = keyPairFromPem(readFileSync(join(directory, 'keys', 'journal.pem'), 'utf8'))
  const keyId = keyIdOf(publicKeyToPem(keys.publicKey))
  return {
    directory,
    config: { ...config, constitution: constitution ?? config.constitution },
    tokens,
    keys,
    keyId,
    permitKeys: openPermitKeys(join(directory, 'keys')),
    created,
  }
}

/** A short name for a public key: the beginning of its PEM's hash. */
export function keyIdOf(publicPem: string): string {
  return sha256(publicPem).slice(0, 16)
}

function create(directory: string, constitution: string, port: number | undefined): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  chmodSync(directory, 0o700)
  for (const part of ['tokens', 'keys', 'constitutions'])
    mkdirSync(join(directory, part), { recursive: true, mode: 0o700 })
  const keys = generateKeyPair()
  writePrivate(join(directory, 'keys', 'journal.pem'), privateKeyToPem(keys.privateKey))
  writePrivate(join(directory, 'keys', 'journal.pub.pem'), publicKeyToPem(keys.publicKey))
  const lines: string[] = []
  for (const { name, role } of FIRST_TOKENS) {
    const token = `ephor_${role}_${randomBytes(24).toString('base64url')}`
    writePrivate(join(directory, 'tokens', name), `${token}\n`)
    lines.push(`  - { name: ${name}, role: ${role}, sha256: ${sha256(token)} }`)
  }
  writePrivate(
    join(directory, 'tokens.yaml'),
    `# Who may call, by the SHA-256 of their bearer token. The tokens made at the first start lie in tokens/; hand each out and delete it there.\ntokens:\n${lines.join('\n')}\n`,
  )
  // Written last: a directory without it was not finished and is made again.
  writePrivate(
    join(directory, 'config.yaml'),
    `# Read at start. See docs/operations.md for every key.\nconstitution: ${JSON.stringify(constitution)}\nhost: 127.0.0.1\nport: ${port ?? 7411}\nsocket: ephor.sock\n`,
  )
}

function writePrivate(path: string, text: string): void {
  writeFileSync(path, text, { mode: 0o600 })
}

function readYamlFile<T extends z.ZodType>(path: string, schema: T): z.infer<T> {
  let value: unknown
  try {
    value = parse(readFileSync(path, 'utf8'), { uniqueKeys: true })
  } catch (error) {
    throw new EphorError(
      'CONFIG_INVALID',
      `${path}: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  throw new EphorError(
    'CONFIG_INVALID',
    `${path}: ${issue?.path.join('.') || 'file'}: ${issue?.message ?? 'invalid'}`,
  )
}
