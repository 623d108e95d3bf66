/** Where a reader of journals has come to: a sequence, or one for each of several partitions. */
import { z } from 'zod'
import { EphorError } from '../base/errors.ts'

/** Sequences by the numbers of their partitions. */
export const Places = z
  .string()
  .regex(/^\d{1,15}(\.\d{1,15}){0,255}$/, 'expected a sequence, or one for each partition with dots between')
  .transform((text) => text.split('.').map(Number))

/** Refuses places of another number of partitions. */
export function placesIn(places: readonly number[], count: number, what: string): readonly number[] {
  if (places.length === count) return places
  const wanted = count === 1 ? 'a sequence' : `${count} sequences with dots between, one for each partition`
  throw new EphorError('QUERY_INVALID', `${what}: expected ${wanted}`)
}

/** As it is sent: a number where there is one partition. */
export function textOfPlaces(places: readonly number[]): number | string {
  return places.length === 1 ? (places[0] ?? 0) : places.join('.')
}
