/** Verifies a journal without writing to it: every record against the chain, the chain against the signed head. */
import { KeyObject } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { disagreement } from './agreement.ts'
import { HEAD_NAME, type Head, type HeadReading, type PublicKeyOf, SLOT_BYTES, readHead } from './head.ts'
import { type Damage, type Walk, walkSegments } from './scan.ts'

/** One thing that is wrong. */
export interface VerificationProblem {
  /** Name of the file in the journal's directory. */
  readonly file: string
  /** Line from 1. */
  readonly line?: number
  /** Byte offset from 0. */
  readonly offset?: number
  /** Which check failed. */
  readonly message: string
}

/** What a verification found. */
export interface Verification {
  /** Whether there are no problems. */
  readonly ok: boolean
  /** The UUID of the journal, as its head says it; `null` without a valid head. */
  readonly journal: string | null
  /** Valid records from the first on; the count stops at the first damage. */
  readonly records: number
  readonly segments: number
  /** Sequence and hash of the last valid record. */
  readonly sequence: number
  readonly hash: string
  /** How far the newest signed head reaches; `null` without a valid head. */
  readonly headSequence: number | null
  /** The id of the key that signed it. */
  readonly headKey: string | null
  /** Valid records after the signed head: written, but not yet released to anybody. */
  readonly unsigned: number
  /** An unfinished last line after the head, as a write in flight or a power cut leaves it; no problem. */
  readonly torn: VerificationProblem | null
  readonly problems: readonly VerificationProblem[]
}

/**
 * Verifies the journal in `directory`, with or without a writer at work on it. `publicKey` is the key that signed its
 * heads, or finds it by the id in the head. Throws only when files cannot be read.
 */
export async function verifyJournal(
  directory: string,
  publicKey: KeyObject | PublicKeyOf,
): Promise<Verification> {
  const publicKeyOf = publicKey instanceof KeyObject ? () => publicKey : publicKey
  // The head is read before the records: a writer adds records first, so what it states is then already there.
  const reading = await readSettledHead(directory, publicKeyOf)
  const heads = reading?.heads ?? []
  const walk = await walkSegments(directory, new Set(heads.map(({ sequence }) => sequence)))
  const headSequence = heads[0]?.sequence ?? null
  const torn = tornTail(walk.damage, walk.end.sequence, headSequence)
  const problems = [
    ...headProblems(reading),
    ...(walk.damage === null || torn !== null ? [] : [atDamage(walk.damage)]),
    ...heads.flatMap((head) => headDisagreement(head, walk)),
  ]
  return {
    ok: problems.length === 0,
    journal: heads[0]?.journal ?? null,
    records: walk.end.sequence,
    segments: walk.segments.length,
    sequence: walk.end.sequence,
    hash: walk.end.hash,
    headSequence,
    headKey: heads[0]?.key ?? null,
    unsigned: Math.max(0, walk.end.sequence - (headSequence ?? 0)),
    torn,
    problems,
  }
}

/** A slot caught in the middle of being written reads as invalid once; one that stays invalid is. */
async function readSettledHead(directory: string, publicKeyOf: PublicKeyOf): Promise<HeadReading | null> {
  for (let attempt = 1; ; attempt += 1) {
    const reading = await readHead(directory, publicKeyOf)
    if (reading === null || reading.invalid.length === 0 || attempt === 4) return reading
    await nextTurn()
  }
}

function headProblems(reading: HeadReading | null): VerificationProblem[] {
  if (reading === null) return [{ file: HEAD_NAME, message: 'there is no signed head' }]
  return reading.invalid.map(({ slot, offset, reason }) => ({
    file: HEAD_NAME,
    line: slot + 1,
    offset,
    message: reason,
  }))
}

function tornTail(damage: Damage | null, sequence: number, headSequence: number | null) {
  if (damage === null || headSequence === null || sequence < headSequence) return null
  return damage.kind === 'unterminated' && damage.inLastSegment ? atDamage(damage) : null
}

function atDamage({ segment, line, offset, message }: Damage): VerificationProblem {
  return { file: segment.name, line, offset, message }
}

function headDisagreement(head: Head, walk: Walk): VerificationProblem[] {
  const message = disagreement(head, walk)
  return message === null
    ? []
    : [{ file: HEAD_NAME, line: head.slot + 1, offset: head.slot * SLOT_BYTES, message }]
}
