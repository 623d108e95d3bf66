/** What one sidecar makes of what was set aside for it: its book says first what became of each, and nothing is told that the disk may not know. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { allotting, askAside, decisionOf, LIFE } from '../../test/support/allotments.ts'
import { NOW, ready, run } from '../../test/support/engine.ts'
import { dropLock, SCRATCH } from '../../test/support/scratch.ts'
import { generateKeyPair } from '../base/ed25519.ts'
import { EphorError } from '../base/errors.ts'
import { permitId } from '../engine/permits.ts'
import { ALLOTMENTS_MAX, MARKS_MAX, MARKS_PER_AGENT_MAX } from '../protocol/allotment.ts'
import type { State } from '../engine/state.ts'
import type { Halt } from '../ledger/ledger.ts'
import type { Input } from '../engine/step.ts'
import { nodeIo } from '../journal/io.ts'
import { AllotmentBook, type BookOptions } from './allotment-book.ts'
import { Allotting, type Usual } from './allotting.ts'
import { HomeRefusal, NotAsked } from './home-refusal.ts'
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
    isAbreast: true,
    halts: [] as Halt[],
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
  dropLock(directory)
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
    isAbreast: () => world.isAbreast,
    isCutOff: () => Promise.resolve(world.isCutOff),
    isBehindFirst: () => world.isBehind,
    halts: () => world.halts,
    lost: (count) => {
      world.lost += count
    },
  })
  const submit = (input: Input): Promise<Performed> => {
    if (input.kind === 'tell') world.told.push(input)
    return Promise.resolve({ kind: 'done', body: world.answer })
  }
  const onDisk = (): string => readFileSync(path, 'utf8')
  const again = (): AllotmentBook => {
    dropLock(directory)
    return AllotmentBook.open({ ...options, io: nodeIo })
  }
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

  test('what surely was not asked after it was marked comes free', async () => {
    const { made, book } = await rig()
    const full = homeThat(fails(new NotAsked('OVERLOADED', 'full')))
    await expect(made.handle(redeem, full)).rejects.toMatchObject({ code: 'OVERLOADED' })
    expect(book.markOf(D)?.what).toBe('unused')
  })

  test('nothing is set aside for which the agent would have no mark', async () => {
    const { made, book, world, submit } = await rig()
    const through = { to: 'here', book: await book.id() }
    const marks = Array.from({ length: MARKS_PER_AGENT_MAX - 2 }, (_, place) => ({
      decision: `d-${place}`,
      agent: 'alpha',
      partition: 'p00',
      what: 'unused' as const,
      at: NOW,
      allotted: through,
      expires: NOW + LIFE,
    }))
    await book.mark(marks)
    const more = askAside(1, { tail: '9' }) as Input & { kind: 'action' }
    // One is open, and this would be the last.
    await made.handle(more, submit)
    const two = [askAside(400, { through }), askAside(300, { through, tail: '2' })]
    world.state = run(ready(), [allotting(), ...two], NOW).state
    await expect(made.handle(more, submit)).rejects.toMatchObject({ code: 'LIMIT_REACHED' })
    // For each that is open there is a mark.
    const home = homeThat(() => Promise.resolve(DONE))
    await made.handle(redeem, home)
    expect(await made.handle({ ...redeem, permit: permitId(decisionOf('2')) }, home)).toBe(DONE)
  })

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
    ['its journal may not be the log', { isHeard: false, isCutOff: true, isAbreast: false }, 'HOME_UNKNOWN'],
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

  test('a halt of another partition that is known here and covers it holds it', async () => {
    const { made, world, book } = await rig()
    Object.assign(world, { isHeard: false, isCutOff: true })
    const halted = (scope: Halt['scope']): Halt =>
      ({ id: 'h-1', scope, state: 'halted', resumes: [] }) as unknown as Halt
    world.halts = [halted({ kind: 'everything' })]
    await expect(made.handle(redeem, away)).rejects.toMatchObject({ code: 'HALTED_SINCE' })
    expect(book.markOf(D)).toBeUndefined()
    world.halts = [halted({ kind: 'agent', name: 'beta' })]
    expect(await made.handle(redeem, away)).toMatchObject({ body: { cutOff: true } })
  })

  test('what was written off while the disk works is not told, and comes free', async () => {
    const { made, world, book } = await rig()
    Object.assign(world, { isHeard: false, isCutOff: true })
    const gone = { to: 'here', reason: 'taken for gone' }
    world.rename = () => {
      world.state = run(world.state, [{ ...giveBack, by: 'operator-1', gone }], NOW).state
    }
    await expect(made.handle(redeem, away)).rejects.toMatchObject({ code: 'PERMIT_SPENT' })
    expect(book.markOf(D)?.what).toBe('unused')
  })

  test('where none was asked after it was marked, it is redeemed by that; and comes free where it is held', async () => {
    const away = homeThat(fails(new NotAsked('HOME_UNKNOWN', 'cut')))
    const first = await rig()
    Object.assign(first.world, { isHeard: false, isCutOff: true })
    expect(await first.made.handle(redeem, away)).toMatchObject({ body: { cutOff: true } })
    expect(first.book.markOf(D)?.what).toBe('redeemed')
    rmSync(join(directory, 'allotments.json'))
    const second = await rig()
    Object.assign(second.world, { isHeard: false, isCutOff: true, isBehind: true })
    await expect(second.made.handle(redeem, away)).rejects.toMatchObject({ code: 'HOME_UNKNOWN' })
    expect(second.book.markOf(D)?.what).toBe('unused')
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

describe('what is given back', () => {
  test('was read here: else it could be read to be open, and free only later', async () => {
    const { made, world, submit, book } = await rig()
    const { state } = world
    world.state = ready()
    let isAsked = false
    const home: Usual = async (input) => {
      isAsked = true
      return submit(input)
    }
    const gone = { to: 'here', reason: 'x' }
    for (const back of [giveBack, { ...giveBack, by: 'operator-1', gone }])
      await expect(made.handle(back, home)).rejects.toMatchObject({ code: 'ALLOTMENT_UNKNOWN' })
    expect([isAsked, book.markOf(D)]).toEqual([false, undefined])
    // What is for another is the home's to say.
    await made.handle({ ...giveBack, by: 'operator-1', gone: { ...gone, to: 'there' } }, home)
    expect(isAsked).toBe(true)
    world.state = state
    await made.handle(giveBack, home)
    expect(book.markOf(D)?.what).toBe('unused')
  })

  test('of a book that was lost is written off under the same name', async () => {
    const { made, world, book } = await rig()
    const through = { to: 'here', book: 'lost' }
    world.state = run(ready(), [allotting(), askAside(1000, { through })], NOW).state
    const gone = { to: 'here', reason: 'the disk broke' }
    const home = homeThat(() => Promise.resolve(DONE))
    expect(await made.handle({ ...giveBack, by: 'operator-1', gone }, home)).toBe(DONE)
    expect(book.markOf(D)).toBeUndefined()
  })

  test('leaves room for others: one agent has so many marks, whether it gives back or redeems', async () => {
    const { made, world, book } = await rig()
    const through = { to: 'here', book: await book.id() }
    const mark = { decision: '', agent: 'alpha', partition: 'p00', what: 'unused', at: NOW } as const
    const marks = Array.from({ length: MARKS_PER_AGENT_MAX }, (_, place) => ({
      ...mark,
      decision: `d-${place}`,
      allotted: through,
      expires: NOW + LIFE,
    }))
    await book.mark(marks.slice(1))
    const home = homeThat(() => Promise.resolve(DONE))
    const second = { ...redeem, permit: permitId(decisionOf('2')) }
    const both = [askAside(400, { through }), askAside(300, { through, tail: '2' })]
    world.state = run(ready(), [allotting(), ...both], NOW).state
    await made.handle(giveBack, home)
    for (const more of [second, { ...giveBack, permit: second.permit }])
      await expect(made.handle(more, home)).rejects.toMatchObject({ code: 'LIMIT_REACHED' })
    Object.assign(world, { isHeard: false, isCutOff: true })
    await expect(made.handle(second, fails(new EphorError('HOME_UNKNOWN', 'waiting')))).rejects.toMatchObject(
      { code: 'LIMIT_REACHED' },
    )
    expect(book.markOf(decisionOf('2'))).toBeUndefined()
  })

  test('leaves room for what is redeemed', async () => {
    const { made, book } = await rig()
    const others = Array.from({ length: MARKS_MAX - ALLOTMENTS_MAX }, (_, place) => ({
      decision: `d-${place}`,
      agent: `agent-${place % 8}`,
      partition: 'p01',
      what: 'unused' as const,
      at: NOW,
      allotted: { to: 'here', book: 'x' },
      expires: NOW + LIFE,
    }))
    await book.mark(others)
    const home = homeThat(() => Promise.resolve(DONE))
    await expect(made.handle(giveBack, home)).rejects.toMatchObject({ code: 'LIMIT_REACHED' })
    expect(await made.handle(redeem, home)).toBe(DONE)
  })
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
    expect([world.told.length, world.lost, book.markOf(D)?.told]).toEqual([2, 1, world.state.lastAt])
    // In its state it is open: what that home had of it is lost.
    promote(3)
    await tell()
    expect(world.told).toHaveLength(3)
    world.state = run(world.state, [{ ...redeem, through: { to: 'here', book: await book.id() } }], NOW).state
    promote(4)
    await tell()
    expect(world.told).toHaveLength(3)
    // Or it lost it, and an operator wrote it off.
    const before = run(
      ready(),
      [allotting(), askAside(1000, { through: { to: 'here', book: await book.id() } })],
      NOW,
    )
    const gone = { to: 'here', reason: 'taken for gone' }
    world.state = run(before.state, [{ ...giveBack, by: 'operator-1', gone }], NOW).state
    promote(5)
    await tell()
    await tell()
    expect(world.told).toHaveLength(4)
    expect(world.told.at(-1)).toMatchObject({ redeemed: [{ decision: D }] })
    // Nor is it forgotten before a home knows it.
    world.now = NOW + LIFE + 30 * 24 * HOUR
    world.state = { ...world.state, lastAt: world.now }
    await tell()
    expect(book.markOf(D)?.what).toBe('redeemed')
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

  test('is forgotten a day after its end and after it was told, by the log and by its own clock', async () => {
    const { made, world, tell, book } = await rig()
    await made.handle(
      redeem,
      homeThat(() => Promise.resolve(DONE)),
    )
    const through = { to: 'here', book: await book.id() }
    world.state = run(world.state, [{ ...redeem, through }], NOW).state
    const pass = async (log: number, here: number): Promise<boolean> => {
      world.state = { ...world.state, lastAt: NOW + log }
      world.now = NOW + here
      await tell()
      return book.markOf(D) === undefined
    }
    const over = LIFE + 30 * HOUR
    // Told only now, though it is over for long: that record could still be lost with the end of the log.
    world.answer = { known: D }
    expect(await pass(over, over)).toBe(false)
    // One clock alone that is a day ahead.
    expect(await pass(over + 24 * HOUR, over + 24 * HOUR)).toBe(false)
    expect(await pass(over + 25 * HOUR, LIFE)).toBe(false)
    expect(await pass(over, over + 100 * HOUR)).toBe(false)
    expect(await pass(over + 25 * HOUR, over + 25 * HOUR)).toBe(true)
  })

  test('is forgotten a week later where no home knows of it', async () => {
    const { made, world, tell, book } = await rig()
    await made.handle(
      redeem,
      homeThat(() => Promise.resolve(DONE)),
    )
    world.state = ready()
    const at = async (ms: number): Promise<boolean> => {
      world.now = NOW + ms
      world.state = { ...world.state, lastAt: world.now }
      await tell()
      return book.markOf(D) === undefined
    }
    expect([await at(LIFE + 26 * HOUR), world.lost]).toEqual([false, 1])
    expect([await at(LIFE + 190 * HOUR), await at(LIFE + 194 * HOUR)]).toEqual([false, true])
  })

  test('and what a home has otherwise on record is reported, not used and redeemed there as well', async () => {
    const { made, world, tell, submit } = await rig()
    await made.handle(giveBack, submit)
    await tell()
    expect(world.lost).toBe(1)
  })
})
