/** Reductions that are set aside beforehand: orders that one sidecar may let through while it is cut off from the others. */
import { z } from 'zod'
import { Millis, Name } from './common.ts'

/** No allotment lives longer, in milliseconds. */
export const ALLOTMENT_LIFE_MS_MAX = 24 * 3_600_000
/** … and none is so short that it is over before anybody is cut off. */
export const ALLOTMENT_LIFE_MS_MIN = 60_000
/** Allotments that one agent may have open at most, whatever the policy says. */
export const ALLOTMENTS_PER_AGENT_MAX = 256
/** Allotments that may be open in one partition. */
export const ALLOTMENTS_MAX = 4_096
/** Marks in the book of one sidecar, of all partitions and of decisions that are over for a day, too. */
export const MARKS_MAX = 4 * ALLOTMENTS_MAX
/** … and of one agent, so that one which asks and gives back again leaves room for the others. */
export const MARKS_PER_AGENT_MAX = MARKS_MAX / 4
/** What a sidecar tells of at once. */
export const TOLD_MAX = 256

/** The operator's word that reductions may be set aside, and so let through where later halts are not heard. */
export const AllotmentTerms = z.strictObject({
  life: z.int().min(ALLOTMENT_LIFE_MS_MIN).max(ALLOTMENT_LIFE_MS_MAX).describe('Milliseconds'),
  perAgent: z.int().positive().max(ALLOTMENTS_PER_AGENT_MAX).describe('Open at one time'),
})
export type AllotmentTerms = z.infer<typeof AllotmentTerms>

/** The one sidecar at which it is redeemed. */
export const Allotted = z.strictObject({
  to: Name.describe('What the sidecar is called through which it was asked'),
  book: Name.describe(
    'Of the file in which that sidecar writes what it redeems: a name alone can be given twice',
  ),
})
export type Allotted = z.infer<typeof Allotted>

/** Whether both are the same sidecar with the same book. */
export function isSameBook(one: Allotted | undefined, other: Allotted | undefined): boolean {
  return one !== undefined && one.to === other?.to && one.book === other.book
}

/** An allotment that its sidecar redeemed, while it was cut off or where it does not know what the home made of it. */
export const RedeemedCutOff = z.strictObject({
  decision: Name,
  at: Millis.describe('The clock reading of that sidecar'),
  to: Name.optional().describe('What it was called when it was set aside, where it is called otherwise now'),
})
export type RedeemedCutOff = z.infer<typeof RedeemedCutOff>
