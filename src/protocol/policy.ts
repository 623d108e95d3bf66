/** How a kind of question is put to the vote: who votes, what each vote weighs, what it takes, and by when. */
import { z } from 'zod'
import { FRACTION_MAX } from '../base/literal.ts'
import { Name, SchemaVersion } from './common.ts'

/** Places in the hierarchy of agents. */
export const AGENT_ROLES = ['coordinator', 'specialist', 'support', 'trader'] as const
export const AgentRole = z.enum(AGENT_ROLES)
export type AgentRole = z.infer<typeof AgentRole>

/** What a specialist is one in, and what a policy's questions are about. */
export const EXPERT_FIELDS = ['risk', 'execution', 'market', 'portfolio'] as const
export const ExpertField = z.enum(EXPERT_FIELDS)
export type ExpertField = z.infer<typeof ExpertField>

/** Whom a policy means: all agents in a role, or, by the name of a field, the specialists in it. */
export const GROUPS = [...AGENT_ROLES, ...EXPERT_FIELDS] as const
export const Group = z.enum(GROUPS)
export type Group = z.infer<typeof Group>

/** A share from 0 to 1 in lowest terms, exactly: `[2, 3]`. */
export const Share = z
  .tuple([z.int().nonnegative().max(FRACTION_MAX), z.int().positive().max(FRACTION_MAX)])
  .refine(([above, below]) => above <= below, 'expected at most the whole')
export type Share = z.infer<typeof Share>

const positive = ([above]: readonly [number, number]): boolean => above > 0
const short = ([above, below]: readonly [number, number]): boolean => above < below

/** Milliseconds; a week at most, so that no round outlives the memory of decisions. */
export const WEEK_MS = 604_800_000
const Wait = z.int().positive().max(WEEK_MS)

/** What becomes of a roster that makes a dictator, or a vote without power. */
export const WARN_OR_REFUSE = ['warn', 'refuse'] as const

/** Whose yes it takes, of the votes with a veto: that of each, or of one of them. So a veto is not lost with its voter. */
export const CONSENTS = ['all', 'one'] as const

/** Most voters of one round. */
export const VOTERS_MAX = 1000

export const Policy = z
  .strictObject({
    schema: SchemaVersion,
    name: Name.describe('What a rule names in `to`'),
    title: z.string().min(1).max(256),
    field: ExpertField.describe('What its questions are about: votes are delegated by field'),
    voters: z.array(Group).min(1).describe('Who votes'),
    proposerVotes: z.boolean().describe('Whether who proposes may vote on it'),
    quorum: Share.refine(positive, 'expected above zero').describe(
      'The yes votes reach at least this share of all weight, of those who are silent too',
    ),
    support: Share.refine(positive, 'expected above zero')
      .refine(short, 'expected less than the whole')
      .describe('The yes votes are more than this share of the yes and no votes together'),
    minimumVoters: z.int().min(1).max(VOTERS_MAX).describe('At least so many voters say yes'),
    vetoes: z.array(Group).describe('Whose no rejects at once'),
    consent: z
      .enum(CONSENTS)
      .describe('Whether all votes with a veto must say yes, or one of them; no matter where there is none'),
    guardians: z.array(Group).describe('Who may cancel at any stage'),
    caps: z.strictObject({
      voter: Share.refine(positive, 'expected above zero').describe('Most weight that one vote carries'),
      owner: Share.refine(positive, 'expected above zero').describe('Most weight of one owner’s votes'),
    }),
    weights: z.strictObject({
      alpha: Share.describe('How much the Sharpe ratio counts'),
      beta: Share.describe('How much small drawdowns count'),
      gamma: Share.describe('How much uptime counts'),
      sharpe: z
        .strictObject({ from: z.number().min(-100).max(100), to: z.number().min(-100).max(100) })
        .refine(({ from, to }) => from < to, { path: ['to'], message: 'expected above `from`' })
        .describe('Sharpe ratios that count for nothing and in full; a straight line between'),
      record: z.int().min(2).max(100_000).describe('Periods that a track record has at least'),
      byGroup: z
        .partialRecord(Group, Share)
        .describe('The weight of those who do not trade and of newcomers; a field goes before a role'),
    }),
    deadline: z.strictObject({
      firstMs: Wait.describe(
        'While too few were asked, and the least where fewer than 19 in 20 are seen to answer',
      ),
      leastMs: Wait,
      mostMs: Wait,
      times: z
        .number()
        .min(1)
        .max(100)
        .describe('Of the time within which 19 in 20 of those who are asked answer'),
      after: z.int().min(1).max(1000).describe('Voters that must have been asked before it adapts'),
    }),
    extension: z
      .strictObject({ lastMs: Wait, byMs: Wait, times: z.int().min(1).max(10) })
      .nullable()
      .describe('A vote that swings the count in the last moments gives the others time to answer'),
    onDictator: z.enum(WARN_OR_REFUSE),
    onPowerless: z.enum(WARN_OR_REFUSE),
    envelopeMs: Wait.describe('How long an approval is good'),
  })
  .refine(({ weights: { alpha, beta, gamma } }) => isWhole([alpha, beta, gamma]), {
    path: ['weights'],
    message: 'expected `alpha`, `beta` and `gamma` to add up to 100 %',
  })
  .refine(({ deadline }) => deadline.leastMs <= deadline.firstMs && deadline.firstMs <= deadline.mostMs, {
    path: ['deadline', 'firstMs'],
    message: 'expected `least` ≤ `first` ≤ `most`',
  })
  .refine(({ voters, weights }) => voters.every((group) => isWeighed(group, weights.byGroup)), {
    path: ['weights', 'byGroup'],
    message: 'expected a weight for each group that votes: newcomers have no record yet',
  })
  .refine(({ voters, vetoes }) => vetoes.every((group) => someVote(group, voters)), {
    path: ['vetoes'],
    message: 'expected groups that vote: nobody could say this no',
  })
  .readonly()
export type Policy = z.infer<typeof Policy>

function isWhole(shares: readonly Share[]): boolean {
  const below = shares.reduce((product, share) => product * BigInt(share[1]), 1n)
  return shares.reduce((sum, [above, own]) => sum + (BigInt(above) * below) / BigInt(own), 0n) === below
}

/** Whether any agent of `group` votes. */
function someVote(group: Group, voters: readonly Group[]): boolean {
  const isField = (one: Group): boolean => (EXPERT_FIELDS as readonly Group[]).includes(one)
  return (
    voters.includes(group) ||
    (isField(group) && voters.includes('specialist')) ||
    (group === 'specialist' && voters.some(isField))
  )
}

function isWeighed(group: Group, byGroup: Readonly<Partial<Record<Group, Share>>>): boolean {
  const isField = (EXPERT_FIELDS as readonly string[]).includes(group)
  return (
    byGroup[group] !== undefined ||
    (isField && byGroup.specialist !== undefined) ||
    (group === 'specialist' && EXPERT_FIELDS.every((field) => byGroup[field] !== undefined))
  )
}
