/** The file in which a sidecar writes what it redeems of what was set aside for it, and what it will never redeem: signed, replaced whole, on the disk before anybody is asked or told. */
import { randomUUID, type KeyObject } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { canonicalJson } from '../base/canonical-json.ts'
import { signText, verifyText } from '../base/ed25519.ts'
import { EphorError } from '../base/errors.ts'
import { parseStrictJson } from '../base/strict-json.ts'
import { nodeIo, writeAll, type JournalIo } from '../journal/io.ts'
import { acquireLock, type Lock } from '../journal/lock.ts'
import { Allotted, MARKS_MAX } from '../protocol/allotment.ts'
import { Millis, Name, SchemaVersion } from '../protocol/common.ts'
import type { Home } from './home.ts'

/** What became of one decision here. Whatever it is, it is not redeemed here any more. */
const Mark = z.strictObject({
  decision: Name,
  agent: Name,
  partition: Name,
  what: z.enum(['redeemed', 'unused']),
  at: Millis.describe('This sidecar’s clock'),
  allotted: Allotted.describe('For whom it was set aside: this book, by the name that this sidecar had'),
  expires: Millis.describe('The end of its permit'),
  told: Millis.optional().describe('The time of the log when a home had said that it is on record'),
})
export type Mark = z.infer<typeof Mark>

const Content = z.strictObject({ schema: SchemaVersion, book: Name, marks: z.array(Mark) })
const Signature = z.strictObject({ kid: Name, sig: z.string() })

/** What is signed says what it is, so that no other signature by the same key can be taken for one of a book. */
const SIGNED = 'ephor-allotments\n'

export interface BookOptions {
  readonly path: string
  /** The key that signs, by its id: the journal's. */
  readonly keyId: string
  readonly privateKey: KeyObject
  readonly publicKeyOf: (id: string) => KeyObject | undefined
  /** How it reaches the disk; else the file system of the machine. */
  readonly io?: JournalIo | undefined
}

export class AllotmentBook {
  readonly #options: BookOptions
  readonly #lock: Lock
  readonly #id: string
  /** By decision. What is not on the disk yet is among them. */
  readonly #marks: Map<string, Mark>
  /** Ends with the last write. Nothing is known after one that failed, so nothing is written after it. */
  #last: Promise<void> = Promise.resolve()
  #isThere: boolean
  /** What was on the disk when it was written last. */
  #written: ReadonlyMap<string, Mark>
  #hasFailed = false
  #isClosed = false

  private constructor(options: BookOptions, lock: Lock, content: z.infer<typeof Content> | undefined) {
    this.#options = options
    this.#lock = lock
    this.#id = content?.book ?? randomUUID()
    this.#marks = new Map(content?.marks.map((mark) => [mark.decision, mark]))
    this.#isThere = content !== undefined
    this.#written = new Map(this.#marks)
  }

  /** Reads it where it is there, and keeps others from writing it. Throws `JOURNAL_CORRUPT` at one that this sidecar did not write, `JOURNAL_LOCKED` where another process may write it. */
  static open(options: BookOptions): AllotmentBook {
    const { path } = options
    const lock = acquireLock(dirname(path))
    try {
      return new AllotmentBook(options, lock, existsSync(path) ? read(options) : undefined)
    } catch (error) {
      lock.release()
      throw error
    }
  }

