/** Another partition takes over what the first recorded for all, and stops where it cannot know what was said between, or cannot go by it. */
import { beforeEach, describe, expect, test } from 'vitest'
import { PROGRAM, SHIPPED_TEXT } from '../../test/support/engine.ts'
import { Core, relayed } from '../../test/support/cores.ts'
import { agreed, PLACE, PROGRAMS } from '../../test/support/founded.ts'
import type { First, LogEntry, Texts } from '../cluster/cluster.ts'
import type { Program } from '../constitution/compile.ts'
import { fold, type Input } from '../engine/step.ts'
import { handle } from '../engine/handle.ts'
import { EMPTY_STATE, type State } from '../engine/state.ts'
import { encodeLine, GENESIS, type ChainEnd } from '../journal/record.ts'
import type { Event } from '../protocol/event.ts'
import { followFirst } from './following.ts'
import type { Made } from './recorder.ts'
import type { Vouch } from './sealed-log.ts'

/** The log of the first partition as it is read. */
let log: LogEntry[]
let end: ChainEnd
let state: State
let events: Event[]
/** What becomes of the next reads; after them, and when all is read, the lease is over. */
let faults: ('unreachable' | 'unsure' | 'none')[]
let reported: number[]
/** What was said of whether all that was followed is still there. */
let watched: string[]
/** Texts that are in the cluster, and constitutions that are kept here. */
let texts: Map<string, string>
let kept: Map<string, Program>
/** What is done while it is waited for something. */
let waiting: (() => void) | undefined

function append(...recorded: readonly object[]): void {
  for (const event of recorded) {
    const buffer = Buffer.alloc(1 << 18)
    const { offset, chain } = encodeLine(buffer, 0, end, { at: 1, eventText: JSON.stringify(event) })
    log.push({ sequence: chain.sequence, line: buffer.toString('utf8', 0, offset - 1) })
    end = chain
  }
}
const owned = (account: string): object => ({
  schema: 1,
  type: 'owned',
  account,
  owner: 'desk',
  by: 'operator',
})
const beats = (count: number): object[] =>
  Array.from({ length: count }, () => ({ schema: 1, type: 'beat', agent: 'alpha' }))

/** Follows until all is read. */
async function follow(vouch?: Vouch): Promise<void> {
  let isHeld = true
  let isSure = true
  const first: First = {
    partition: 'p00',
    log: {
      read: (sequence, max) => {
        const fault = faults.shift()
        isSure = fault !== 'unsure'
        if (fault === 'unreachable') return Promise.resolve({ kind: fault, detail: '' })
        const entries = log.filter((entry) => entry.sequence > sequence).slice(0, max)
        isHeld = entries.length > 0
        return Promise.resolve({ kind: 'read', entries })
      },
      end: () => Promise.resolve({ kind: 'end', end, first: log[0]?.sequence ?? 0 }),
    },
    retention: {
      report: (name, sequence) => {
        expect(name).toBe('partition p01')
        reported.push(sequence)
        return Promise.resolve()
      },
    },
  }
  const record = (input: Input): Made => {
    const [next, happened, [effect]] = handle(state, input, 1)
    state = next
    events.push(...happened)
    return { state, effect, events: happened, durable: Promise.resolve(), happened: () => [] }
  }
  await followFirst({
    cluster: {
      first,
      partition: 'p01',
      texts: {
        text: (hash) => {
          const fault = faults.shift()
          return Promise.resolve(
            fault === 'unreachable' ? { kind: fault, detail: '' } : { kind: 'text', text: texts.get(hash) },
          )
        },
      } as Texts,
    },
    store: {
      programOf: (hash) => kept.get(hash),
      learn: (hash, text) => {
        if (text !== SHIPPED_TEXT) return undefined
        kept.set(hash, PROGRAM)
        return PROGRAM
      },
    },
    vouchFirst: vouch,
    timers: {
      pause: () => {
        waiting?.()
        return Promise.resolve()
      },
    },
    book: () => ({ state, durable: state, record, show: () => undefined }),
    lease: {
      get isHeld() {
        return isHeld
      },
      get isSure() {
        return isSure
      },
    },
    isHome: () => true,
    watch: {
      now: () => 7,
      sure: (sent) => watched.push(sent === 7 ? 'sure' : 'wrong'),
      freeze: (why) => {
        watched.push(why)
        // Of a log that is shorter nothing is read.
        isHeld = why.includes('is about a halt')
      },
    },
  })
}

beforeEach(() => {
  log = []
  end = GENESIS
  events = []
  faults = []
  reported = []
  watched = []
  texts = new Map()
  kept = new Map()
  waiting = undefined
  const partition = { number: 1, of: 2 }
  state = fold(EMPTY_STATE, [{ schema: 1, type: 'promoted', epoch: 1, by: 'one', partition }], 1)
})

describe('what was recorded of agents and accounts', () => {
  test('is followed once, whatever else was recorded, and after reads that came to nothing', async () => {
    append(...beats(2), owned('main'), ...beats(1), owned('other'), ...beats(1))
    faults = ['unreachable', 'unsure']
    await follow()
    expect([...state.ledger.owners.keys()].toSorted()).toEqual(['main', 'other'])
    expect(events).toMatchObject([
      { type: 'followed', after: 0, record: 3 },
      { type: 'followed', after: 3, record: 5 },
    ])
    // Another home reads on from there, and holds back the cut only for what it did not follow.
    append(owned('third'))
    await follow()
    expect(events).toHaveLength(3)
    expect(events[2]).toMatchObject({ after: 5, record: 7, event: { account: 'third' } })
    expect([reported[0], reported.at(-1)]).toEqual([0, 7])
  })

  test('is passed on record where there is much else, so that it can be cut off', async () => {
    append(owned('main'), ...beats(4_200))
    await follow()
    expect(events).toHaveLength(2)
    expect(events[1]).toEqual({
      schema: 1,
      type: 'followed',
      after: 1,
      record: 4_201,
      hash: end.hash,
    })
  })
})

