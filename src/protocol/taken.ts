/** What the journal says of an input that came from another sidecar: which it was, and what its sender is told. */
import { z } from 'zod'
import { Anomaly } from './execution.ts'

/** Where inputs of other sidecars wait: halts pass all others, and what is critical passes what is in the inbox. */
export const Lane = z.enum(['inbox', 'critical', 'halts'])
export type Lane = z.infer<typeof Lane>

/** The place of an entry in its lane: larger than those of all before it. */
export const EntryId = z.string().regex(/^\d{1,16}-\d{1,16}$/, 'expected an id such as 1790000000000-0')

/** What a halt of the lane is called in all partitions: after its place there. */
export function haltAt(place: string): string {
  return `h-${place}`
}

/** The place in the lane of a halt that all partitions have; `undefined` where it is one of a single partition, or there are no others. */
export function placeOf(halt: string): string | undefined {
  return /^h-(\d+-\d+)$/.exec(halt)?.[1]
}

const Count = z.int().nonnegative()
const Sequence = z.int().positive().describe('Of the record that holds the verdict')
const Refused = z.array(z.strictObject({ index: Count, code: z.string(), detail: z.string() }))

/** What the sender's caller is told, as the core's effect says it; a verdict is told by its record. */
export const TakenEffect = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('answer'), sequence: Sequence }),
  z.strictObject({ kind: z.literal('recall'), sequence: Sequence }),
  z.strictObject({ kind: z.literal('observed'), accepted: Count, refused: Refused }),
  z.strictObject({
    kind: z.literal('executed'),
    accepted: Count,
    repeated: Count,
    anomalies: z.array(z.strictObject({ index: Count, anomaly: Anomaly })),
    refused: Refused,
  }),
  z.strictObject({
    kind: z.literal('done'),
    body: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  }),
  z.strictObject({ kind: z.literal('refuse'), code: z.string(), detail: z.string() }),
])
export type TakenEffect = z.infer<typeof TakenEffect>
