/** The log of what is champion, challenger and shadow: entries that each name the one before by its hash, with who wanted them and why. */
import { z } from 'zod'
import { canonicalJson, type Json } from '../../base/canonical-json.ts'
import { isEd25519PublicKey, publicKeyFromPem, verifyText } from '../../base/ed25519.ts'
import { EphorError } from '../../base/errors.ts'
import { digestOf } from '../../base/hash.ts'
import { parseStrictJson } from '../../base/strict-json.ts'
import { Hash, Millis, Name } from '../../protocol/common.ts'
import { describeIssues } from '../../protocol/issues.ts'

export const ALIASES = ['champion', 'challenger', 'shadow'] as const
export type Alias = (typeof ALIASES)[number]

/** Bytes of the log, and of its head. */
export const LOG_MAX = 8_000_000
export const HEAD_MAX = 1000
const LINE_MAX = 100_000
/** The hash that the first entry names as the one before. */
export const NOTHING = '0'.repeat(64)
/** Approvals that an entry needs which could move money. */
const APPROVALS_MIN = 2

const Reason = z.string().min(1).max(1000)
const Approver = z.strictObject({
  name: Name,
  publicKey: z.string().max(400).refine(isEd25519PublicKey, 'expected an Ed25519 public key as PEM'),
})

/** One person’s signed word. */
const Approval = z.strictObject({
  name: Name,
  reason: Reason,
  at: Millis,
  signature: z
    .string()
    .regex(/^[A-Za-z0-9_-]{86}$/)
    .describe('Ed25519 over the canonical JSON of the statement, base64url'),
})
export type Approval = z.infer<typeof Approval>

const Chain = {
  schema: z.literal(1),
  sequence: z.int().min(1),
  previous: Hash.describe('Of the entry before; zeros in the first'),
  hash: Hash.describe('SHA-256 of the canonical JSON of all the rest'),
  at: Millis,
}
const Aliased = { alias: z.enum(ALIASES), artifact: Hash }

const AliasEntry = z.discriminatedUnion('kind', [
  z
    .strictObject({ ...Chain, kind: z.literal('shipped'), ...Aliased, evaluation: Hash, reason: Reason })
    .describe('The first entry: what came with the software. A schedule, never a model'),
  z
    .strictObject({
      ...Chain,
      kind: z.literal('approvers'),
      approvers: z.array(Approver).min(APPROVALS_MIN).max(32),
      approvals: z.array(Approval).max(32),
    })
    .describe(
      'Who may approve from here on. The first come without approvals, all later ones with two of those before',
    ),
  z.strictObject({
    ...Chain,
    kind: z.literal('promoted'),
    ...Aliased,
    evaluation: Hash,
    approvals: z.array(Approval).max(32),
  }),
  z
    .strictObject({
      ...Chain,
      kind: z.literal('rolledBack'),
      alias: z.enum(ALIASES),
      artifact: Hash.nullable().describe('What it was before; null where nothing was'),
      approvals: z.array(Approval).min(1).max(1),
    })
    .describe('One person is enough to go back'),
])
export type AliasEntry = z.infer<typeof AliasEntry>
/** An entry before it is chained. */
export type Proposed = AliasEntry extends infer Entry
  ? Entry extends AliasEntry
    ? Omit<Entry, 'hash'>
    : never
  : never

const Head = z.strictObject({ schema: z.literal(1), sequence: z.int().nonnegative(), hash: Hash })
export type Head = z.infer<typeof Head>
const EMPTY: Head = { schema: 1, sequence: 0, hash: NOTHING }

/** An artifact that has an alias, with the evaluation that it got it by. */
export interface Held {
  readonly artifact: string
  readonly evaluation: string
}

/** What a log comes to. */
export interface AliasState {
  readonly head: Head
  readonly entries: readonly AliasEntry[]
  /** By alias, all that it stood for and was not rolled back, the last in force. */
  readonly held: Readonly<Record<Alias, readonly Held[]>>
  /** Names with their public keys. */
  readonly approvers: ReadonlyMap<string, string>
}

export const NO_ALIASES: AliasState = {
  head: EMPTY,
  entries: [],
  held: { champion: [], challenger: [], shadow: [] },
  approvers: new Map(),
}

const fault = (
  code: 'MODEL_LOG_INVALID' | 'MODEL_LOG_ALTERED' | 'MODEL_LOG_TRUNCATED',
  why: string,
): EphorError => new EphorError(code, why)

