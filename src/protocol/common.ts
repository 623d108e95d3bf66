/** The scalars that messages are made of, and the version that every message carries. */
import { z } from 'zod'

/** Version of the messages and records described in this folder; a change that old readers can't take raises it. */
export const SCHEMA_VERSION = 1

export const SchemaVersion = z.literal(SCHEMA_VERSION).describe('Version of this message; 1')

/** Largest magnitude of a number in any message: 2^53 − 1, the last whole number that a double counts exactly. */
export const NUMBER_MAX = Number.MAX_SAFE_INTEGER
/** Smallest magnitude of a number that is not zero. */
export const NUMBER_MIN = 1e-16

/** A name given by people or machines: accounts, instruments, agents, strategies, orders, addresses. */
export const Name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._:@/+-]{0,127}$/,
    'expected 1–128 letters, digits or ._:@/+- beginning with a letter or digit',
  )

const inRange = (value: number): boolean => value === 0 || Math.abs(value) >= NUMBER_MIN
const RANGE = `expected zero or a magnitude of at least ${NUMBER_MIN}`

/** A number above zero that can be held exactly. */
export const Positive = z.number().positive().max(NUMBER_MAX).refine(inRange, RANGE)
/** Zero or above. */
export const NonNegative = z.number().nonnegative().max(NUMBER_MAX).refine(inRange, RANGE)
/** Any sign. */
export const Signed = z.number().min(-NUMBER_MAX).max(NUMBER_MAX).refine(inRange, RANGE)

/** Integer milliseconds since 1970, UTC. */
export const Millis = z.int().nonnegative().describe('Milliseconds since 1970, UTC')

/** Three capital letters, as in ISO 4217, or the ticker of a coin. */
export const Currency = z.string().regex(/^[A-Z][A-Z0-9]{2,7}$/, 'expected a currency such as USD')

/** A SHA-256 in hexadecimal. */
export const Hash = z.string().regex(/^[0-9a-f]{64}$/, 'expected 64 hexadecimal digits')

/** What a change waits for before it takes effect; nothing where it did. */
export const WAITING = {
  waitsFor: z
    .enum(['quorum', 'person'])
    .optional()
    .describe('Agents vote on it; or, where none can, a second person must ask for the same'),
  proposal: Name.optional().describe('What agents vote on'),
}

/** A time-ordered id: UUIDv7 or ULID. */
export const TimeOrderedId = z
  .string()
  .regex(
    /^(?:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-7[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}|[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25})$/,
    'expected a UUIDv7 or a ULID',
  )

/** Why somebody did it, in words of his own: for the record. */
export const Reason = z.string().max(1024).regex(/\S/, 'expected words, and not blanks alone')
