/** The book of what was set aside: whole or not at all, by this sidecar's key alone, one mark for each decision. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { interceptedIo, systemError } from '../../test/journal-support/journals.ts'
import { dropLock, SCRATCH } from '../../test/support/scratch.ts'
import { generateKeyPair } from '../base/ed25519.ts'
import { MARKS_MAX } from '../protocol/allotment.ts'
import { AllotmentBook, type BookOptions, type Mark } from './allotment-book.ts'

const [KEYS, NEW] = [generateKeyPair(), generateKeyPair()]
const mark = (decision: string, what: Mark['what'] = 'redeemed', partition = 'p00'): Mark => ({
  decision,
  agent: 'alpha',
  partition,
  what,
  at: 1,
  allotted: { to: 'here', book: 'book-1' },
  expires: 2,
})
let directory: string
let path: string
let options: BookOptions
beforeEach(() => {
  directory = mkdtempSync(join(SCRATCH, 'ephor-book-'))
  path = join(directory, 'allotments.json')
  options = {
    path,
    keyId: 'old',
    privateKey: KEYS.privateKey,
    publicKeyOf: (id) => ({ old: KEYS.publicKey, new: NEW.publicKey })[id],
  }
})
afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})
/** As by a process that comes after the one that had it was killed. */
function open(more: Partial<BookOptions> = {}): AllotmentBook {
  dropLock(directory)
  return AllotmentBook.open({ ...options, ...more })
}
const corrupt = expect.objectContaining({ code: 'JOURNAL_CORRUPT' })

test('has one name, from when it is first asked for, and what was marked, in another process too', async () => {
  const book = open()
  expect(existsSync(path)).toBe(false)
  const id = await book.id()
  await book.mark([mark('d-1'), mark('d-2', 'unused', 'p01')])
  expect(open({ path: `${path}.other` }).is(id)).toBe(false)
  const again = open()
  expect([await again.id(), again.is(id)]).toEqual([id, true])
  expect([again.markOf('d-1'), again.markOf('d-3')]).toEqual([mark('d-1'), undefined])
  expect(again.written('p01')).toEqual([mark('d-2', 'unused', 'p01')])
  await again.forget(['d-1'])
  expect([open().written('p00'), open().written('p01').length]).toEqual([[], 1])
})

test('a decision has one mark, and holds from the call on', async () => {
  const book = open()
  const written = book.mark([mark('d-1')])
  expect(book.markOf('d-1')).toBeDefined()
  await expect(book.mark([mark('d-1', 'unused')])).rejects.toThrow('has a mark')
  await written
})

test('holds so many marks and no more', async () => {
  const book = open()
  await book.mark(Array.from({ length: MARKS_MAX }, (_, place) => mark(`d-${place}`)))
  await expect(book.mark([mark('d-more')])).rejects.toMatchObject({ code: 'LIMIT_REACHED' })
  expect(book.markOf('d-more')).toBeUndefined()
})

test('a key that was retired still opens it, and the next write is by the new one', async () => {
  await open().mark([mark('d-1')])
  const book = open({ keyId: 'new', privateKey: NEW.privateKey })
  await book.mark([mark('d-2')])
  expect(readFileSync(path, 'utf8')).toContain('"kid":"new"')
  expect(open().written('p00')).toHaveLength(2)
})

