/** How much of a model's change each group of features is the reason for: Shapley's values, exactly. */

/** More groups than this would take more coalitions than an explanation is worth. */
const PLAYERS_MAX = 12

/**
 * Shapley's value of each of `players`, for a game whose coalitions are bit masks (L. S. Shapley, A Value for n-Person Games, 1953): the mean of what a player adds over
 * all orders in which they can come, φ_i = Σ_S |S|! (n − |S| − 1)! / n! (v(S ∪ i) − v(S)). `value` is asked once for each of the 2^players coalitions. The values add up to
 * v(all) − v(none).
 */
export function shapleyValues(players: number, value: (coalition: number) => number): number[] {
  if (players > PLAYERS_MAX) throw new Error(`invariant: ${players} groups are too many`)
  const worth = Float64Array.from({ length: 2 ** players }, (_, coalition) => value(coalition))
  const factorials = [1]
  for (let at = 1; at <= players; at += 1) factorials.push((factorials[at - 1] as number) * at)
  const weightOf = (size: number): number =>
    ((factorials[size] as number) * (factorials[players - size - 1] as number)) /
    (factorials[players] as number)
  return Array.from({ length: players }, (_, player) => {
    let sum = 0
    for (let coalition = 0; coalition < worth.length; coalition += 1) {
      if ((coalition & (1 << player)) !== 0) continue
      const added = (worth[coalition | (1 << player)] as number) - (worth[coalition] as number)
      sum += weightOf(sizeOf(coalition)) * added
    }
    return sum
  })
}

function sizeOf(coalition: number): number {
  let size = 0
  for (let rest = coalition; rest !== 0; rest &= rest - 1) size += 1
  return size
}

/**
 * The value of a coalition of groups: the mean of `of` over `background` with the features of the groups in it as they are in `at`, and the others as in the
 * background (interventional, so that what a model does not read is the reason for nothing; D. Janzing and others, Feature relevance quantification in explainable AI, 2020).
 */
export function coalitionValue(
  at: Float64Array,
  background: readonly Float64Array[],
  groups: readonly (readonly number[])[],
  of: (features: Float64Array) => number,
): (coalition: number) => number {
  const mixed = new Float64Array(at.length)
  return (coalition) => {
    let sum = 0
    for (const other of background) {
      mixed.set(other)
      for (const [group, members] of groups.entries())
        if ((coalition & (1 << group)) !== 0)
          for (const feature of members) mixed[feature] = at[feature] as number
      sum += of(mixed)
    }
    return sum / background.length
  }
}
