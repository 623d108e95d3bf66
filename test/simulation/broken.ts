/** Thrown where something that must always hold does not. */
export class Broken extends Error {
  /** Which of the invariants. */
  readonly invariant: string

  constructor(invariant: string, detail: string) {
    super(`${invariant}: ${detail}`)
    this.invariant = invariant
  }
}

export function must(holds: boolean, invariant: string, detail: () => string): void {
  if (!holds) throw new Broken(invariant, detail())
}