describe('one that is not as it was written does not open', () => {
  test.each<[string, (text: string) => string]>([
    ['empty', () => ''],
    ['cut short', (text) => text.slice(0, -20)],
    ['with a mark less', (text) => text.replace(/"marks":\[.*\]/, '"marks":[]')],
    ['with another name', (text) => text.replace(/"book":"./, '"book":"z')],
    ['by a key that nobody knows', (text) => text.replace('"kid":"old"', '"kid":"else"')],
    ['with more behind it', (text) => `${text}{}\n`],
  ])('%s', async (_, change) => {
    await open().mark([mark('d-1')])
    writeFileSync(path, change(readFileSync(path, 'utf8')))
    expect(() => open()).toThrow(corrupt)
  })
})

describe('a write that fails', () => {
  test.each([
    'open allotments.json.new',
    'write allotments.json.new',
    'datasync allotments.json.new',
    'rename',
  ])('at %s leaves the one before, and nothing is written after it', async (failing) => {
    await open().mark([mark('d-1')])
    let isFailing = true
    const io = interceptedIo((operation) => {
      if (isFailing && operation === failing) throw systemError('EIO')
    })
    const book = open({ io })
    await expect(book.mark([mark('d-2')])).rejects.toMatchObject({ code: 'JOURNAL_FAILED' })
    isFailing = false
    await expect(book.mark([mark('d-3')])).rejects.toMatchObject({ code: 'JOURNAL_FAILED' })
    // Neither is used here any more, and the next process knows of neither.
    expect([book.markOf('d-2'), book.markOf('d-3')]).not.toContain(undefined)
    expect(open().written('p00')).toEqual([mark('d-1')])
  })
})

test('only what is on the disk is written; after a write that failed nothing is said to be free', async () => {
  let release = (): void => undefined
  const gate = new Promise<void>((done) => {
    release = done
  })
  let work: () => Promise<void> | void = () => undefined
  const io = interceptedIo((operation) => (operation === 'rename' ? work() : undefined))
  const book = open({ io })
  await book.mark([mark('d-1'), mark('d-2', 'unused')])
  work = () => gate
  const slow = book.mark([mark('d-3', 'unused')])
  expect(book.markOf('d-3')).toBeDefined()
  expect(book.written('p00').map(({ decision }) => decision)).toEqual(['d-1', 'd-2'])
  release()
  await slow
  expect(book.written('p00')).toHaveLength(3)
  work = () => {
    throw systemError('EIO')
  }
  await expect(book.mark([mark('d-4')])).rejects.toMatchObject({ code: 'JOURNAL_FAILED' })
  expect(book.written('p00')).toEqual([mark('d-1')])
})

describe('one process writes it', () => {
  const locked = expect.objectContaining({ code: 'JOURNAL_LOCKED' })

  test('until it closed it, which waits for what is on its way to the disk', async () => {
    let release = (): void => undefined
    const gate = new Promise<void>((done) => {
      release = done
    })
    const io = interceptedIo((operation) => (operation === 'rename' ? gate : undefined))
    const book = open({ io })
    const written = book.mark([mark('d-1')])
    const closing = book.close()
    const waits = new Promise((done) => setImmediate(() => done('waits')))
    expect(await Promise.race([closing, waits])).toBe('waits')
    expect(() => AllotmentBook.open(options)).toThrow(locked)
    release()
    await Promise.all([written, closing])
    await expect(book.mark([mark('d-2')])).rejects.toMatchObject({ code: 'SHUTTING_DOWN' })
    expect(AllotmentBook.open(options).written('p00')).toEqual([mark('d-1')])
  })

  test('and nothing once another has it', async () => {
    let before = (): void => undefined
    const io = interceptedIo((operation) => (operation.startsWith('datasync') ? before() : undefined))
    const book = open({ io })
    await book.mark([mark('d-1')])
    const other = open()
    await other.mark([mark('d-2')])
    await expect(book.mark([mark('d-3')])).rejects.toMatchObject({ code: 'JOURNAL_FAILED' })
    expect(open().written('p00')).toEqual([mark('d-1'), mark('d-2')])
    // Also where it has it while this one wrote.
    const third = open({ io })
    before = () => void open()
    await expect(third.mark([mark('d-4')])).rejects.toMatchObject({ code: 'JOURNAL_FAILED' })
    expect(open().written('p00')).toHaveLength(2)
  })

  test('one that does not open is not locked', () => {
    writeFileSync(path, 'x')
    expect(() => open()).toThrow(corrupt)
    rmSync(path)
    expect(AllotmentBook.open(options).written('p00')).toEqual([])
  })
})
