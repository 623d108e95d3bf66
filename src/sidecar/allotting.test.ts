/** What one sidecar makes of what was set aside for it: its book says first what became of each, and nothing is told that the disk may not know. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { allotting, askAside, decisionOf, LIFE } from '../../test/support/allotments.ts'
import { NOW, ready, run } from '../../test/support/engine.ts'
import { SCRATCH } from '../../test/support/scratch.ts'
import { generateKeyPair } from '../base/ed25519.ts'
import { EphorError } from '../base/errors.ts'
import { permitId } from '../engine/permits.ts'
import { ALLOTMENTS_MAX, MARKS_MAX } from '../protocol/allotment.ts'
import type { State } from '../engine/state.ts'
import type { Input } from '../engine/step.ts'
import { nodeIo } from '../journal/io.ts'
import { AllotmentBook, type BookOptions } from './allotment-book.ts'
import { Allotting, type Usual } from './allotting.ts'
import { HomeRefusal } from './home-refusal.ts'
import type { Performed } from './sidecar.ts'

const D = decisionOf()
const KEYS = generateKeyPair()
const redeem: Input & { kind: 'redeem' } = { kind: 'redeem', permit: permitId(D), agent: 'alpha' }
const giveBack: Input & { kind: 'return' } = { kind: 'return', permit: permitId(D), by: 'alpha' }
const HOUR = 3_600_000

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(SCRATCH, 'ephor-allotting-'))
})
afterEach(() => {
  rmSync(directory, { recursive: true, force: true })
})

/** A sidecar called `here`, for which 1,000 are set aside. */
async function rig() {
  const path = join(directory, 'allotments.json')
  const world = {
    now: NOW + 1,
    rename: (): Promise<void> | void => undefined,
    isHeard: true,
    isCutOff: false,
    isBehind: false,
    committed: Infinity,
    answer: { recorded: 0, unknown: 0, known: '' } as Record<string, string | number>,
    told: [] as (Input & { kind: 'tell' })[],
    lost: 0,
    state: undefined as unknown as State,
  }
  const io = {
    ...nodeIo,
    rename: async (from: string, to: string) => {
      await world.rename()
      await nodeIo.rename(from, to)
    },
  }
  const options: BookOptions = {
    path,
    keyId: 'k',
    privateKey: KEYS.privateKey,
    publicKeyOf: () => KEYS.publicKey,
    io,
  }
  const book = AllotmentBook.open(options)
  const through = { to: 'here', book: await book.id() }
  world.state = run(ready(), [allotting(), askAside(1000, { through })], NOW).state
  const unheard = new EphorError('CLUSTER_UNREACHABLE', 'no halts')
  const made = new Allotting({
    book,
    name: 'here',
    partition: 'p00',
    lookout: {
      get isInTouch() {
        return world.isHeard
      },
      inTouch: () => (world.isHeard ? Promise.resolve() : Promise.reject(unheard)),
      assertFree: () => undefined,
      silentMs: 0,
    },
    recorder: () => ({ state: world.state, durable: world.state, now: () => world.now }),
    committed: () => world.committed,
    isCutOff: () => Promise.resolve(world.isCutOff),
    isBehindFirst: () => world.isBehind,
    lost: (count) => {
      world.lost += count
    },
  })
  const submit = (input: Input): Promise<Performed> => {
    if (input.kind === 'tell') world.told.push(input)
    return Promise.resolve({ kind: 'done', body: world.answer })
  }
  const onDisk = (): string => readFileSync(path, 'utf8')
  const again = (): AllotmentBook => AllotmentBook.open({ ...options, io: nodeIo })
  return { world, made, book, submit, onDisk, again, tell: () => made.tell(submit) }
}

/** A home that answers so, once it was waited for what comes before. */
const homeThat =
  (answers: () => Promise<Performed>, asked: () => void = () => undefined): Usual =>
  async (_, before) => {
    await before?.()
    asked()
    return answers()
  }
const DONE: Performed = { kind: 'done', body: {} }
const fails = (error: Error) => async (): Promise<never> => {
  throw error
}
/** Lets all that waits for the disk go on. */
const settle = (): Promise<void> => new Promise((done) => setImmediate(() => setImmediate(done)))

