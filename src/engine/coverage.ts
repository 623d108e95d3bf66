/** Which rules the cases try: breached, cleared, and on both sides of each limit. */
import type { Issue } from '../base/issue.ts'
import type { Program } from '../constitution/compile.ts'
import { TRUE, FALSE } from '../constitution/facts.ts'
import { RESULTS } from '../constitution/facts.ts'
import type { Judged } from './judgement.ts'

/** A case stands near a limit when it is within this share of it, or one count away. */
const NEAR = 0.05

interface Sides {
  above: boolean
  below: boolean
}

export class Coverage {
  readonly #program: Program
  readonly #breached = new Set<string>()
  readonly #cleared = new Set<string>()
  readonly #granted = new Set<string>()
  /** By comparison: whether some case came near the limit on either side. */
  readonly #near = new Map<number, Sides>()

  constructor(program: Program) {
    this.#program = program
  }

  /** Counts what was judged last: it reads the sides of its comparisons. */
  add({ judgement, grants }: Judged): void {
    for (const { rule } of grants) this.#granted.add(rule)
    const { scratch, traces, constitution, units } = this.#program
    const indexOf = new Map(constitution.rules.map((rule, index) => [rule, index]))
    for (const { rule, result, comparison: told, observed: seen, limit: allowed } of judgement.findings) {
      if (result === 'breach') this.#breached.add(rule.id)
      if (result === 'clear') this.#cleared.add(rule.id)
      const comparisons = traces[indexOf.get(rule) ?? -1]?.comparisons ?? []
      for (const comparison of comparisons) {
        // A rule that is one comparison keeps it in its finding.
        const isFinding = comparisons.length === 1 && comparison === told && typeof seen === 'number'
        const truth = isFinding ? RESULTS.indexOf(result) : scratch.T[comparison]
        const observed = isFinding ? seen : (scratch.L[comparison] ?? Number.NaN)
        const limit =
          isFinding && typeof allowed === 'number' ? allowed : (scratch.R[comparison] ?? Number.NaN)
        const counted = units[comparison]?.count === 1
        const near = Math.abs(observed - limit) <= Math.max(Math.abs(limit) * NEAR, counted ? 1 : 0)
        if (!near || (truth !== TRUE && truth !== FALSE)) continue
        const sides = this.#near.get(comparison) ?? { above: false, below: false }
        if (truth === TRUE) sides.above = true
        else sides.below = true
        this.#near.set(comparison, sides)
      }
    }
  }

  /** A warning for each rule that is never breached, never cleared, or whose limit no case comes near on both sides. */
  warnings(): Issue[] {
    return this.#program.constitution.rules.flatMap((rule, index) => {
      const missing: string[] = []
      if (!this.#breached.has(rule.id)) missing.push('breaches it')
      if (!this.#cleared.has(rule.id)) missing.push('clears it')
      if (missing.length === 0 && this.#untried(index))
        missing.push('comes within 5 % of its limit on both sides')
      if (rule.grantable !== undefined && !this.#granted.has(rule.id))
        missing.push('has a grant let it through')
      return missing.map((what) => ({
        severity: 'warning' as const,
        ...rule.place,
        message: `\`${rule.id}\`: no case ${what}`,
      }))
    })
  }

  #untried(index: number): boolean {
    const { traces, comparisons } = this.#program
    return (traces[index]?.comparisons ?? []).some((comparison) => {
      const expression = comparisons[comparison]?.expression
      // Only a limit that is not zero has a neighbourhood, and a grid has none.
      if (
        expression?.kind !== 'compare' ||
        (expression.right.kind === 'number' && expression.right.value === 0)
      )
        return false
      const sides = this.#near.get(comparison)
      return sides === undefined || !sides.above || !sides.below
    })
  }
}
