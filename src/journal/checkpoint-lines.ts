/** The lines of a checkpoint, read one after another and hashed on the way: a start has nothing else to do meanwhile. */
import { createHash, type Hash } from 'node:crypto'
import { closeSync, openSync, readSync } from 'node:fs'
import { STATEMENT_BYTES, type CheckpointStatement } from './checkpoint-statement.ts'
import { LINE_BYTES_MAX } from './record.ts'

const CHUNK_BYTES = 1024 * 1024
const NEWLINE = 10

/** Nothing that was made from them may be used before `check` has passed. */
export class CheckpointLines implements Iterator<string> {
  readonly #file: number
  readonly #stated: Pick<CheckpointStatement, 'bytes' | 'sha256'>
  readonly #hash: Hash = createHash('sha256')
  /** What was read and not yet given. */
  #rest: Buffer = Buffer.alloc(0)
  #read = 0

  constructor(path: string, stated: Pick<CheckpointStatement, 'bytes' | 'sha256'>) {
    this.#file = openSync(path, 'r')
    this.#stated = stated
  }

  next(): IteratorResult<string, undefined> {
    for (;;) {
      const to = this.#rest.indexOf(NEWLINE)
      if (to !== -1) {
        const value = this.#rest.toString('utf8', 0, to)
        this.#rest = this.#rest.subarray(to + 1)
        return { done: false, value }
      }
      if (this.#rest.length > LINE_BYTES_MAX) throw new SyntaxError('a line is too long')
      if (!this.#readOn()) return { done: true, value: undefined }
    }
  }

  /** Throws unless the lines, all of them, were given and are as they were signed. */
  check(): void {
    if (this.next().done !== true) throw new SyntaxError('there are more lines than a state has')
    if (this.#rest.length > 0) throw new SyntaxError('the last line is not finished')
    if (this.#read !== this.#stated.bytes || this.#hash.digest('hex') !== this.#stated.sha256)
      throw new SyntaxError('its bytes do not have the hash that was signed')
  }

  close(): void {
    closeSync(this.#file)
  }

  #readOn(): boolean {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES)
    const count = readSync(this.#file, chunk, 0, CHUNK_BYTES, STATEMENT_BYTES + this.#read)
    if (count === 0) return false
    const bytes = chunk.subarray(0, count)
    this.#hash.update(bytes)
    this.#read += count
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    return true
  }
}