/** What is signed by who approves: the whole of an entry but the approvals, with the signer’s name and reason. */
export function statementOf(entry: Proposed, { name, reason, at }: Omit<Approval, 'signature'>): string {
  // When it is recorded is not known yet by who signs before.
  const { approvals: _, at: __, ...rest } = entry as Record<string, unknown>
  return canonicalJson({ statement: 'ephor-model-approval', entry: rest as Json, name, reason, at })
}

/** Chains an entry. */
export function sealEntry(entry: Proposed): AliasEntry {
  return { ...entry, hash: digestOf(entry) }
}

export function lineOf(entry: AliasEntry): string {
  return `${canonicalJson(entry)}\n`
}

export function headText({ sequence, hash }: Head): string {
  return `${canonicalJson({ schema: 1, sequence, hash })}\n`
}

/**
 * Reads a log up to its head. What stands behind the head was never in force: its writer died before. Throws `MODEL_LOG_INVALID` on what does not fit or breaks a rule,
 * `MODEL_LOG_ALTERED` where a hash or the chain differs, `MODEL_LOG_TRUNCATED` where the log ends before its head or the head is gone.
 */
export function readAliasLog(log: string, head: string | undefined): AliasState {
  if (head === undefined) {
    if (log === '') return NO_ALIASES
    throw fault(
      'MODEL_LOG_TRUNCATED',
      'the head of the alias log is gone; without it nobody can tell whether the log is whole',
    )
  }
  const stated = parsed(Head, head, 'the head of the alias log')
  let state = NO_ALIASES
  let from = 0
  while (state.head.sequence < stated.sequence) {
    const end = log.indexOf('\n', from)
    const place = `entry ${state.head.sequence + 1} of the alias log`
    if (end === -1)
      throw fault(
        'MODEL_LOG_TRUNCATED',
        `the alias log ends after ${state.head.sequence} entries; its head states ${stated.sequence}`,
      )
    const line = log.slice(from, end)
    const entry = parsed(AliasEntry, line, place)
    if (canonicalJson(entry) !== line) throw fault('MODEL_LOG_ALTERED', `${place} is not as it was written`)
    state = follow(state, entry)
    from = end + 1
  }
  if (state.head.hash !== stated.hash)
    throw fault(
      'MODEL_LOG_ALTERED',
      `the head states ${stated.hash}; entry ${stated.sequence} is ${state.head.hash}`,
    )
  return state
}

/** The bytes of a log that are in force, by what it reads as. */
export function lengthInForce({ entries }: AliasState): number {
  return entries.reduce((sum, entry) => sum + Buffer.byteLength(lineOf(entry)), 0)
}

/** Approvals that an entry needs, in this state of the log. */
export function approvalsNeeded({ approvers }: AliasState, entry: Proposed): number {
  switch (entry.kind) {
    case 'shipped':
      return 0
    case 'approvers':
      return approvers.size === 0 ? 0 : APPROVALS_MIN
    case 'promoted':
      // A shadow moves nothing.
      return entry.alias === 'shadow' ? 1 : APPROVALS_MIN
    case 'rolledBack':
      return 1
  }
}

/** Reads an entry that people are still approving. Throws `MODEL_LOG_INVALID`. */
export function readProposed(text: string): Proposed {
  const value = parsed(z.looseObject({}), text, 'the proposal')
  const entry = parsed(
    AliasEntry,
    canonicalJson({ ...(value as Record<string, Json>), hash: NOTHING }),
    'the proposal',
  )
  const { hash: _, ...proposed } = entry
  return proposed
}

function parsed<T>(schema: z.ZodType<T>, text: string, place: string): T {
  if (text.length > LINE_MAX) throw fault('MODEL_LOG_INVALID', `${place} has ${text.length} characters`)
  const json = parseStrictJson(text)
  if (!json.ok) throw fault('MODEL_LOG_INVALID', `${place}: ${json.path || '/'} ${json.message}`)
  const result = schema.safeParse(json.value)
  if (!result.success) throw fault('MODEL_LOG_INVALID', `${place}: ${describeIssues(result.error)}`)
  return result.data
}

