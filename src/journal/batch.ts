/** The records that go to the disk together: their encoded lines, and the one promise that all their appenders share. */
import { EphorError } from '../base/errors.ts'
import { type ChainEnd, type JournalEntry, checkLine, encodeLine, lineBytesBound } from './record.ts'

const NEWLINE = 10
const BUFFER_BYTES_MIN = 1024 * 1024
/** A buffer that grew past this in a burst is given back to the collector instead of being kept. */
const BUFFER_BYTES_KEPT = 16 * 1024 * 1024

/** Gathers records until it is flushed; then settles `durable` once, for everybody. */
export class Batch {
  /** Settles when the batch has been flushed, or could not be. */
  readonly durable: Promise<void>
  /** The sequence of the first record that it gathers. */
  readonly startSequence: number
  #bytes: Buffer
  #length = 0
  #end: ChainEnd
  #settle: { resolve: () => void; reject: (error: Error) => void }

  /** An empty batch that follows `start`; `bytes` is a buffer no longer used, to be used again. */
  constructor(start: ChainEnd, bytes: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES_MIN)) {
    this.#bytes = bytes
    this.#end = start
    this.startSequence = start.sequence + 1
    const { promise, resolve, reject } = withResolvers()
    this.durable = promise
    this.#settle = { resolve, reject }
    // An appender that does not wait must not bring the process down; those that do wait still see the failure.
    promise.catch(() => {})
  }

  /** The chain's end after the records gathered so far. */
  get end(): ChainEnd {
    return this.#end
  }

  /** The lines gathered so far are the first `length` bytes of `bytes`. */
  get bytes(): Buffer {
    return this.#bytes
  }

  get length(): number {
    return this.#length
  }

  /** Encodes `entry` behind the records gathered so far. */
  add(entry: JournalEntry): void {
    const needed = this.#length + lineBytesBound(entry)
    if (needed > this.#bytes.length) this.#grow(needed)
    const encoded = encodeLine(this.#bytes, this.#length, this.#end, entry)
    this.#length = encoded.offset
    this.#end = encoded.chain
  }

  /** Adds lines that follow each other: all of them, or none where one does not. */
  addLines(lines: readonly string[]): void {
    const [length, end] = [this.#length, this.#end]
    try {
      for (const line of lines) this.#addLine(line)
    } catch (error) {
      this.#length = length
      this.#end = end
      throw error
    }
  }

  /** The lines gathered so far, without their newlines. */
  lines(): string[] {
    return this.#bytes.toString('utf8', 0, Math.max(0, this.#length - 1)).split('\n')
  }

  resolve(): void {
    this.#settle.resolve()
  }

  reject(error: Error): void {
    this.#settle.reject(error)
  }

  /** The buffer, for the next batch but one; `undefined` when it has grown too large to keep. */
  reusableBytes(): Buffer | undefined {
    return this.#bytes.length <= BUFFER_BYTES_KEPT ? this.#bytes : undefined
  }

  /** Adds the line of a record that another journal wrote. Throws `LOG_DIFFERS` when it does not follow those gathered so far. */
  #addLine(line: string): void {
    // A UTF-16 unit takes at most three bytes.
    const needed = this.#length + 3 * line.length + 1
    if (needed > this.#bytes.length) this.#grow(needed)
    const end = this.#length + this.#bytes.write(line, this.#length, 'utf8')
    const checked = checkLine(this.#bytes, this.#length, end, this.#end)
    if (typeof checked === 'string')
      throw new EphorError('LOG_DIFFERS', `record ${this.#end.sequence + 1} of the log: ${checked}`)
    this.#bytes[end] = NEWLINE
    this.#length = end + 1
    this.#end = checked
  }

  #grow(needed: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}

/** `Promise.withResolvers`, which Node 20 lacks. */
function withResolvers(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let resolve!: () => void
  let reject!: (error: Error) => void
  const promise = new Promise<void>((fulfil, refuse) => {
    resolve = fulfil
    reject = refuse
  })
  return { promise, resolve, reject }
}
