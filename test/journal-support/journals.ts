/** What the tests of the journal share: journals in temporary directories, and file operations that fail on demand. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, vi } from 'vitest'
import { generateKeyPair } from '../../src/base/ed25519.ts'
import { type JournalIo, nodeIo } from '../../src/journal/io.ts'
import { type Journal, type JournalOptions, openJournal } from '../../src/journal/journal.ts'
import { verifyJournal } from '../../src/journal/verify.ts'

export const keys = generateKeyPair()

/** A directory for the tests of a file, made in `root` before the first and gone after the last; `fill` puts into it what they share. */
export function sharedDirectory(
  fill: (directory: string) => Promise<void>,
  root = tmpdir(),
): { readonly path: string } {
  let path = ''
  beforeAll(async () => {
    path = await mkdtemp(join(root, 'journal-'))
    await fill(path)
  })
  afterAll(() => rm(path, { recursive: true }))
  return {
    get path() {
      return path
    },
  }
}

/** Runs `use` with a directory of its own in `root`, which is gone afterwards. */
export async function inDirectory<T>(use: (directory: string) => Promise<T>, root = tmpdir()): Promise<T> {
  const directory = await mkdtemp(join(root, 'journal-'))
  try {
    return await use(directory)
  } finally {
    await rm(directory, { recursive: true })
  }
}

/** The options of every test journal, with those that this test changes. */
export function optionsFor(directory: string, changes: Partial<JournalOptions> = {}): JournalOptions {
  return { directory, keys, keyId: 'test', now: () => 1_700_000_000_000, ...changes }
}

/** Appends `count` small records, numbered by their sequence, and waits until they are durable. */
export async function appendNumbered(journal: Journal, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const sequence = journal.sequence + 1
    await journal.append([{ at: sequence, eventText: `{"number":${sequence}}` }]).durable
  }
}

/** Makes a cleanly closed journal of `count` small records, each flushed by itself. */
export async function makeJournal(directory: string, count: number, changes: Partial<JournalOptions> = {}) {
  const { journal } = await openJournal(optionsFor(directory, changes))
  await appendNumbered(journal, count)
  await journal.close()
}

/** One file operation, as the io below reports it: `write segment`, `datasync head`, `syncDirectory`, … */
export type Operation = `${'open' | 'write' | 'datasync' | 'truncate'} ${string}` | 'rename' | 'syncDirectory'

/**
 * The real io, with `before` called ahead of each operation: it may throw to make it fail, wait to delay it, or give a
 * number of bytes to write at most.
 */
export function interceptedIo(
  before: (operation: Operation) => Promise<number | void> | number | void,
): JournalIo {
  return {
    async openFile(path, flags) {
      const kind = path.endsWith('.ndjson') ? 'segment' : path.slice(path.lastIndexOf('/') + 1)
      await before(`open ${kind}`)
      const file = await nodeIo.openFile(path, flags)
      return {
        ...file,
        async write(bytes, offset, length, position) {
          const most = await before(`write ${kind}`)
          return file.write(bytes, offset, Math.min(length, most ?? length), position)
        },
        async datasync() {
          await before(`datasync ${kind}`)
          await file.datasync()
        },
        async truncate(lengthBytes) {
          await before(`truncate ${kind}`)
          await file.truncate(lengthBytes)
        },
      }
    },
    async rename(from, to) {
      await before('rename')
      await nodeIo.rename(from, to)
    },
    async syncDirectory(path) {
      await before('syncDirectory')
      await nodeIo.syncDirectory(path)
    },
  }
}

/** An error as the system gives it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: planted by the test`), { code })
}

/** A point in a test that one side reaches and the other waits for. */
export interface Signal {
  readonly given: Promise<void>
  give(): void
}

/** A signal that has not been given. */
export function newSignal(): Signal {
  let give!: () => void
  const given = new Promise<void>((resolve) => (give = resolve))
  return { given, give }
}

/** Resolves when the signed head states `sequence`. */
export async function covered(directory: string, sequence: number): Promise<void> {
  await vi.waitFor(async () => {
    expect((await verifyJournal(directory, keys.publicKey)).headSequence).toBe(sequence)
  })
}
