/** Who may call: the tokens that `tokens.yaml` lists, each with one role and what goes with it. */
import { z } from 'zod'
import { Name } from '../protocol/common.ts'
import { OBSERVATION_KINDS } from '../protocol/observation.ts'

export const ROLES = ['agent', 'feeder', 'operator', 'author', 'auditor'] as const
export type Role = (typeof ROLES)[number]

const common = {
  name: Name.describe('For an agent, the agent itself'),
  sha256: z.string().regex(/^[0-9a-f]{64}$/, 'expected the SHA-256 of the token, 64 hexadecimal digits'),
}

/** More than an instrument's price may come from. */
const SOURCES_MAX = 64

const NEEDS_SOURCES =
  'a feeder names the price sources it may report, as in `sources: [nyse]`, or `sources: []` for none'

/** A reference price rests on two sources that agree, so what a token may say is never left open. */
const FeederToken = z.strictObject({
  ...common,
  role: z.literal('feeder'),
  sources: z
    .array(Name, { error: ({ input }) => (input === undefined ? NEEDS_SOURCES : undefined) })
    .max(SOURCES_MAX)
    .describe('Price sources it may report'),
  kinds: z
    .array(z.enum([...OBSERVATION_KINDS, 'execution']))
    .min(1)
    .optional()
    .describe('Kinds of observation it may report, and `execution`; all when left out'),
})
export type FeederToken = z.infer<typeof FeederToken>

const OtherToken = z.strictObject({ ...common, role: z.enum(ROLES).exclude(['feeder']) })

const AnyToken = z.discriminatedUnion('role', [FeederToken, OtherToken])
export type Token = z.infer<typeof AnyToken>

export const Tokens = z.strictObject({ tokens: z.array(AnyToken) }).superRefine(({ tokens }, context) => {
  for (const { path, message } of [...twoInOne(tokens), ...oneForTwo(tokens)])
    context.addIssue({ code: 'custom', path: ['tokens', ...path], message })
})

interface Misfit {
  readonly path: readonly [index: number, field: 'name' | 'sha256']
  readonly message: string
}

/** Names that an agent bears and somebody else, at each place: who asks must not be who signs off, and agents act without being registered. */
function twoInOne(tokens: readonly Token[]): Misfit[] {
  return tokens.flatMap(({ name }, index) => {
    const roles = new Set(tokens.filter((other) => other.name === name).map(({ role }) => role))
    if (!roles.has('agent') || roles.size === 1) return []
    const message = `\`${name}\` is the name of ${[...roles].map(inWords).join(' and of ')}; an agent bears a name of its own`
    return [{ path: [index, 'name'], message }]
  })
}

/** Tokens that are listed twice, at each place: whoever brings one would be whom the last of them names. */
function oneForTwo(tokens: readonly Token[]): Misfit[] {
  return tokens.flatMap(({ sha256 }, index) => {
    const names = tokens.filter((other) => other.sha256 === sha256).map(({ name }) => `\`${name}\``)
    if (names.length === 1) return []
    const message = `one token is listed for ${names.join(' and for ')}; make one for each`
    return [{ path: [index, 'sha256'], message }]
  })
}

function inWords(role: Role): string {
  return /^[aeiou]/.test(role) ? `an ${role}` : `a ${role}`
}

/** What a feeder reports: an observation of some kind, or what the venue did. */
export type ReportKind = NonNullable<FeederToken['kinds']>[number]

/** Whether one token can make two sources agree, and so a reference price by itself. */
export function speaksForTwo(token: Token): token is FeederToken {
  return speaksOfPrices(token) && new Set(token.sources).size > 1
}

function speaksOfPrices(token: Token): token is FeederToken {
  return token.role === 'feeder' && token.kinds?.includes('price') !== false
}

/** What the operator of a sidecar should look at, with whom it is about. */
export interface Doubt {
  readonly about: Readonly<Record<string, string | readonly string[]>>
  readonly message: string
}

/** What of `tokens` lets fewer make a price than it seems. It may be meant so, and nothing is refused. */
export function doubtsOf(tokens: readonly Token[]): Doubt[] {
  const feeders = tokens.filter(speaksOfPrices)
  const sources = [...new Set(feeders.flatMap((feeder) => feeder.sources))]
  const lone = feeders.filter(speaksForTwo).map(({ name, sources: own }) => ({
    about: { feeder: name, sources: own },
    message:
      'this feeder reports more than one price source, so it alone can make two agree; give each a feeder of its own in tokens.yaml',
  }))
  const shared = sources.map((source) => ({
    about: { source, feeders: feeders.filter((one) => one.sources.includes(source)).map(({ name }) => name) },
    message:
      'several tokens report this price source, so that one can put its price in the place of another’s; give it one feeder in tokens.yaml',
  }))
  const alike = [...new Set(sources.map(folded))].map((spelling) => ({
    about: { sources: sources.filter((source) => folded(source) === spelling) },
    message:
      'these price sources differ by the case of letters alone, and count as two that agree; if they are one, write it in one way in tokens.yaml',
  }))
  return [
    ...lone,
    ...shared.filter(({ about }) => about.feeders.length > 1),
    ...alike.filter(({ about }) => about.sources.length > 1),
  ]
}

function folded(source: string): string {
  return source.toLowerCase()
}
