/** Segments: the files that hold the records, each named after the first sequence in it. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** One segment file, as its name tells. */
export interface SegmentFile {
  readonly name: string
  readonly path: string
  /** The sequence of the first record in it, or of the record that will be first. */
  readonly firstSequence: number
}

const NAME = /^segment-(\d{12,16})\.ndjson$/

/** The segment in `directory` whose first record has `firstSequence`. */
export function segmentFile(directory: string, firstSequence: number): SegmentFile {
  const name = `segment-${String(firstSequence).padStart(12, '0')}.ndjson`
  return { name, path: join(directory, name), firstSequence }
}

/** All segments in `directory`, in the order of their records. Files with other names are not segments. */
export async function listSegments(directory: string): Promise<SegmentFile[]> {
  const segments: SegmentFile[] = []
  for (const name of await readdir(directory)) {
    const digits = NAME.exec(name)?.[1]
    if (digits === undefined) continue
    const segment = segmentFile(directory, Number(digits))
    if (segment.name === name) segments.push(segment)
  }
  return segments.toSorted((left, right) => left.firstSequence - right.firstSequence)
}
