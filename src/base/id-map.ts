/**
 * A map from ids to values that is a value itself: setting and deleting make a new map, which shares nearly everything with the one before.
 *
 * A tree by the bits of the ids' hashes, five to a level, whose nodes hold their entries beside their branches in one row (Steindorfer and Vinju, "Optimizing
 * Hash-Array Mapped Tries for Fast and Lean Immutable JVM Collections", 2015). What was deleted leaves no trace in it, so equal maps are the same tree, and
 * their entries come in the same order, however they were made.
 */

/** A part of the tree: all entries whose hashes begin alike. */
class Node {
  /** Bits of the places that hold one entry, and of those that hold a branch. None where the hash is used up. */
  readonly single: number
  readonly branched: number
  /** An id and its value for each entry, then the branches, both in the order of their places. */
  readonly row: readonly unknown[]
  /** Entries here and in all branches. */
  readonly size: number

  constructor(single: number, branched: number, row: readonly unknown[], size: number) {
    this.single = single
    this.branched = branched
    this.row = row
    this.size = size
  }
}

const BITS = 5
const MASK = 31
/** Here the hash is used up: the entries left have one hash, and lie in the order of their ids. */
const DEEPEST = 35

/** Ids are texts that nobody can choose so that many have one hash, above all digests. `undefined` is no value. */
export class IdMap<V> implements Iterable<[string, V]> {
  static readonly #EMPTY = new IdMap<never>(new Node(0, 0, [], 0))
  readonly #root: Node

  private constructor(root: Node) {
    this.#root = root
  }

  static empty<V>(): IdMap<V> {
    return IdMap.#EMPTY
  }

  get size(): number {
    return this.#root.size
  }

  get(id: string): V | undefined {
    const hash = hashOf(id)
    let node = this.#root
    for (let shift = 0; shift < DEEPEST; shift += BITS) {
      const bit = bitOf(hash, shift)
      if ((node.branched & bit) === 0) {
        if ((node.single & bit) === 0) return undefined
        const at = entryAt(node, bit)
        return node.row[at] === id ? (node.row[at + 1] as V) : undefined
      }
      node = node.row[branchAt(node, bit)] as Node
    }
    const at = placeOf(id, node.row)
    return node.row[at] === id ? (node.row[at + 1] as V) : undefined
  }

  has(id: string): boolean {
    return this.get(id) !== undefined
  }