  /** Writes nothing more, and lets another process do so once nothing of what was written is on its way to the disk. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.#last.catch(() => undefined)
    this.#lock.release()
  }

  /** What this book is called: another one, where it was lost. On the disk once this resolves, so that what is set aside for it is set aside for a book that is kept. */
  async id(): Promise<string> {
    if (!this.#isThere) await this.#write()
    return this.#id
  }

  /** Whether `id` is this book. */
  is(id: string): boolean {
    return id === this.#id
  }

  markOf(decision: string): Mark | undefined {
    return this.#marks.get(decision)
  }

  /** What is surely on the disk of one partition. After a write that failed nobody is told that anything is free: the disk may not know. */
  written(partition: string): readonly Mark[] {
    return [...this.#written.values()].filter(
      (mark) => mark.partition === partition && !(this.#hasFailed && mark.what === 'unused'),
    )
  }

  /** How many of one agent there are. */
  of(agent: string): number {
    let count = 0
    for (const mark of this.#marks.values()) if (mark.agent === agent) count += 1
    return count
  }

  /** How many more there is room for. */
  get room(): number {
    return MARKS_MAX - this.#marks.size
  }

  /** Marks decisions that have no mark; holds at once. Resolves when it is on the disk, and rejects with `JOURNAL_FAILED` when it may not be. */
  async mark(marks: readonly Mark[]): Promise<void> {
    if (marks.length > this.room)
      throw new EphorError(
        'LIMIT_REACHED',
        `${this.#marks.size} marks are kept until a day after the end of their permits`,
      )
    for (const mark of marks) {
      // INVARIANT: what became of a decision is said once.
      if (this.#marks.has(mark.decision)) throw new Error(`invariant: \`${mark.decision}\` has a mark`)
      this.#marks.set(mark.decision, mark)
    }
    await this.#write()
  }

  /** Changes what is said of decisions that have a mark. */
  async change(marks: readonly Mark[]): Promise<void> {
    for (const mark of marks) {
      if (!this.#marks.has(mark.decision)) throw new Error(`invariant: \`${mark.decision}\` has no mark`)
      this.#marks.set(mark.decision, mark)
    }
    await this.#write()
  }

  /** Forgets decisions that nobody could redeem any more. */
  async forget(decisions: readonly string[]): Promise<void> {
    for (const decision of decisions) this.#marks.delete(decision)
    await this.#write()
  }

  #write(): Promise<void> {
    if (this.#isClosed) return Promise.reject(new EphorError('SHUTTING_DOWN', 'nothing more is written'))
    const written = this.#last.then(() => this.#replace())
    this.#last = written
    // Who does not wait for it is told by the next one that does.
    written.catch(() => undefined)
    return written
  }

  #assertLocked(): void {
    if (!this.#lock.stillHeld()) throw new Error('another process writes it')
  }

  async #replace(): Promise<void> {
    const { path, keyId, privateKey, io = nodeIo } = this.#options
    const marks = new Map(this.#marks)
    const text = canonicalJson({ schema: 1, book: this.#id, marks: [...marks.values()] })
    const signature = canonicalJson({ kid: keyId, sig: signText(privateKey, SIGNED + text) })
    const bytes = Buffer.from(`${text}\n${signature}\n`)
    try {
      this.#assertLocked()
      const file = await io.openFile(`${path}.new`, 'w+')
      try {
        await writeAll(file, bytes, bytes.length, 0)
        await file.datasync()
      } finally {
        await file.close()
      }
      this.#assertLocked()
      await io.rename(`${path}.new`, path)
      await io.syncDirectory(dirname(path))
      this.#isThere = true
      this.#written = marks
    } catch (error) {
      this.#hasFailed = true
      const reason = error instanceof Error ? error.message : String(error)
      throw new EphorError('JOURNAL_FAILED', `${path}: ${reason}`, { cause: error })
    }
  }
}

/** That of a sidecar's home. Throws as `AllotmentBook.open`. */
export function openBook(
  { directory, keyId, keys, retiredKeys }: Pick<Home, 'directory' | 'keyId' | 'keys' | 'retiredKeys'>,
  io: JournalIo | undefined,
): AllotmentBook {
  return AllotmentBook.open({
    path: join(directory, 'allotments.json'),
    keyId,
    privateKey: keys.privateKey,
    publicKeyOf: (id) => (id === keyId ? keys.publicKey : retiredKeys.get(id)),
    io,
  })
}

function read({ path, publicKeyOf }: BookOptions): z.infer<typeof Content> {
  const [text = '', signature = '', ...rest] = readFileSync(path, 'utf8').split('\n')
  const signed = Signature.safeParse(valueOf(signature))
  const content = Content.safeParse(valueOf(text))
  if (!signed.success || !content.success || rest.join('') !== '')
    throw new EphorError('JOURNAL_CORRUPT', `${path} is not laid out as a sidecar writes it`)
  const key = publicKeyOf(signed.data.kid)
  if (key === undefined || !verifyText(key, SIGNED + text, signed.data.sig))
    throw new EphorError(
      'JOURNAL_CORRUPT',
      `${path} is not signed by the key of this journal, nor by one before`,
    )
  return content.data
}

function valueOf(text: string): unknown {
  const parsed = parseStrictJson(text)
  return parsed.ok ? parsed.value : undefined
}