/** The log with one entry more, held against the chain and every rule. Throws as `readAliasLog` does. */
export function follow(state: AliasState, entry: AliasEntry): AliasState {
  const place = `entry ${entry.sequence} of the alias log`
  const { hash, ...rest } = entry
  const digest = digestOf(rest)
  if (digest !== hash) throw fault('MODEL_LOG_ALTERED', `${place} is ${digest} and says ${hash}`)
  const { head, entries } = state
  if (entry.previous !== head.hash || entry.sequence !== head.sequence + 1)
    throw fault('MODEL_LOG_ALTERED', `${place} does not follow entry ${head.sequence}`)
  const before = entries.at(-1)
  if (before !== undefined && entry.at < before.at)
    throw fault('MODEL_LOG_INVALID', `${place} is older than the one before`)
  const why = refusalOf(state, entry)
  if (why !== undefined) throw fault('MODEL_LOG_INVALID', `${place}: ${why}`)
  return {
    head: { schema: 1, sequence: entry.sequence, hash },
    entries: [...entries, entry],
    held: heldAfter(state, entry),
    approvers:
      entry.kind === 'approvers'
        ? new Map(entry.approvers.map(({ name, publicKey }) => [name, publicKey]))
        : state.approvers,
  }
}

function heldAfter({ held }: AliasState, entry: AliasEntry): AliasState['held'] {
  switch (entry.kind) {
    case 'approvers':
      return held
    case 'rolledBack':
      return { ...held, [entry.alias]: held[entry.alias].slice(0, -1) }
    default: {
      const { alias, artifact, evaluation } = entry
      return { ...held, [alias]: [...held[alias], { artifact, evaluation }] }
    }
  }
}

/** Which rule of the log an entry breaks. */
function refusalOf(state: AliasState, entry: AliasEntry): string | undefined {
  const { held, approvers } = state
  switch (entry.kind) {
    case 'shipped':
      if (entry.sequence !== 1) return 'only the first entry comes with the software'
      return entry.alias === 'champion' ? undefined : 'only a champion comes with the software'
    case 'approvers': {
      const names = new Set(entry.approvers.map(({ name }) => name))
      const keys = new Set(entry.approvers.map(({ publicKey }) => pointOf(publicKey)))
      if (names.size < entry.approvers.length || keys.size < entry.approvers.length)
        return 'two approvers share a name or a key'
      if (approvers.size === 0) return entry.approvals.length === 0 ? undefined : 'nobody could have approved'
      return approvalFault(state, entry, approvalsNeeded(state, entry))
    }
    case 'promoted': {
      const { alias, artifact } = entry
      const was = (of: Alias): boolean => held[of].some((one) => one.artifact === artifact)
      if (alias === 'challenger' && !was('shadow')) return 'a challenger has to have been shadow before'
      if (alias === 'champion' && held.challenger.at(-1)?.artifact !== artifact)
        return 'a champion has to be the challenger'
      return approvalFault(state, entry, approvalsNeeded(state, entry))
    }
    case 'rolledBack': {
      const stack = held[entry.alias]
      if (stack.length === 0) return `there is no ${entry.alias} to roll back`
      if ((stack.at(-2)?.artifact ?? null) !== entry.artifact)
        return `it goes back to ${entry.artifact ?? 'nothing'}; before was ${stack.at(-2)?.artifact ?? 'nothing'}`
      return approvalFault(state, entry, approvalsNeeded(state, entry))
    }
  }
}

/** What is wrong with the approvals of an entry; different people with different keys, each with a reason, over this entry in this place. */
function approvalFault(
  { approvers }: AliasState,
  entry: Extract<AliasEntry, { approvals: unknown }>,
  needed: number,
): string | undefined {
  const { hash: _, ...proposed } = entry
  const names = new Set(entry.approvals.map(({ name }) => name))
  if (names.size < entry.approvals.length) return 'one person approved twice'
  if (names.size < needed) return `${names.size} approved; ${needed} have to`
  for (const approval of entry.approvals) {
    const key = approvers.get(approval.name)
    if (key === undefined) return `\`${approval.name}\` is no approver`
    if (!verifyText(publicKeyFromPem(key), statementOf(proposed, approval), approval.signature))
      return `the signature of \`${approval.name}\` is not over this entry`
  }
  return undefined
}

/** The same for two texts of one key. */
function pointOf(publicKey: string): string {
  return publicKeyFromPem(publicKey).export({ format: 'jwk' }).x ?? ''
}
