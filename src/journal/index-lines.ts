/** The index of decisions as lines of text, and back: the end of a checkpoint. */
import { DecisionIndex, type IndexBlock, type IndexSnapshot } from './decision-index.ts'

/** The lines of an index: what there is, then a line a block, each made when it is asked for. */
export function* indexLines({ forgotten, count, blocks }: IndexSnapshot): Generator<string, void> {
  yield JSON.stringify({ decisions: { forgotten, blocks: count } })
  for (const block of blocks) yield blockLine(block)
}

function blockLine({ hashes, sequences }: IndexBlock): string {
  const bytes = Buffer.from(hashes.buffer, hashes.byteOffset, hashes.byteLength)
  const gaps: number[] = []
  let before = 0
  for (const sequence of sequences) {
    gaps.push(sequence - before)
    before = sequence
  }
  return JSON.stringify([bytes.toString('base64'), gaps])
}

/** The index that the next of `lines` are of. Throws where they are no such lines. */
export function readIndex(lines: Iterator<string>): DecisionIndex {
  const { decisions } = nextOf(lines) as { decisions: { forgotten: boolean; blocks: number } }
  return DecisionIndex.of(decisions.forgotten, readBlocks(lines, decisions.blocks))
}

function* readBlocks(lines: Iterator<string>, count: number): Generator<IndexBlock> {
  for (let turn = 0; turn < count; turn += 1) {
    const [text, gaps] = nextOf(lines) as [string, number[]]
    const bytes = Buffer.from(text, 'base64')
    const hashes = new Uint32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
    if (hashes.length !== gaps.length) throw new SyntaxError('a block of decisions is not whole')
    let sequence = 0
    yield { hashes, sequences: Float64Array.from(gaps, (gap) => (sequence += gap)) }
  }
}

function nextOf(lines: Iterator<string>): unknown {
  const { done, value } = lines.next()
  if (done === true) throw new SyntaxError('the lines end before the decisions do')
  return JSON.parse(value)
}
