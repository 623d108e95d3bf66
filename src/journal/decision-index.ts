/** Where decisions are recorded, by their ids, so that asking for one never reads the journal from end to end. */

/** Decisions in a block; few enough that sorting one is not felt by who waits for a verdict. */
const BLOCK = 16_384
/** Blocks kept, with the one that is filling: 8,388,608 decisions in 134 MB. Asking for an id that none has then takes 0.3 ms. */
const BLOCKS_MAX = 512

/** A block that is full: hashes in order, each with the position of its decision in the block, and sequences by position. */
interface ClosedBlock {
  /** `hash * BLOCK + position`, which a double holds exactly. */
  readonly keys: Float64Array
  readonly sequences: Float64Array
}

/** A block as it is written: hashes and sequences by position. */
export interface IndexBlock {
  readonly hashes: Uint32Array
  readonly sequences: Float64Array
}

/** An index as it was at some record. */
export interface IndexSnapshot {
  /** Whether decisions were forgotten. */
  readonly forgotten: boolean
  readonly count: number
  /** From the oldest, each made when it is asked for. Their entries are those of an index that is whole up to the record. */
  readonly blocks: Iterable<IndexBlock>
}

/**
 * The newest decisions, each as 32 bits of hash and a sequence. A hash is not an id: whoever asks reads the record and looks. When the bound is reached
 * the oldest block is forgotten.
 */
export class DecisionIndex {
  readonly #blocksMax: number
  readonly #closed: ClosedBlock[] = []
  #hashes = new Uint32Array(BLOCK)
  #sequences = new Float64Array(BLOCK)
  #count = 0
  #forgotten = false

  constructor(blocksMax = BLOCKS_MAX) {
    this.#blocksMax = blocksMax
  }

  /** How many decisions are surely found: all of them until the bound was reached. */
  get reach(): number {
    return this.#forgotten ? (this.#blocksMax - 1) * BLOCK : Number.POSITIVE_INFINITY
  }

  /** Adds the decision recorded at `sequence`, the newest so far. */
  add(id: string, sequence: number): void {
    this.#push(hashOf(id), sequence)
  }

  /** The sequences at which the decision `id` may be recorded, newest first: nearly always one, or none. */
  candidates(id: string): number[] {
    const hash = hashOf(id)
    const found: number[] = []
    const open = this.#hashes.subarray(0, this.#count)
    for (let at = open.indexOf(hash); at !== -1; at = open.indexOf(hash, at + 1))
      found.push(this.#sequences[at] as number)
    for (const block of this.#closed) found.push(...sequencesIn(block, hash))
    return found.toSorted((a, b) => b - a)
  }

  /**
   * The index as it was at record `sequence`, which no later addition changes. `undefined` when its oldest block was forgotten for what came after: then there is
   * one of a later record.
   */
  snapshot(sequence: number): IndexSnapshot | undefined {
    const full = this.#closed.filter(({ sequences }) => (sequences.at(-1) as number) <= sequence)
    const late = this.#closed[full.length]
    if (late !== undefined && this.#forgotten) return undefined
    const last = late === undefined ? { hashes: this.#hashes, sequences: this.#sequences } : opened(late)
    const filled = late === undefined ? last.sequences.subarray(0, this.#count) : last.sequences
    const count = firstNotBelow(filled, sequence + 1)
    const open = { hashes: last.hashes.slice(0, count), sequences: last.sequences.slice(0, count) }
    function* blocks(): Generator<IndexBlock> {
      for (const block of full) yield opened(block)
      yield open
    }
    return { forgotten: this.#forgotten, count: full.length + 1, blocks: blocks() }
  }

  /** The index of which `forgotten` and `blocks` are. */
  static of(forgotten: boolean, blocks: Iterable<IndexBlock>, blocksMax = BLOCKS_MAX): DecisionIndex {
    const index = new DecisionIndex(blocksMax)
    for (const { hashes, sequences } of blocks)
      for (const [place, hash] of hashes.entries()) index.#push(hash, sequences[place] as number)
    index.#forgotten ||= forgotten
    return index
  }

  #push(hash: number, sequence: number): void {
    this.#hashes[this.#count] = hash
    this.#sequences[this.#count] = sequence
    this.#count += 1
    if (this.#count === BLOCK) this.#close()
  }

  #close(): void {
    const keys = new Float64Array(BLOCK)
    for (const [position, hash] of this.#hashes.entries()) keys[position] = hash * BLOCK + position
    this.#closed.push({ keys: keys.toSorted(), sequences: this.#sequences })
    // The open block counts as one.
    if (this.#closed.length >= this.#blocksMax) {
      this.#closed.shift()
      this.#forgotten = true
    }
    this.#hashes = new Uint32Array(BLOCK)
    this.#sequences = new Float64Array(BLOCK)
    this.#count = 0
  }
}

/** A closed block as it was when it was open. */
function opened({ keys, sequences }: ClosedBlock): IndexBlock {
  const hashes = new Uint32Array(BLOCK)
  for (const key of keys) hashes[key % BLOCK] = Math.floor(key / BLOCK)
  return { hashes, sequences }
}

function sequencesIn({ keys, sequences }: ClosedBlock, hash: number): number[] {
  const found: number[] = []
  const end = (hash + 1) * BLOCK
  for (let at = firstNotBelow(keys, hash * BLOCK); at < keys.length; at += 1) {
    const key = keys[at] as number
    if (key >= end) break
    found.push(sequences[key % BLOCK] as number)
  }
  return found
}

/** The first place in `keys`, which are in order, that holds at least `wanted`. Also of sequences. */
function firstNotBelow(keys: Float64Array, wanted: number): number {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((keys[middle] as number) < wanted) low = middle + 1
    else high = middle
  }
  return low
}

/** FNV-1a in 32 bits (draft-eastlake-fnv): spreads ids evenly, and costs nothing beside reading a record. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < id.length; at += 1) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193)
  return hash >>> 0
}
