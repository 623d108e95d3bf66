/**
 * How much a test tries. `EPHOR_LONG=1`: as much as a night allows. `EPHOR_SHORT=1`: the least, where the same tests have just passed on another version of
 * Node.
 */
export function lengthOf(of: {
  readonly short: number
  readonly usual: number
  readonly long: number
}): number {
  if (process.env.EPHOR_LONG === '1') return of.long
  return process.env.EPHOR_SHORT === '1' ? of.short : of.usual
}