describe('in contact', () => {
  test('it is marked on the disk before the home is asked', async () => {
    const { made, onDisk, again } = await rig()
    let before = ''
    const home = homeThat(
      () => Promise.resolve(DONE),
      () => {
        before = onDisk()
      },
    )
    expect(await made.handle(redeem, home)).toBe(DONE)
    expect(before).toContain(D)
    await expect(made.handle(redeem, home)).rejects.toMatchObject({ code: 'PERMIT_SPENT' })
    // Nor in the next process, whatever the log has lost.
    expect(again().markOf(D)).toMatchObject({
      what: 'redeemed',
      allotted: { to: 'here' },
      expires: NOW + LIFE,
    })
  })

  test('a home that says no on record lets it come free; it is spent here all the same', async () => {
    const { made, world, book, tell } = await rig()
    const no = homeThat(fails(new HomeRefusal('HALTED_SINCE', 'halted')))
    await expect(made.handle(redeem, no)).rejects.toMatchObject({
      code: 'HALTED_SINCE',
      detail: expect.stringContaining('ask again with a new id') as string,
    })
    expect(book.markOf(D)?.what).toBe('unused')
    await tell()
    expect(world.told).toMatchObject([{ redeemed: [], unused: [D] }])
    await expect(made.handle(redeem, no)).rejects.toMatchObject({ code: 'PERMIT_SPENT' })
  })

  test.each(['HALTED_SINCE', 'HOME_SILENT', 'HOME_LOST'] as const)(
    'an outcome that nobody knows (%s) counts as redeemed, and is told so',
    async (code) => {
      const { made, world, tell } = await rig()
      await expect(made.handle(redeem, homeThat(fails(new EphorError(code, 'x'))))).rejects.toMatchObject({
        code,
      })
      await tell()
      expect(world.told).toMatchObject([{ redeemed: [{ decision: D, at: NOW + 1 }], unused: [] }])
    },
  )

  test('a home that cannot be asked spends nothing', async () => {
    const { made, book } = await rig()
    const unready: Usual = fails(new EphorError('HOME_UNKNOWN', 'joining'))
    await expect(made.handle(redeem, unready)).rejects.toMatchObject({ code: 'HOME_UNKNOWN' })
    expect(book.markOf(D)).toBeUndefined()
    expect(
      await made.handle(
        redeem,
        homeThat(() => Promise.resolve(DONE)),
      ),
    ).toBe(DONE)
  })

  test('what is known here to hold it spends nothing either', async () => {
    const { made, book, world } = await rig()
    world.state = run(world.state, [allotting(null)], NOW).state
    await expect(
      made.handle(
        redeem,
        homeThat(() => Promise.resolve(DONE)),
      ),
    ).rejects.toMatchObject({
      code: 'ALLOTMENT_OFF',
    })
    expect(book.markOf(D)).toBeUndefined()
  })

  test('nothing is asked of the home where the disk fails', async () => {
    const { made, world } = await rig()
    world.rename = () => {
      throw new Error('EIO')
    }
    let isAsked = false
    const home = homeThat(
      () => Promise.resolve(DONE),
      () => {
        isAsked = true
      },
    )
    await expect(made.handle(redeem, home)).rejects.toMatchObject({ code: 'JOURNAL_FAILED' })
    expect(isAsked).toBe(false)
  })
})

describe('cut off', () => {
  const away = fails(new EphorError('HOME_UNKNOWN', 'waiting'))
  test.each<[string, object, string]>([
    ['Redis is reached', { isHeard: false }, 'HOME_UNKNOWN'],
    ['halts are heard', { isCutOff: true }, 'HOME_UNKNOWN'],
    [
      'its history may not be that of the log',
      { isHeard: false, isCutOff: true, committed: 0 },
      'HOME_UNKNOWN',
    ],
    ['the first partition may be ahead', { isHeard: false, isCutOff: true, isBehind: true }, 'HOME_UNKNOWN'],
  ])('nothing is redeemed where %s', async (_, how, code) => {
    const { made, world, book } = await rig()
    Object.assign(world, how)
    await expect(made.handle(redeem, away)).rejects.toMatchObject({ code })
    expect(book.markOf(D)).toBeUndefined()
  })

  test('it is redeemed, also where the line was cut after it was marked, once', async () => {
    for (const home of [away, homeThat(fails(new EphorError('HOME_SILENT', 'x')))]) {
      const { made, world, book } = await rig()
      Object.assign(world, { isHeard: false, isCutOff: true })
      expect(await made.handle(redeem, home)).toMatchObject({ body: { cutOff: true, decision: D } })
      await expect(made.handle(redeem, home)).rejects.toMatchObject({ code: 'PERMIT_SPENT' })
      expect(book.markOf(D)?.what).toBe('redeemed')
      rmSync(join(directory, 'allotments.json'))
    }
  })

  test('what comes while the disk works holds it: it is spent, and comes free', async () => {
    const { made, world, book } = await rig()
    Object.assign(world, { isHeard: false, isCutOff: true })
    world.rename = () => {
      world.state = run(world.state, [allotting(null)], NOW).state
    }
    await expect(made.handle(redeem, away)).rejects.toMatchObject({ code: 'ALLOTMENT_OFF' })
    expect(book.markOf(D)?.what).toBe('unused')
    await expect(made.handle(redeem, away)).rejects.toMatchObject({ code: 'PERMIT_SPENT' })
  })

  test('not after a home said no', async () => {
    const { made, world } = await rig()
    Object.assign(world, { isHeard: false, isCutOff: true })
    const no = homeThat(fails(new HomeRefusal('HOME_LOST', 'frozen')))
    await expect(made.handle(redeem, no)).rejects.toMatchObject({ code: 'HOME_LOST' })
  })
})

