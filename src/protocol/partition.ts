/** Where an owner's accounts and agents are decided on: owners are shared out among partitions by their names. */
import { z } from 'zod'
import { sha256 } from '../base/hash.ts'
import { DEFAULT_OWNER } from './account.ts'

/** Partitions that there may be. */
export const PARTITIONS_MAX = 256

/** One of several partitions, from 0 on. The first is where owners are fixed. */
export const Partition = z
  .strictObject({ number: z.int().nonnegative(), of: z.int().min(2).max(PARTITIONS_MAX) })
  .refine(({ number, of }) => number < of, { path: ['number'], message: 'expected less than `of`' })
export type Partition = Readonly<z.infer<typeof Partition>>

/** The one that there is where there are no others. */
export const WHOLE: Partition = { number: 0, of: 1 }

/** The number of the partition that an owner lies in, of so many: the first 32 bits of the hash of its name, by their number. The default owner lies in the first. */
export function partitionOf(owner: string, of: number): number {
  return owner === DEFAULT_OWNER ? 0 : Number.parseInt(sha256(owner).slice(0, 8), 16) % of
}

/** In whose journal a record is, where there are several. */
export const PartitionName = z
  .string()
  .regex(/^p\d{2,3}$/)
  .describe('Whose journal the record is in, where there are several partitions')

/** What a partition is called in keys, in ids and to people. */
export function nameOfPartition(number: number): string {
  return `p${String(number).padStart(2, '0')}`
}
