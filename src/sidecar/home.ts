/** The sidecar's own directory: configuration, tokens, keys, journal, and the texts of constitutions by hash. */
import { randomBytes, type KeyObject } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
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
import { PARTITIONS_MAX } from '../protocol/partition.ts'
import { CHECKPOINT_DEFAULTS } from './checkpoint-options.ts'
import { readConfigFile } from './config-file.ts'
import { keyIdOf, readPublicKey, retiredKeys } from './key-ring.ts'
import { openPermitKeys, type PermitKeyRing } from './permit-keys.ts'
import { Tokens, type Role, type Token } from './tokens.ts'

const PemFile = z.string().describe('A PEM file; a relative path counts from this directory')
const RedisConfig = z.strictObject({
  url: z.string().describe('The Redis that sidecars share; a password in it is a secret of this file'),
  name: Name.optional().describe(
    'What this sidecar is called among the others; else the id of its journal’s key',
  ),
  emergency: z.string().optional().describe('A Redis of their own for halts; else the same'),
  tls: z
    .strictObject({ ca: PemFile.optional(), cert: PemFile.optional(), key: PemFile.optional() })
    .optional()
    .describe('Whom to believe, and who we are, where the URL begins with `rediss`'),
  replicas: z
    .int()
    .min(0)
    .max(16)
    .optional()
    .describe(
      'Replicas that have to have what was recorded before anybody is told; else 1 behind Sentinel and in a Cluster',
    ),
  sentinelPassword: z.string().optional().describe('Of the Sentinels, where they want one'),
  batch: z
    .enum(['none', '1ms', '10ms'])
    .optional()
    .describe(
      'How long what is handed on and said on topics is gathered, to go together: longer is more a second and later each; `none` where left out',
    ),
  partitions: z
    .int()
    .min(1)
    .max(PARTITIONS_MAX)
    .default(1)
    .describe(
      'Into how many partitions owners are shared out; fixed at the first start of the first sidecar',
    ),
})

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
  policies: z
    .string()
    .default('policies')
    .describe('Directory of the policies; a relative path counts from where the sidecar is started'),
  tickMs: z
    .int()
    .min(10)
    .max(1_000)
    .default(250)
    .describe('Milliseconds between two looks at what nobody reports'),
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
  redis: RedisConfig.nullable().default(null).describe('With other sidecars under one law; null: by itself'),
  checkpoints: z
    .strictObject({
      everyRecords: z
        .int()
        .min(1)
        .nullable()
        .default(CHECKPOINT_DEFAULTS.everyRecords)
        .describe('Records from one checkpoint to the next; null writes none'),
      bytesMax: z
        .int()
        .min(1024)
        .default(CHECKPOINT_DEFAULTS.bytesMax)
        .describe('A checkpoint that would be larger is not written'),
    })
    .prefault({}),
})
export type Config = z.infer<typeof Config>

