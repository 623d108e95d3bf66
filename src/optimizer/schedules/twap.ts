/** The same quantity in every step: time-weighted average price. */

/** `lots` in `steps` parts that differ by one lot at most and add up to it: ⌊(k+1)·L/N⌋ − ⌊k·L/N⌋. */
export function twap(lots: number, steps: number): number[] {
  const whole = Math.floor(lots / steps)
  // The remainder alone is spread, so that no product passes 2^53.
  const rest = lots - whole * steps
  const spread = (step: number): number => Math.floor((step * rest) / steps)
  return Array.from({ length: steps }, (_, step) => whole + spread(step + 1) - spread(step))
}