test('an operator writes it off through the sidecar itself: it is marked there before anybody hears of it', async () => {
  const { made, onDisk } = await rig()
  let before = ''
  const gone = { to: 'here', reason: 'the policy lets nothing be redeemed any more' }
  const home: Usual = async () => {
    before = onDisk()
    return DONE
  }
  expect(await made.handle({ ...giveBack, by: 'operator-1', gone }, home)).toBe(DONE)
  expect(before).toContain(D)
  await expect(made.handle(redeem, home)).rejects.toMatchObject({ code: 'PERMIT_SPENT' })
})

describe('what is told', () => {
  test('is on the disk: not what is on its way there', async () => {
    const { made, world, submit, tell, onDisk } = await rig()
    let release = (): void => undefined
    const gate = new Promise<void>((done) => {
      release = done
    })
    world.rename = () => gate
    const given = made.handle(giveBack, submit)
    await settle()
    await tell()
    expect([world.told, onDisk().includes(D)]).toEqual([[], false])
    release()
    await given
    await tell()
    expect(world.told).toMatchObject([{ unused: [D] }])
  })

  test('is nothing that would be free, after a write that failed: given back, again, or over', async () => {
    const { made, world, submit, tell, again } = await rig()
    world.rename = () => {
      throw new Error('EIO')
    }
    await expect(made.handle(giveBack, submit)).rejects.toMatchObject({ code: 'JOURNAL_FAILED' })
    await expect(made.handle(giveBack, submit)).rejects.toMatchObject({ code: 'JOURNAL_FAILED' })
    world.now = NOW + LIFE + 1
    await tell()
    await tell()
    expect([world.told, again().markOf(D)]).toEqual([[], undefined])
    const other = await rig()
    other.world.now = NOW + LIFE + 1
    other.world.rename = world.rename
    await other.tell()
    await other.tell()
    expect(other.world.told).toEqual([])
  })

  test('is told until a home has it, to each home once, and again where a home lost it', async () => {
    const { made, world, tell, book } = await rig()
    await made.handle(
      redeem,
      homeThat(() => Promise.resolve(DONE)),
    )
    await tell()
    await tell()
    expect([world.told.length, world.lost, book.markOf(D)?.told]).toEqual([1, 1, undefined])
    const promote = (epoch: number): void => {
      world.state = { ...world.state, tenure: { ...world.state.tenure, epoch } }
    }
    promote(2)
    world.answer = { known: D }
    await tell()
    expect([world.told.length, world.lost, book.markOf(D)?.told]).toEqual([2, 1, true])
    // In its state it is open: what that home had of it is lost.
    promote(3)
    await tell()
    expect(world.told).toHaveLength(3)
    world.state = run(world.state, [{ ...redeem, through: { to: 'here', book: await book.id() } }], NOW).state
    promote(4)
    await tell()
    expect(world.told).toHaveLength(3)
  })

  test('is told though the book is full of what another partition marked, and what is over leaves room', async () => {
    const { made, world, tell, book } = await rig()
    await made.handle(
      redeem,
      homeThat(() => Promise.resolve(DONE)),
    )
    const mark = book.markOf(D)
    if (mark === undefined) throw new Error('it has a mark')
    const others = Array.from({ length: MARKS_MAX - 1 }, (_, place) => ({
      ...mark,
      decision: `d-${place}`,
      partition: 'p01',
    }))
    await book.mark(others.slice(ALLOTMENTS_MAX))
    const through = { to: 'here', book: await book.id() }
    const two = [askAside(1, { through, tail: '2' }), askAside(2, { through, tail: '3' })]
    world.state = run(ready(), [allotting(), ...two], NOW).state
    // Neither is marked as over: the room is for what is redeemed.
    world.now = NOW + LIFE + 1
    await tell()
    expect([world.told.length, book.markOf(decisionOf('2'))]).toEqual([1, undefined])
    world.now = NOW + 1
    await book.mark(others.slice(0, ALLOTMENTS_MAX))
    const second = { ...redeem, permit: permitId(decisionOf('2')) }
    await expect(
      made.handle(
        second,
        homeThat(() => Promise.resolve(DONE)),
      ),
    ).rejects.toMatchObject({
      code: 'LIMIT_REACHED',
      detail: expect.not.stringContaining('spent') as string,
    })
    expect(book.markOf(decisionOf('2'))).toBeUndefined()
  })

  test('is forgotten a day after its end by the times of the log, and told in its former name', async () => {
    const { made, world, tell, book } = await rig()
    world.answer = { known: D }
    await made.handle(
      redeem,
      homeThat(() => Promise.resolve(DONE)),
    )
    const through = { to: 'here', book: await book.id() }
    world.state = run(world.state, [{ ...redeem, through }], NOW).state
    await tell()
    world.now = NOW + 100 * HOUR
    await tell()
    expect(book.markOf(D)).toBeDefined()
    world.state = { ...world.state, lastAt: NOW + LIFE + 25 * HOUR }
    await tell()
    expect(book.markOf(D)).toBeUndefined()
  })
})