export interface Home {
  readonly directory: string
  readonly config: Config
  readonly tokens: readonly Token[]
  /** Signs the journal's head. */
  readonly keys: KeyPair
  readonly keyId: string
  /** Public keys that signed its heads before, by id. */
  readonly retiredKeys: ReadonlyMap<string, KeyObject>
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

/** The price sources of the feeder token that a first start makes: those of the examples. */
const FIRST_SOURCES = ['nyse', 'bats']

/** The configuration in a sidecar's directory. Throws `CONFIG_INVALID`. */
export function configOf(directory: string): Config {
  return readConfigFile(join(directory, 'config.yaml'), Config)
}

/** Throws `JOURNAL_CORRUPT` where no journal is left of a sidecar that had one: halts and what is open would be forgotten without a word. */
export function assertJournalKept(directory: string): void {
  const journal = join(directory, 'journal')
  const isKept =
    existsSync(journal) &&
    readdirSync(journal, { recursive: true, encoding: 'utf8' }).some((name) =>
      /(?:^|[\\/])(?:segment-|checkpoint-|head$)/.test(name),
    )
  if (!isKept && hasFiles(join(directory, 'constitutions')))
    throw new EphorError(
      'JOURNAL_CORRUPT',
      `${journal} is gone, and ${join(directory, 'constitutions')} says that there was one: put it back, bring it over with \`ephor log restore\`, or begin with another directory`,
    )
}

/** Opens the sidecar's directory; the first start makes it, readable by its owner only, with a feeder token for `sources`. */
export function openHome(
  path: string,
  constitution: string | undefined,
  sources: readonly string[] = FIRST_SOURCES,
  policies?: string,
): Home {
  const directory = resolve(path)
  const created = !existsSync(join(directory, 'config.yaml'))
  if (created) create(directory, constitution ?? 'constitution', policies ?? 'policies', sources)
  const config = configOf(directory)
  const { tokens } = readConfigFile(join(directory, 'tokens.yaml'), Tokens)
  const keys = keyPairFromPem(readFileSync(join(directory, 'keys', 'journal.pem'), 'utf8'))
  const keyId = keyIdOf(keys.publicKey)
  const published = join(directory, 'keys', 'journal.pub.pem')
  // Whoever verifies by the one would not believe what is signed with the other.
  if (existsSync(published) && keyIdOf(readPublicKey(published)) !== keyId)
    throw new EphorError('CONFIG_INVALID', `${published} is not the public half of journal.pem beside it`)
  return {
    directory,
    config: {
      ...config,
      constitution: constitution ?? config.constitution,
      policies: policies ?? config.policies,
    },
    tokens,
    keys,
    keyId,
    retiredKeys: retiredKeys(join(directory, 'keys')),
    permitKeys: openPermitKeys(join(directory, 'keys')),
    created,
  }
}

/** What a first start makes, which one that was broken off may have left; what people lay down before it; and what an empty disk has. */
const OF_A_BEGINNING = new Set([
  'tokens',
  'tokens.yaml',
  'keys',
  'constitutions',
  'models',
  'constitution',
  'policies',
  'lost+found',
])

/** Throws `CONFIG_INVALID` where something is there already that a first start would put something else in the place of, or that is none of a sidecar's. */
function assertBeginning(directory: string): void {
  if (!existsSync(directory)) return
  const names = readdirSync(directory)
  const config = join(directory, 'config.yaml')
  if (names.includes('journal') || hasFiles(join(directory, 'constitutions')))
    throw new EphorError(
      'CONFIG_INVALID',
      `${config} is missing, and the directory has been used: put it back; without it nobody can say what this sidecar is, and nothing is begun anew`,
    )
  const foreign = names.filter((name) => !OF_A_BEGINNING.has(name) && !name.startsWith('.'))
  if (foreign.length > 0)
    throw new EphorError(
      'CONFIG_INVALID',
      `${directory} holds \`${foreign[0]}\` and no config.yaml, so it is no sidecar’s: name a directory that is empty, or is not there yet`,
    )
}

function hasFiles(directory: string): boolean {
  return existsSync(directory) && readdirSync(directory).length > 0
}

/** What a first start that was broken off has made is kept: somebody may have it by now. */
function create(directory: string, constitution: string, policies: string, sources: readonly string[]): void {
  assertBeginning(directory)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  chmodSync(directory, 0o700)
  for (const part of ['tokens', 'keys', 'constitutions'])
    mkdirSync(join(directory, part), { recursive: true, mode: 0o700 })
  const pem = join(directory, 'keys', 'journal.pem')
  const isKept = existsSync(pem)
  const keys = isKept ? keyPairFromPem(readFileSync(pem, 'utf8')) : generateKeyPair()
  if (!isKept) writePrivate(pem, privateKeyToPem(keys.privateKey))
  writePrivate(join(directory, 'keys', 'journal.pub.pem'), publicKeyToPem(keys.publicKey))
  if (!existsSync(join(directory, 'tokens.yaml'))) createTokens(directory, sources)
  // Written last: a directory without it was not finished.
  writePrivate(
    join(directory, 'config.yaml'),
    `# Read at start. See docs/operations.md for every key.\nconstitution: ${JSON.stringify(constitution)}\npolicies: ${JSON.stringify(policies)}\nhost: 127.0.0.1\nport: 7411\nsocket: ephor.sock\n`,
  )
}

function createTokens(directory: string, sources: readonly string[]): void {
  const lines: string[] = []
  for (const { name, role } of FIRST_TOKENS) {
    const token = `ephor_${role}_${randomBytes(24).toString('base64url')}`
    writePrivate(join(directory, 'tokens', name), `${token}\n`)
    const bound = role === 'feeder' ? `, sources: ${JSON.stringify(sources)}` : ''
    lines.push(`  - { name: ${name}, role: ${role}, sha256: ${sha256(token)}${bound} }`)
  }
  writePrivate(
    join(directory, 'tokens.yaml'),
    `# Who may call, by the SHA-256 of their bearer token. The tokens made at the first start lie in tokens/; hand each out and delete it there.\n# A price is trusted when two sources agree: give each source a feeder of its own. See docs/operations.md.\ntokens:\n${lines.join('\n')}\n`,
  )
}

function writePrivate(path: string, text: string): void {
  writeFileSync(path, text, { mode: 0o600 })
}
