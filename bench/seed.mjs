/** Chance from a seed, so that every run measures the same rules and actions. */

/** A generator of whole numbers `between(low, high)` (both included) and picks `among` a list (Mulberry32). */
export function chance(seed) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
  const between = (low, high) => low + Math.floor(next() * (high - low + 1))
  return { between, among: (list) => list[between(0, list.length - 1)] }
}
