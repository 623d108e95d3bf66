/** What every implementation of a cluster keeps to: one suite for all of them. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { encodeLine, GENESIS, type ChainEnd } from '../../src/journal/record.ts'
import {
  HANDED_OVER_MS,
  INBOX_BEGIN,
  LEASE_MS,
  type Acquired,
  type Cluster,
  type HaltEntry,
  type LogEntry,
  type Took,
  type Unreachable,
} from '../../src/cluster/cluster.ts'

const entryOf = (took: Took | Unreachable): string =>
  took.kind === 'took' ? (took.entries[0]?.entry ?? '') : ''

/** A cluster under test, and what a test does to it. */
export interface Bench {
  /** A sidecar's way to it; each call is another connection. */
  readonly connect: (name: string) => Promise<Cluster>
  /** Lets so much time pass, by the clock that leases live by. */
  readonly pass: (ms: number) => Promise<void>
  /** Restarts the server, or has another take its place, which has everything. */
  readonly restart: () => Promise<void>
  /** The next call of that name by `name` is carried out, and its reply is lost. */
  readonly loseReply: (name: string, call: 'append' | 'put' | 'acquire') => void
  readonly end: () => Promise<void>
}

/** `count` records that follow `end`, as a journal writes them. */
export function linesAfter(end: ChainEnd, count: number, what = 'x'): LogEntry[] {
  const entries: LogEntry[] = []
  let chain = end
  for (let place = 0; place < count; place += 1) {
    const buffer = Buffer.alloc(4096)
    const { offset, chain: next } = encodeLine(buffer, 0, chain, {
      at: 1,
      eventText: JSON.stringify({ what, place }),
    })
    entries.push({ sequence: next.sequence, line: buffer.toString('utf8', 0, offset - 1) })
    chain = next
  }
  return entries
}

export const endOf = (entries: readonly LogEntry[]): ChainEnd => {
  const last = entries.at(-1)
  return last === undefined ? GENESIS : { sequence: last.sequence, hash: last.line.slice(9, 73) }
}

/** Expects the lease to be had, and gives its epoch. */
export async function acquired(cluster: Cluster, floor = 0): Promise<number> {
  const result = await cluster.lease.acquire(floor)
  expect(result).toMatchObject({ kind: 'acquired' })
  return (result as Acquired & { kind: 'acquired' }).epoch
}

/** Takes the lease, appends what is missing and settles, as a home does; answers the epoch. */
async function settled(cluster: Cluster, missing: readonly LogEntry[]): Promise<number> {
  const epoch = await acquired(cluster)
  expect(await cluster.log.append(epoch, missing)).toEqual({ kind: 'appended' })
  expect(await cluster.lease.settle(epoch)).toEqual({ kind: 'settled' })
  return epoch
}

/** What is left out where it is tested elsewhere, or takes too long. */
interface Without {
  readonly lostReplies?: boolean
  readonly restarts?: boolean
}

