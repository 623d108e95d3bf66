/** What the emergency thread and the sidecar share: when all halts were surely heard last, and how many it has handed over. */

/** Two words of 64 bits: microseconds of the machine's steady clock, and a count. */
const BYTES = 16

export class EmergencyMemory {
  readonly shared: SharedArrayBuffer
  readonly #words: BigInt64Array

  constructor(shared = new SharedArrayBuffer(BYTES)) {
    this.shared = shared
    this.#words = new BigInt64Array(shared)
  }

  /** All halts written before `micros` were handed over. */
  heardAt(micros: bigint): void {
    Atomics.store(this.#words, 0, micros)
  }

  /** Milliseconds since then; infinite before the first time. */
  ageMs(): number {
    const micros = Atomics.load(this.#words, 0)
    return micros === 0n ? Number.POSITIVE_INFINITY : Number(steadyMicros() - micros) / 1_000
  }

  /** To be called after the entry was posted, so that whoever sees the count finds the entry. */
  handedOver(): void {
    Atomics.add(this.#words, 1, 1n)
  }

  /** Entries handed over since the beginning. */
  get count(): number {
    return Number(Atomics.load(this.#words, 1))
  }
}

/** One clock for all threads of the machine; each has its own origin for `performance.now`. */
export function steadyMicros(): bigint {
  return process.hrtime.bigint() / 1_000n
}