test('it is known whether all that was followed is there, and nothing is read of a log that is shorter', async () => {
  append(owned('main'), owned('other'))
  await follow()
  expect(new Set(watched)).toEqual(new Set(['sure']))
  const [whole, last] = [log, end]
  // Its home is gone, and with it what Redis had of the end.
  watched = []
  const [kept] = log
  log = kept === undefined ? [] : [kept]
  end = { sequence: 1, hash: kept?.line.slice(9, 73) ?? '' }
  await follow()
  expect(watched).toEqual([expect.stringContaining('ends at record 1, and was followed up to 2')])
  // It came back with all of it.
  watched = []
  ;[log, end] = [whole, last]
  await follow()
  expect(watched).toEqual(['sure'])
  expect(events).toHaveLength(2)
})

describe('following ends', () => {
  test('where records were cut off that were not followed', async () => {
    append(owned('main'), ...beats(3))
    log = log.slice(2)
    await expect(follow()).rejects.toMatchObject({ code: 'LOG_TRIMMED' })
    expect(events).toEqual([])
  })

  test('where the first went on otherwise than it was followed', async () => {
    append(owned('main'))
    await follow()
    // The home that recorded it was given up, and the next one gives the account to somebody else.
    log = []
    end = GENESIS
    append(...beats(1), { ...owned('main'), owner: 'another' }, ...beats(1))
    await expect(follow()).rejects.toMatchObject({ code: 'LOG_DIFFERS' })
    expect(state.ledger.owners.get('main')).toBe('desk')
  })

  test('where it is as long as what was followed, and another', async () => {
    append(owned('main'))
    await follow()
    log = []
    end = GENESIS
    append({ ...owned('main'), owner: 'another' })
    await expect(follow()).rejects.toMatchObject({ code: 'LOG_DIFFERS' })
  })

  test('where a line was written by no journal', async () => {
    append(owned('main'))
    log = log.map(({ sequence, line }) => ({ sequence, line: line.replace('desk', 'mine') }))
    await expect(follow()).rejects.toMatchObject({ code: 'LOG_DIFFERS' })
  })

  test('where nobody who is believed signed for it, and takes only what is signed for', async () => {
    append(owned('main'), owned('other'))
    let signed = 1
    const vouch: Vouch = (entries) => {
      const kept = entries.filter(({ sequence }) => sequence <= signed)
      if (kept.length === 0) throw new Error('nobody signed')
      return kept
    }
    await expect(follow(vouch)).rejects.toThrow('nobody signed')
    expect([...state.ledger.owners.keys()]).toEqual(['main'])
    signed = 2
    await follow(vouch)
    expect(state.ledger.owners.size).toBe(2)
  })
})

describe('the law', () => {
  const activated = {
    schema: 1,
    type: 'activated',
    constitution: PROGRAM.constitution.hash,
    name: PROGRAM.constitution.name,
    version: PROGRAM.constitution.version,
    by: 'author',
    engine: '0',
  }

  test('is followed with its text, which is asked for again where it could not be had', async () => {
    append(...beats(1), activated, owned('main'))
    texts.set(activated.constitution, SHIPPED_TEXT)
    // The log is read, and then the text is asked for.
    faults = ['none', 'unreachable']
    await follow()
    expect(state.program).toBe(PROGRAM)
    expect(events.map((event) => event.type === 'followed' && event.event?.type)).toEqual([
      'activated',
      'owned',
    ])
  })

  test('is not passed over where its text is not to be had, and nor is what came after it', async () => {
    append(owned('main'), activated, owned('other'))
    await expect(follow()).rejects.toMatchObject({
      code: 'CONSTITUTION_INVALID',
      detail: expect.stringContaining('its text is not in Redis'),
    })
    expect(events).toEqual([])
  })

  test('ends the following where nothing lets the first do what it did', async () => {
    kept = new Map(PROGRAMS.map((program) => [program.constitution.hash, program]))
    const first = agreed()
    const certified = relayed(first, PROGRAMS).findIndex(({ event }) => event?.type === 'certified')
    append(
      ...relayed(first, PROGRAMS).flatMap(({ event }, place) =>
        event === undefined || place === certified ? [] : [event],
      ),
    )
    await expect(follow()).rejects.toMatchObject({
      code: 'LOG_DIFFERS',
      detail: expect.stringContaining('no approval of it that stands came before'),
    })
  })

  test('waits for a halt that the first lifts until it was taken here', async () => {
    kept = new Map(PROGRAMS.map((program) => [program.constitution.hash, program]))
    append(...agreed().events.map(({ event }) => event))
    const core = new Core(1, 2)
    let waits = 0
    waiting = () => {
      waits += 1
      if (waits < 3) return
      waiting = undefined
      core.state = state
      core.deliver(PLACE, {
        kind: 'halt',
        request: { scope: { kind: 'everything' }, state: 'halted', reason: 'x' },
        by: 'operator-1',
      })
      expect(core.state.ledger.halts.size).toBe(1)
      state = core.state
    }
    await follow()
    expect(waits).toBe(3)
    // Meanwhile nothing new is risked, and it is said why.
    expect(watched).toContainEqual(
      expect.stringMatching(
        /^record \d+ of the first partition is about a halt that was not read from `ephor:halts` yet/,
      ),
    )
    expect(state.tenure.taken.halts).toBe(PLACE)
    expect(state.ledger.halts.size).toBe(0)
  })
})