/** The suite. */
export function conformance(open: () => Promise<Bench>, without: Without = {}): void {
  let bench: Bench
  let one: Cluster
  let other: Cluster

  beforeEach(async () => {
    bench = await open()
    one = await bench.connect('one')
    other = await bench.connect('other')
  })
  afterEach(async () => {
    await Promise.all([one.close(), other.close()])
    await bench.end()
  })

  test('one holds the lease, and another gets it when it has run out', async () => {
    expect(await acquired(one)).toBe(1)
    const refused = await other.lease.acquire(0)
    expect(refused).toMatchObject({ kind: 'held', holder: 'one' })
    await bench.pass(LEASE_MS + 50)
    expect(await acquired(other)).toBe(2)
    expect(await one.lease.renew(1)).toEqual({ kind: 'lost', epoch: 2 })
    expect(await one.lease.acquire(0)).toMatchObject({ kind: 'held', holder: 'other' })
  })

  test('a lease that is renewed does not run out', async () => {
    const epoch = await acquired(one)
    for (let turn = 0; turn < 8; turn += 1) {
      await bench.pass(LEASE_MS / 4)
      expect(await one.lease.renew(epoch)).toEqual({ kind: 'renewed' })
      expect((await other.lease.acquire(0)).kind).toBe('held')
    }
  })

  test('a lease that is given up can be had at once', async () => {
    const epoch = await acquired(one)
    await one.lease.release(epoch + 1)
    expect((await other.lease.acquire(0)).kind).toBe('held')
    await one.lease.release(epoch)
    expect(await acquired(other)).toBe(epoch + 1)
  })

  test('a lease that is handed over waits a little for whom it is meant', async () => {
    const third = await bench.connect('third')
    const epoch = await acquired(one)
    await one.lease.release(epoch + 1, 'other')
    expect(await other.lease.acquire(0)).toMatchObject({ kind: 'held', holder: 'one' })
    await one.lease.release(epoch, 'other')
    for (const each of [third, one])
      expect(await each.lease.acquire(0)).toMatchObject({ kind: 'held', holder: 'other' })
    expect(await acquired(other)).toBe(epoch + 1)
    expect(await one.lease.renew(epoch)).toEqual({ kind: 'lost', epoch: epoch + 1 })
    expect(await third.lease.acquire(0)).toMatchObject({ kind: 'held', holder: 'other' })
    // One that is gone does not keep it from the others.
    await other.lease.release(epoch + 1, 'nobody')
    expect((await third.lease.acquire(0)).kind).toBe('held')
    await bench.pass(HANDED_OVER_MS + 50)
    expect(await acquired(third)).toBe(epoch + 2)
    await third.close()
  })

  test('it is known who has said lately how far its copy is', async () => {
    await one.retention.report('one', 7)
    await one.retention.report('archive x', 5)
    await bench.pass(300)
    await other.retention.report('other', 9)
    const heard = async (ms: number): Promise<unknown> => {
      const found = await one.retention.heard(ms)
      return found.kind === 'heard' ? found.reports.toSorted((a, b) => a.sequence - b.sequence) : found
    }
    const [mine, theirs] = [
      { name: 'one', sequence: 7 },
      { name: 'other', sequence: 9 },
    ]
    expect(await heard(10_000)).toEqual([mine, theirs])
    expect(await heard(250)).toEqual([theirs])
  })

  test('another process of the same name waits like any other', async () => {
    const twin = await bench.connect('one')
    const epoch = await acquired(one)
    expect(await twin.lease.acquire(0)).toMatchObject({ kind: 'held', holder: 'one' })
    expect(await acquired(one)).toBe(epoch + 1)
    await bench.pass(LEASE_MS + 50)
    expect(await acquired(twin)).toBe(epoch + 2)
    await twin.close()
  })

  test('an epoch is higher than any that anybody knows of', async () => {
    expect(await acquired(one, 41)).toBe(42)
    await one.lease.release(42)
    expect(await acquired(other)).toBe(43)
    expect(await acquired(other)).toBe(44)
  })

  test('the log takes one chain, in order, and reads back as it was written', async () => {
    const epoch = await acquired(one)
    const lines = linesAfter(GENESIS, 5)
    lines.push({ ...(lines.pop() as LogEntry), seal: 'one s' })
    expect(await one.log.append(epoch, lines.slice(0, 2))).toEqual({ kind: 'appended' })
    expect(await one.log.append(epoch, lines.slice(2))).toEqual({ kind: 'appended' })
    expect(await other.log.read(0, 100, 0)).toEqual({ kind: 'read', entries: lines })
    expect(await other.log.read(3, 1, 0)).toEqual({ kind: 'read', entries: [lines[3]] })
    expect(await other.log.end()).toEqual({ kind: 'end', end: endOf(lines), first: 1 })
  })

  test('a stale holder appends nothing', async () => {
    const old = await acquired(one)
    const lines = linesAfter(GENESIS, 3)
    await one.log.append(old, lines.slice(0, 1))
    await bench.pass(LEASE_MS + 50)
    const epoch = await acquired(other)
    expect(await one.log.append(old, lines.slice(1))).toEqual({ kind: 'stale', epoch })
    expect(await other.log.append(epoch, lines.slice(1, 2))).toEqual({ kind: 'appended' })
    expect(await one.log.append(old, lines.slice(1))).toEqual({ kind: 'stale', epoch })
    expect(await one.log.end()).toEqual({ kind: 'end', end: endOf(lines.slice(0, 2)), first: 1 })
  })

  test('the log does not fork, whoever holds the lease', async () => {
    const epoch = await acquired(one)
    const lines = linesAfter(GENESIS, 2)
    const others = linesAfter(endOf(lines.slice(0, 1)), 2, 'other')
    const end = endOf(lines)
    await one.log.append(epoch, lines)
    expect(await one.log.append(epoch, others)).toEqual({ kind: 'differs', end })
    expect(await one.log.append(epoch, linesAfter(endOf(others.slice(0, 1)), 1))).toEqual({
      kind: 'differs',
      end,
    })
    expect(await one.log.append(epoch, linesAfter({ ...end, sequence: 9 }, 1))).toEqual({
      kind: 'behind',
      end,
    })
    expect(await one.log.append(epoch, lines.slice(0, 1))).toEqual({ kind: 'differs', end })
  })

  test('what is appended again is there once, also where only a part of it was there', async () => {
    const epoch = await acquired(one)
    const lines = linesAfter(GENESIS, 4)
    await one.log.append(epoch, lines.slice(0, 2))
    expect(await one.log.append(epoch, lines.slice(0, 2))).toEqual({ kind: 'appended' })
    expect(await one.log.append(epoch, lines)).toEqual({ kind: 'appended' })
    expect(await other.log.read(0, 100, 0)).toEqual({ kind: 'read', entries: lines })
  })

  test.skipIf(without.lostReplies === true)(
    'an append whose reply was lost is repeated without harm',
    async () => {
      const epoch = await acquired(one)
      const lines = linesAfter(GENESIS, 2)
      bench.loseReply('one', 'append')
      expect((await one.log.append(epoch, lines)).kind).toBe('unreachable')
      await again(async () => expect(await one.log.append(epoch, lines)).toEqual({ kind: 'appended' }))
      expect(await other.log.read(0, 100, 0)).toEqual({ kind: 'read', entries: lines })
    },
  )

  test.skipIf(without.lostReplies === true)(
    'an acquisition whose reply was lost costs an epoch and nothing else',
    async () => {
      bench.loseReply('one', 'acquire')
      expect((await one.lease.acquire(0)).kind).toBe('unreachable')
      await again(async () => expect(await acquired(one)).toBe(2))
      expect((await other.lease.acquire(0)).kind).toBe('held')
    },
  )

  test('inputs are taken in order', async () => {
    await other.inbox.put('a', '1')
    await one.inbox.put('b', '2')
    const took = await one.inbox.take(INBOX_BEGIN, 100, 0)
    const entries = took.kind === 'took' ? took.entries : []
    expect(entries.map(({ sidecar, input }) => [sidecar, input])).toEqual([
      ['other', '1'],
      ['one', '2'],
    ])
    const after = entries[0]?.entry ?? ''
    expect(await one.inbox.take({ ...INBOX_BEGIN, inbox: after }, 100, 0)).toEqual({
      kind: 'took',
      entries: entries.slice(1),
    })
    // Delivered again to whoever goes on from there.
    expect(await other.inbox.take({ ...INBOX_BEGIN, inbox: after }, 100, 0)).toEqual({
      kind: 'took',
      entries: entries.slice(1),
    })
  })

  test.skipIf(without.lostReplies === true)(
    'an input that is put again is there once, also where the reply was lost',
    async () => {
      const first = await one.inbox.put('a', '1')
      expect(await one.inbox.put('a', '1')).toEqual(first)
      bench.loseReply('one', 'put')
      expect((await one.inbox.put('b', '2')).kind).toBe('unreachable')
      await again(async () => expect((await one.inbox.put('b', '2')).kind).toBe('put'))
      const took = await other.inbox.take(INBOX_BEGIN, 100, 0)
      expect(took.kind === 'took' && took.entries.map(({ input }) => input)).toEqual(['1', '2'])
    },
  )

  test('what is critical is taken before what waited longer, and once', async () => {
    await other.inbox.put('a', '1')
    await one.inbox.put('b', '2', 'critical')
    await other.inbox.put('c', '3')
    await other.inbox.put('d', '4', 'critical')
    const took = await one.inbox.take(INBOX_BEGIN, 100, 0)
    const entries = took.kind === 'took' ? took.entries : []
    expect(entries.map(({ lane, input }) => [lane, input])).toEqual([
      ['critical', '2'],
      ['critical', '4'],
      ['inbox', '1'],
      ['inbox', '3'],
    ])
    const after = { ...INBOX_BEGIN, critical: entries[0]?.entry ?? '' }
    expect(await one.inbox.take(after, 100, 0)).toEqual({ kind: 'took', entries: entries.slice(1) })
    await one.inbox.trim({ inbox: entries[2]?.entry ?? '', critical: entries[1]?.entry ?? '' })
    const rest = await one.inbox.take(
      { inbox: entries[2]?.entry ?? '', critical: entries[1]?.entry ?? '' },
      100,
      0,
    )
    expect(rest).toEqual({ kind: 'took', entries: entries.slice(3) })
  })

  test('what was taken can be forgotten', async () => {
    const put = await one.inbox.put('a', '1')
    const taken = put.kind === 'put' ? put.entry : ''
    await one.inbox.trim({ ...INBOX_BEGIN, inbox: taken })
    await one.inbox.put('b', '2')
    const took = await one.inbox.take({ ...INBOX_BEGIN, inbox: taken }, 100, 0)
    expect(took.kind === 'took' && took.entries.map(({ input }) => input)).toEqual(['2'])
  })

  test('everybody hears a halt, once, and it is known how long ago halts were surely heard', async () => {
    const written: string[] = []
    const halt = { request: 'h', text: '{"stop":1}', alwaysFits: true }
    const put = await one.halts.put(halt, (entry) => written.push(entry))
    expect(put.kind).toBe('put')
    expect(await one.halts.put(halt, () => undefined)).toEqual(put)
    const entry = put.kind === 'put' ? put.entry : ''
    expect(written).toEqual([entry])
    other.halts.notice('{"seen":2}')
    for (const each of [one, other]) {
      const heard: HaltEntry[] = []
      await again(async () => {
        heard.push(...each.halts.hear())
        expect(heard.map(({ kind, text }) => [kind, text])).toEqual([
          ['halt', halt.text],
          ['notice', '{"seen":2}'],
        ])
      })
      expect(heard[0]?.entry).toBe(entry)
      await again(async () => expect(each.halts.ageMs()).toBeLessThan(100))
    }
  })

  test('whoever waits is woken', async () => {
    const epoch = await acquired(one)
    const lines = linesAfter(GENESIS, 1)
    const read = other.log.read(0, 10, 1_000)
    const took = one.inbox.take(INBOX_BEGIN, 10, 1_000)
    await one.log.append(epoch, lines)
    await other.inbox.put('a', '1')
    expect(await read).toEqual({ kind: 'read', entries: lines })
    expect(await took).toMatchObject({ kind: 'took', entries: [{ input: '1' }] })
    const next = one.inbox.take({ ...INBOX_BEGIN, inbox: entryOf(await took) }, 10, 1_000)
    await other.inbox.put('b', '2', 'critical')
    expect(await next).toMatchObject({ kind: 'took', entries: [{ lane: 'critical', input: '2' }] })
  })

  test.skipIf(without.restarts === true)(
    'after a restart of the server only the former holder may go on, or who is told that it is lost',
    async () => {
      const epoch = await acquired(one)
      const lines = linesAfter(GENESIS, 1)
      await one.log.append(epoch, lines)
      await bench.restart()
      await again(async () => expect(await one.lease.renew(epoch)).toEqual({ kind: 'restarted' }))
      await bench.pass(LEASE_MS + 50)
      await again(async () =>
        expect(await other.lease.acquire(0)).toEqual({ kind: 'orphaned', holder: 'one' }),
      )
      await again(async () =>
        expect(await other.lease.acquire(0, 'third')).toEqual({ kind: 'orphaned', holder: 'one' }),
      )
      let next = 0
      await again(async () => (next = await acquired(one)))
      expect(next).toBeGreaterThan(epoch)
      await again(async () => expect(await one.lease.renew(next)).toEqual({ kind: 'renewed' }))
      await again(async () =>
        expect(await other.log.read(0, 10, 0)).toEqual({ kind: 'read', entries: lines }),
      )
      await bench.restart()
      await bench.pass(LEASE_MS + 50)
      await again(async () => expect(await other.lease.acquire(0, 'one')).toMatchObject({ kind: 'acquired' }))
    },
  )

  test.skipIf(without.restarts === true)(
    'after a restart of the server who had settled goes on writing, and who took the lease later does not',
    async () => {
      const lines = linesAfter(GENESIS, 4)
      const epoch = await settled(one, lines.slice(0, 1))
      await bench.restart()
      await again(async () =>
        expect(await one.log.append(epoch, lines.slice(1, 2))).toEqual({ kind: 'appended' }),
      )
      let next = 0
      await again(async () => (next = await acquired(one)))
      expect(await one.log.append(next, lines.slice(2, 3))).toEqual({ kind: 'appended' })
      await bench.restart()
      await again(async () =>
        expect(await one.log.append(next, lines.slice(3))).toEqual({ kind: 'restarted' }),
      )
    },
  )

  test.skipIf(without.restarts === true)(
    'who follows another is waited for from its first record on, and not before',
    async () => {
      const lines = linesAfter(GENESIS, 3)
      await settled(one, lines.slice(0, 1))
      await bench.pass(LEASE_MS + 50)
      const next = await acquired(other)
      expect(await other.log.append(next, lines.slice(1))).toEqual({ kind: 'appended' })
      await bench.restart()
      await bench.pass(LEASE_MS + 50)
      await again(async () =>
        expect(await one.lease.acquire(0)).toEqual({ kind: 'orphaned', holder: 'other' }),
      )
      await again(async () => expect((await other.lease.acquire(0)).kind).toBe('acquired'))
    },
  )

  test('a former home that took the lease again and went before it settled is waited for all the same', async () => {
    const epoch = await settled(one, linesAfter(GENESIS, 1))
    await bench.restart()
    await again(async () => expect(await one.lease.settle(epoch)).toEqual({ kind: 'restarted' }))
    let next = 0
    await again(async () => (next = await acquired(one)))
    await again(async () => expect(await other.lease.settle(epoch)).toEqual({ kind: 'lost', epoch: next }))
    await bench.pass(LEASE_MS + 50)
    await again(async () => expect(await other.lease.acquire(0)).toEqual({ kind: 'orphaned', holder: 'one' }))
    let last = 0
    await again(async () => (last = await acquired(one)))
    await again(async () => expect(await one.lease.settle(last)).toEqual({ kind: 'settled' }))
    await bench.pass(LEASE_MS + 50)
    await again(async () => expect(await other.lease.acquire(0)).toMatchObject({ kind: 'acquired' }))
  })

  test.each(['texts', 'payloads'] as const)('one of the %s is kept under its hash', async (kind) => {
    expect(await one[kind].text('h')).toEqual({ kind: 'text', text: undefined })
    expect(await one[kind].keep('h', kind)).toEqual({ kind: 'kept' })
    expect(await other[kind].text('h')).toEqual({ kind: 'text', text: kind })
  })

  test('once closed, nothing is reached', async () => {
    await one.close()
    expect((await one.lease.acquire(0)).kind).toBe('unreachable')
    expect((await one.log.read(0, 1, 500)).kind).toBe('unreachable')
  })
}

/** Until the connection is back: a client can lose its way once more while masters change. */
async function again(attempt: () => Promise<unknown>): Promise<void> {
  await expect.poll(async () => attempt().then(() => 'done'), { timeout: 30_000, interval: 20 }).toBe('done')
}
