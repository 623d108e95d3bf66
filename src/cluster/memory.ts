/** A cluster in the memory of one process: for tests and simulation. Time, waiting and faults are arguments, so a run can be played again. */
import {
  HANDED_OVER_MS,
  hashOfLine,
  LEASE_MS,
  PAYLOAD_MS,
  TRIM_MAX,
  previousOfLine,
  type Acquired,
  type Appended,
  type Cluster,
  type HaltEntry,
  type Halts,
  type Inbox,
  type Lease,
  type Log,
  type LogEnd,
  type LogEntry,
  type Put,
  type ReadLog,
  type Renewed,
  type Retention,
  type Settled,
  type Trimmed,
  type Unreachable,
} from './cluster.ts'
import { MemoryInbox, placeOf } from './memory-inbox.ts'
import { textsIn, type KeptText } from './memory-texts.ts'
import { nameOfPartition, WHOLE, type Partition } from '../protocol/partition.ts'

/** Milliseconds before a halt that was not written is written again. */
const HALT_AGAIN_MS = 25

/** What becomes of one call on its way. */
export interface Fault {
  /** `lost`: not carried out. `unanswered`: carried out, and the reply is lost. `twice`: carried out twice, as a repeated call is. */
  readonly kind: 'none' | 'lost' | 'unanswered' | 'twice'
  /** How long it takes to get there, in milliseconds: a later call may come first. */
  readonly delayMs: number
}

export interface MemoryOptions {
  /** Milliseconds of the store's own clock. */
  readonly now: () => number
  readonly sleep: (ms: number) => Promise<void>
  /** What happens to each call. A seeded one makes a run that can be played again. */
  readonly fault?: (call: string, name: string) => Fault
  /** Which partition's store it is, and the store of the first where it is another; else that of the only one. */
  readonly place?: Partition
  readonly first?: MemoryStore
}

const NOBODY = {}
const NO_FAULT: Fault = { kind: 'none', delayMs: 0 }
const EMPTY: LogEnd = { sequence: 0, hash: '0'.repeat(64) }

/** Who holds the lease; `process` tells apart two of one name, and is `NOBODY` while it waits for whom it was handed over to. */
interface Held {
  readonly holder: string
  readonly epoch: number
  readonly until: number
  readonly run: number
  readonly process: object
  /** The last that settled, and under which run: `''` where none did, or it gave up the lease. */
  readonly witness: string
  readonly proved: number
}

