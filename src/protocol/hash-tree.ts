/** A hash tree over texts, so that one signature can be each one's own: the Merkle tree of RFC 6962, 2.1, with hashes as the text that they are written in. */
import { sha256 } from '../base/hash.ts'

/** Leaves and nodes are told apart, so that no text can be taken for a node. */
const [LEAF, NODE] = ['\u0000', '\u0001']

/** From a leaf up to the root: on which side of it the other one is, and that one's hash. */
export const PATH = /^(?:[lr][0-9a-f]{64}){1,16}$/
const STEP = 65

export const leafOf = (text: string): string => sha256(LEAF + text)
const nodeOf = (left: string, right: string): string => sha256(NODE + left + right)

/** The root above some leaves, and the path of each: '' where there is one leaf. */
export function treeOf(leaves: readonly string[]): {
  readonly root: string
  readonly paths: readonly string[]
} {
  const paths = leaves.map(() => '')
  const lengthen = ({ from, to }: Subtree, step: string): void => {
    for (let at = from; at < to; at += 1) paths[at] += step
  }
  let level: Subtree[] = leaves.map((hash, at) => ({ hash, from: at, to: at + 1 }))
  while (level.length > 1) {
    const above: Subtree[] = []
    for (let at = 0; at < level.length; at += 2) {
      const [left, right] = level.slice(at, at + 2) as [Subtree, Subtree | undefined]
      if (right === undefined) {
        above.push(left)
        continue
      }
      lengthen(left, `r${right.hash}`)
      lengthen(right, `l${left.hash}`)
      above.push({ hash: nodeOf(left.hash, right.hash), from: left.from, to: right.to })
    }
    level = above
  }
  return { root: level[0]?.hash ?? '', paths }
}

/** What stands below one hash: the leaves from one place to before another. */
interface Subtree {
  readonly hash: string
  readonly from: number
  readonly to: number
}

/** The root that `path`, which is well formed, leads to from a leaf. */
export function rootAbove(leaf: string, path: string): string {
  let hash = leaf
  for (let at = 0; at < path.length; at += STEP) {
    const beside = path.slice(at + 1, at + STEP)
    hash = path[at] === 'l' ? nodeOf(beside, hash) : nodeOf(hash, beside)
  }
  return hash
}