  set(id: string, value: V): IdMap<V> {
    const root = withEntry(this.#root, id, value, hashOf(id), 0)
    return root === this.#root ? this : new IdMap(root)
  }

  delete(id: string): IdMap<V> {
    const root = withoutEntry(this.#root, id, hashOf(id), 0)
    return root === this.#root ? this : new IdMap(root)
  }

  deleteAll(ids: Iterable<string>): IdMap<V> {
    let root = this.#root
    for (const id of ids) root = withoutEntry(root, id, hashOf(id), 0)
    return root === this.#root ? this : new IdMap(root)
  }

  *[Symbol.iterator](): Generator<[string, V], undefined> {
    for (const row of this.rows())
      for (let at = 0; at < row.length; at += 2) yield [row[at] as string, row[at + 1] as V]
    return undefined
  }

  /** Rows of ids and values in turns, in an order that the entries alone decide. */
  *rows(): Generator<readonly (string | V)[], undefined> {
    // The branches still to be visited, the next on top.
    const rest: Node[] = [this.#root]
    for (let node = rest.pop(); node !== undefined; node = rest.pop()) {
      const { row } = node
      const branches = row.length - countOf(node.branched)
      yield row.slice(0, branches) as (string | V)[]
      for (let at = row.length - 1; at >= branches; at -= 1) rest.push(row[at] as Node)
    }
    return undefined
  }

  entries(): Generator<[string, V], undefined> {
    return this[Symbol.iterator]()
  }

  *keys(): Generator<string, undefined> {
    for (const [id] of this) yield id
    return undefined
  }

  *values(): Generator<V, undefined> {
    for (const [, value] of this) yield value
    return undefined
  }
}

function withEntry(node: Node, id: string, value: unknown, hash: number, shift: number): Node {
  const { single, branched, row, size } = node
  if (shift >= DEEPEST) return withAlike(node, id, value)
  const bit = bitOf(hash, shift)
  if ((branched & bit) !== 0) {
    const at = branchAt(node, bit)
    const branch = row[at] as Node
    const next = withEntry(branch, id, value, hash, shift + BITS)
    return next === branch
      ? node
      : new Node(single, branched, replaced(row, at, next), size + next.size - branch.size)
  }
  const at = entryAt(node, bit)
  if ((single & bit) === 0) return new Node(single | bit, branched, spliced(row, at, 0, id, value), size + 1)
  const other = row[at] as string
  if (other === id)
    return row[at + 1] === value ? node : new Node(single, branched, replaced(row, at + 1, value), size)
  // Two at one place: they go on in a branch of their own.
  const deeper = shift + BITS
  const alone = withEntry(new Node(0, 0, [], 0), other, row[at + 1], hashOf(other), deeper)
  const branch = withEntry(alone, id, value, hash, deeper)
  return withBranch(single ^ bit, branched | bit, spliced(row, at, 2), bit, branch, size + 1)
}

function withoutEntry(node: Node, id: string, hash: number, shift: number): Node {
  const { single, branched, row, size } = node
  if (shift >= DEEPEST) {
    const at = placeOf(id, row)
    return row[at] === id ? new Node(0, 0, spliced(row, at, 2), size - 1) : node
  }
  const bit = bitOf(hash, shift)
  if ((branched & bit) === 0) {
    const at = entryAt(node, bit)
    if ((single & bit) === 0 || row[at] !== id) return node
    return new Node(single ^ bit, branched, spliced(row, at, 2), size - 1)
  }
  const at = branchAt(node, bit)
  const branch = row[at] as Node
  const next = withoutEntry(branch, id, hash, shift + BITS)
  if (next === branch) return node
  if (next.size > 1) return new Node(single, branched, replaced(row, at, next), size - 1)
  // INVARIANT: no branch holds a single entry, so that equal maps are the same tree.
  const left = spliced(row, at, 1)
  const [last, value] = next.row
  return new Node(single | bit, branched ^ bit, spliced(left, entryAt(node, bit), 0, last, value), size - 1)
}

function withBranch(
  single: number,
  branched: number,
  row: unknown[],
  bit: number,
  branch: Node,
  size: number,
): Node {
  const at = row.length - countOf(branched) + 1 + countOf(branched & (bit - 1))
  return new Node(single, branched, spliced(row, at, 0, branch), size)
}

/** Of entries with one hash. */
function withAlike({ row, size }: Node, id: string, value: unknown): Node {
  const at = placeOf(id, row)
  return row[at] === id
    ? new Node(0, 0, replaced(row, at + 1, value), size)
    : new Node(0, 0, spliced(row, at, 0, id, value), size + 1)
}

/** Where `id` is, or would be, among entries with one hash. */
function placeOf(id: string, row: readonly unknown[]): number {
  let at = 0
  while (at < row.length && (row[at] as string) < id) at += 2
  return at
}

function bitOf(hash: number, shift: number): number {
  return 1 << ((hash >>> shift) & MASK)
}

/** Where in the row the entry with this bit is, or would be. */
function entryAt({ single }: Node, bit: number): number {
  return 2 * countOf(single & (bit - 1))
}

function branchAt({ branched, row }: Node, bit: number): number {
  return row.length - countOf(branched) + countOf(branched & (bit - 1))
}

function replaced(row: readonly unknown[], at: number, part: unknown): unknown[] {
  const next = row.slice()
  next[at] = part
  return next
}

/** The row without `gone` of its parts at `at`, and with `parts` there. */
function spliced(row: readonly unknown[], at: number, gone: number, ...parts: readonly unknown[]): unknown[] {
  // oxlint-disable-next-line unicorn/no-new-array -- of a length that is known, a row is made in a third of the time
  const next = new Array<unknown>(row.length - gone + parts.length)
  let to = 0
  for (; to < at; to += 1) next[to] = row[to]
  for (const part of parts) next[to++] = part
  for (let from = at + gone; from < row.length; from += 1) next[to++] = row[from]
  return next
}

/** How many bits are set (Warren, "Hacker's Delight", 5-1). */
function countOf(bits: number): number {
  const pairs = bits - ((bits >>> 1) & 0x55555555)
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

/** FNV-1a in 32 bits (draft-eastlake-fnv), the high bits mixed into the low ones, with which the tree begins. */
function hashOf(id: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < id.length; at += 1) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193)
  return hash ^ (hash >>> 15)
}