/** What all sidecars of a memory cluster share. */
export class MemoryStore {
  readonly #options: MemoryOptions
  #lease: Held = {
    holder: '',
    epoch: 0,
    until: 0,
    run: 0,
    process: {},
    witness: '',
    proved: 0,
  }
  #run = 1
  #log: { readonly epoch: number; readonly entry: LogEntry }[] = []
  #halts: { readonly request: string; readonly entry: HaltEntry }[] = []
  #last = 0
  readonly #inbox = new MemoryInbox(() => (this.#last += 1))
  readonly #texts = new Map<string, KeptText>()
  readonly #payloads = new Map<string, KeptText>()
  readonly #reports = new Map<string, { readonly sequence: number; readonly at: number }>()
  readonly #archives = new Map<string, { given: number; readonly unconfirmed: Set<number> }>()
  #wakers = new Set<() => void>()
  readonly #listeners = new Set<() => void>()

  constructor(options: MemoryOptions) {
    this.#options = options
  }

  /** A sidecar's way to it. */
  connect(name: string): Cluster {
    let isClosed = false
    const process = {}
    const call = async <T>(what: string, carryOut: () => T): Promise<T | Unreachable> => {
      const { kind, delayMs } = this.#options.fault?.(what, name) ?? NO_FAULT
      if (delayMs > 0) await this.#options.sleep(delayMs)
      if (isClosed) return { kind: 'unreachable', detail: 'closed' }
      if (kind === 'lost') return { kind: 'unreachable', detail: 'the call was lost' }
      const result = carryOut()
      if (kind === 'unanswered') return { kind: 'unreachable', detail: 'the reply was lost' }
      return kind === 'twice' ? carryOut() : result
    }
    const waiting = async <T extends { entries: readonly unknown[] }>(
      what: string,
      waitMs: number,
      look: () => T,
    ): Promise<T | Unreachable> => {
      const end = this.#options.now() + waitMs
      for (;;) {
        // Before it looks: what comes between the look and its answer would wake nobody.
        const woken = this.#woken()
        const found = await call(what, look)
        const left = end - this.#options.now()
        if ('kind' in found && found.kind === 'unreachable') return found
        if ((found as T).entries.length > 0 || left <= 0) return found
        await Promise.race([woken, this.#options.sleep(left)])
      }
    }
    const lease: Lease = {
      acquire: (floor, accepted) => call('acquire', () => this.#acquire({ name, process }, floor, accepted)),
      renew: (epoch) => call('renew', () => this.#renew(epoch)),
      settle: (epoch) => call('settle', () => this.#settle(epoch)),
      release: async (epoch, successor) => {
        await call('release', () => this.#release(epoch, successor))
      },
    }
    const log: Log = {
      append: (epoch, entries) => call('append', () => this.#append(epoch, entries)),
      end: () =>
        call('end', () => ({ kind: 'end', end: this.#end(), first: this.#log[0]?.entry.sequence ?? 0 })),
      read: (sequence, max, waitMs) => waiting('read', waitMs, () => this.#read(sequence, max)),
    }
    const inbox: Inbox = {
      put: (request, text, lane = 'inbox', seal) =>
        call('put', () => {
          const [input = ''] = seal?.([text]) ?? [text]
          const put = this.#inbox.put(lane, request, { sidecar: name, input })
          this.#wake()
          return put
        }),
      take: (after, max, waitMs) => waiting('take', waitMs, () => this.#inbox.take(after, max)),
      trim: async (taken) => {
        this.#inbox.trim(taken)
      },
    }
    const halts = this.#haltsOf(name, () => isClosed, call)
    const texts = textsIn(this.#texts, { call, now: this.#options.now })
    const payloads = textsIn(this.#payloads, { call, now: this.#options.now, keptMs: PAYLOAD_MS })
    const retention: Retention = {
      report: async (who, sequence) => {
        await call('report', () => this.#reports.set(who, { sequence, at: this.#options.now() }))
      },
      heard: (ms) =>
        call('heard', () => ({
          kind: 'heard',
          reports: [...this.#reports]
            .filter(([who, { at }]) => !who.includes(' ') && this.#options.now() - at <= ms)
            .map(([who, { sequence }]) => ({ name: who, sequence })),
        })),
      attach: (archive, after) =>
        call('attach', () => {
          if (!this.#archives.has(archive))
            this.#archives.set(archive, { given: after, unconfirmed: new Set() })
          return { kind: 'attached' }
        }),
      drain: (archive, which, max, waitMs) =>
        waiting('drain', which === 'others' ? waitMs : 0, () => this.#drain(archive, which, max)),
      confirm: async (archive, sequences) => {
        await call('confirm', () => {
          for (const sequence of sequences) this.#archives.get(archive)?.unconfirmed.delete(sequence)
        })
      },
      trim: (archived, heardMs) => call('trim', () => this.#trim(archived, heardMs)),
    }
    const { place = WHOLE } = this.#options
    const first = this.#options.first?.connect(name)
    const close = async (): Promise<void> => {
      isClosed = true
      this.#wake()
      await first?.close()
    }
    const partition = nameOfPartition(place.number)
    return { name, partition, place, first, lease, log, inbox, halts, texts, payloads, retention, close }
  }

  #haltsOf(
    name: string,
    isClosed: () => boolean,
    call: <T>(what: string, carryOut: () => T) => Promise<T | Unreachable>,
  ): Halts {
    const { now, sleep, fault } = this.#options
    let heard = '0-0'
    let heardAt = now()
    const isCutOff = (): boolean =>
      isClosed() || ['lost', 'unanswered'].includes(fault?.('hear', name).kind ?? 'none')
    return {
      hear: () => {
        if (isCutOff()) return []
        heardAt = now()
        const entries = this.#halts.map(({ entry }) => entry).filter(isBehind(heard))
        heard = entries.at(-1)?.entry ?? heard
        return entries
      },
      ageMs: () => {
        if (!isCutOff()) heardAt = now()
        return now() - heardAt
      },
      put: async ({ request, text }, written) => {
        const write = (): Put => ({ kind: 'put', entry: this.#putHalt(request, 'halt', text) })
        const put = await call('halt', write)
        if (put.kind === 'put') written(put.entry)
        else {
          void (async () => {
            for (;;) {
              await sleep(HALT_AGAIN_MS)
              if (isClosed()) return
              const again = await call('halt', write)
              if (again.kind === 'put') return written(again.entry)
            }
          })()
        }
        return put
      },
      notice: (text) => void call('notice', () => this.#putHalt(`notice ${this.#last}`, 'notice', text)),
      listen: (listener) => this.#listeners.add(() => isClosed() || isCutOff() || listener()),
      knows: () => {},
      trim: async () => {},
    }
  }

  /** What a restart of the server, or another master in its place, does: the last `records` of the log are lost. */
  restart(records = 0): void {
    this.#run += 1
    this.#log = this.#log.slice(0, this.#log.length - records)
  }

  #acquire(
    { name, process }: { readonly name: string; readonly process: object },
    floor: number,
    accepted: string | undefined,
  ): Acquired {
    const { holder, epoch, until, witness, proved } = this.#lease
    const leftMs = until - this.#options.now()
    const isMeant = this.#lease.process === NOBODY && holder === name
    if (holder !== '' && this.#lease.process !== process && !isMeant && leftMs > 0)
      return { kind: 'held', holder, leftMs }
    if (witness !== '' && witness !== name && proved !== this.#run && accepted !== witness)
      return { kind: 'orphaned', holder: witness }
    const next = Math.max(epoch, floor, this.#log.at(-1)?.epoch ?? 0) + 1
    this.#lease = {
      witness: witness === '' ? name : witness,
      proved: witness === '' ? this.#run : proved,
      holder: name,
      epoch: next,
      until: this.#options.now() + LEASE_MS,
      run: this.#run,
      process,
    }
    return { kind: 'acquired', epoch: next, end: this.#end() }
  }

  #renew(epoch: number): Renewed {
    if (this.#lease.epoch !== epoch) return { kind: 'lost', epoch: this.#lease.epoch }
    if (this.#lease.run !== this.#run) return { kind: 'restarted' }
    this.#lease = { ...this.#lease, until: this.#options.now() + LEASE_MS }
    return { kind: 'renewed' }
  }

  #settle(epoch: number): Settled {
    const { holder, run } = this.#lease
    if (this.#lease.epoch !== epoch) return { kind: 'lost', epoch: this.#lease.epoch }
    if (run !== this.#run) return { kind: 'restarted' }
    this.#lease = { ...this.#lease, witness: holder, proved: run }
    return { kind: 'settled' }
  }

  #release(epoch: number, successor = ''): void {
    if (this.#lease.epoch !== epoch) return
    const until = successor === '' ? 0 : this.#options.now() + HANDED_OVER_MS
    this.#lease = { ...this.#lease, holder: successor, until, witness: '', process: NOBODY }
  }

  #append(epoch: number, entries: readonly LogEntry[]): Appended {
    const { holder, run, witness, proved } = this.#lease
    if (this.#lease.epoch !== epoch) return { kind: 'stale', epoch: this.#lease.epoch }
    const isSettled = holder === witness && run === proved
    if (!isSettled && run !== this.#run) return { kind: 'restarted' }
    const end = this.#end()
    const first = entries[0]
    if (first === undefined) return { kind: 'appended' }
    if (end.sequence < first.sequence - 1) return { kind: 'behind', end }
    const known = entries.find(({ sequence }) => sequence === end.sequence)
    const follows = known === undefined ? previousOfLine(first.line) : hashOfLine(known.line)
    const isNext = known !== undefined || end.sequence === first.sequence - 1
    if (!isNext || follows !== end.hash) return { kind: 'differs', end }
    const rest = entries.filter(({ sequence }) => sequence > end.sequence)
    this.#log.push(...rest.map((entry) => ({ epoch, entry })))
    this.#wake()
    // Who followed another in the same run has all that is in the log, so from its first record on it is the one to wait for.
    if (!isSettled && proved === this.#run) this.#lease = { ...this.#lease, witness: holder }
    return { kind: 'appended' }
  }

  #end(): LogEnd {
    const last = this.#log.at(-1)?.entry
    return last === undefined ? EMPTY : { sequence: last.sequence, hash: hashOfLine(last.line) }
  }

  #read(sequence: number, max: number): ReadLog {
    // Sequences have no gaps, and begin at 1 or with what was not cut off.
    const from = Math.max(0, sequence + 1 - (this.#log[0]?.entry.sequence ?? 1))
    const found = this.#log.slice(from, from + max)
    return { kind: 'read', entries: found.map(({ entry }) => entry) }
  }

  #drain(archive: string, which: 'unconfirmed' | 'others', max: number): ReadLog {
    const known = this.#archives.get(archive)
    if (known === undefined) return { kind: 'read', entries: [] }
    const { given, unconfirmed } = known
    const entries = this.#log
      .map(({ entry }) => entry)
      .filter(({ sequence }) => (which === 'others' ? sequence > given : unconfirmed.has(sequence)))
      .slice(0, max)
    for (const { sequence } of entries) unconfirmed.add(sequence)
    known.given = Math.max(given, entries.at(-1)?.sequence ?? 0)
    return { kind: 'read', entries }
  }

  #trim(archived: number, heardMs: number): Trimmed {
    let floor = archived
    let keptFor = ''
    for (const [name, { sequence, at }] of this.#reports) {
      if (this.#options.now() - at > heardMs) this.#reports.delete(name)
      else if (sequence < floor) [floor, keptFor] = [sequence, name]
    }
    const first = this.#log[0]?.entry.sequence ?? 0
    if (this.#reports.size > 0) {
      const upTo = Math.min(floor, this.#end().sequence - 1, first + TRIM_MAX - 1)
      this.#log = this.#log.filter(({ entry }) => entry.sequence > upTo)
    }
    return { kind: 'trimmed', first: this.#log[0]?.entry.sequence ?? 0, keptFor }
  }

  #putHalt(request: string, kind: HaltEntry['kind'], text: string): string {
    const known = this.#halts.find((other) => other.request === request)
    if (known !== undefined) return known.entry.entry
    this.#last += 1
    const entry = `${this.#last}-0`
    this.#halts.push({ request, entry: { entry, kind, text } })
    for (const listener of this.#listeners) listener()
    return entry
  }

  #woken(): Promise<void> {
    return new Promise((wake) => {
      this.#wakers.add(wake)
    })
  }

  #wake(): void {
    const wakers = this.#wakers
    this.#wakers = new Set()
    for (const wake of wakers) wake()
  }
}

const isBehind =
  (after: string) =>
  ({ entry }: { readonly entry: string }): boolean =>
    placeOf(entry) > placeOf(after)
