/** What sidecars share of one partition: its lease, its log, its inbox, and the texts of constitutions. Refusals that are to be expected are results. */

import type { Partition } from '../protocol/partition.ts'

/** Nothing is known of what came of it: Redis cannot be reached, refuses its commands, or did not answer in time. */
export interface Unreachable {
  readonly kind: 'unreachable'
  readonly detail: string
}

/** Milliseconds before what could not be reached is tried again. */
export const RETRY_MS = 25

/** Milliseconds that a lease lives unless it is renewed. */
export const LEASE_MS = 400
/** Milliseconds that a lease which was handed over waits for whom it is meant: they look ten times a second. */
export const HANDED_OVER_MS = 300
/** Records that are cut off a log at once at most. */
export const TRIM_MAX = 10_000
/** The end of a log: 0 and 64 zeros where it is empty. */
export interface LogEnd {
  readonly sequence: number
  /** Of its last record. */
  readonly hash: string
}

/** A record of the log: the journal's line without its newline, under the record's sequence. */
export interface LogEntry {
  readonly sequence: number
  readonly line: string
  /** Its home's signature for the chain up to here; the last of what is appended at once has one. */
  readonly seal?: string | undefined
}

export type Acquired =
  | { readonly kind: 'acquired'; readonly epoch: number; readonly end: LogEnd }
  /** Another holds it, for `leftMs` more unless it is renewed. */
  | { readonly kind: 'held'; readonly holder: string; readonly leftMs: number }
  /** Redis came back since `holder` settled, so records may be missing that only its journal has. */
  | { readonly kind: 'orphaned'; readonly holder: string }

export type Renewed =
  | { readonly kind: 'renewed' }
  /** Another took it, under this epoch. */
  | { readonly kind: 'lost'; readonly epoch: number }
  /** Redis came back since it was taken: acquire it again. */
  | { readonly kind: 'restarted' }

export type Settled =
  | { readonly kind: 'settled' }
  /** Another took it, under this epoch. */
  | { readonly kind: 'lost'; readonly epoch: number }
  /** Redis came back since it was taken: what was appended may be missing again. */
  | { readonly kind: 'restarted' }

/** Who is home. An epoch is used by one holder once. */
export interface Lease {
  /**
   * Takes the lease where it is free, or its holder's already. The epoch is higher than `floor`, than any before, and than any in the log. `accepted` names a former
   * holder whose journal is lost by an operator's word.
   */
  acquire(floor: number, accepted?: string): Promise<Acquired | Unreachable>
  renew(epoch: number): Promise<Renewed | Unreachable>
  /**
   * Says that the log has all that any home released: from now on it is this holder's journal that another has to wait for after a restart of Redis. Until
   * then it is that of the home before, whoever holds the lease.
   */
  settle(epoch: number): Promise<Settled | Unreachable>
  /** Gives it up at once, for `successor` alone during `HANDED_OVER_MS` where one is named; does nothing to a lease of another epoch. */
  release(epoch: number, successor?: string): Promise<void>
}

export type Appended =
  | { readonly kind: 'appended' }
  /** The lease has another epoch: nothing was appended. */
  | { readonly kind: 'stale'; readonly epoch: number }
  /** Redis came back since the lease was acquired, and it was not settled: nothing was appended. */
  | { readonly kind: 'restarted' }
  /** Records before these are missing: append from behind `end`. */
  | { readonly kind: 'behind'; readonly end: LogEnd }
  /** The log does not go on from what these follow. */
  | { readonly kind: 'differs'; readonly end: LogEnd }

/** All that a partition's homes recorded, in one chain. */
export interface Log {
  /** Appends records that follow each other; many of them in several steps. Those that are there already are left as they are. */
  append(epoch: number, entries: readonly LogEntry[]): Promise<Appended | Unreachable>
  end(): Promise<LogSpan | Unreachable>
  /** At most `max` records after `sequence`; waits up to `waitMs` for the first. */
  read(sequence: number, max: number, waitMs: number): Promise<ReadLog | Unreachable>
}

/** What a log holds: the records from `first` to its end. */
export interface LogSpan {
  readonly kind: 'end'
  readonly end: LogEnd
  /** 1 unless what was before is cut off; 0 where it is empty. */
  readonly first: number
}

export interface ReadLog {
  readonly kind: 'read'
  readonly entries: readonly LogEntry[]
}

/** Where inputs wait for the home, in the order in which they are taken: what is `critical` before all that waits in the other. */
export const INBOX_LANES = ['critical', 'inbox'] as const
export type InboxLane = (typeof INBOX_LANES)[number]

/** The last entry taken of each. */
export type InboxPlaces = Readonly<Record<InboxLane, string>>

/** More inputs than this do not wait in one lane. */
export const INBOX_WAITING_MAX = 10_000

/** Before anything was taken. */
export const INBOX_BEGIN: InboxPlaces = { critical: '0-0', inbox: '0-0' }

/** An input that waits for the home. */
export interface InboxEntry {
  readonly lane: InboxLane
  /** Its place: larger than those of all entries before it in its lane. */
  readonly entry: string
  /** The sidecar that put it there. */
  readonly sidecar: string
  /** JSON. */
  readonly input: string
  /** Which message it is, wherever it lies. */
  readonly message?: string
  /** The trace that its caller named, for who tells of it; nothing is decided by it. */
  readonly traceparent?: string
  /** Why it is not to be handled, where it is not. `HOME_LOST` where its sender may ask again. */
  readonly refusal?: { readonly code: 'BODY_INVALID' | 'HOME_LOST'; readonly detail: string }
}

export type Put =
  { readonly kind: 'put'; readonly entry: string } | { readonly kind: 'full'; readonly waiting: number }

/** Seals inputs that go together, each for itself. */
export type SealEach = (inputs: readonly string[]) => readonly string[]

/** Inputs of other sidecars' callers. */
export interface Inbox {
  /** Puts an input there, once for each `request`, an id that the sender makes; sealed by `seal`, where one is given, with those that it goes with. */
  put(request: string, input: string, lane?: InboxLane, seal?: SealEach): Promise<Put | Unreachable>
  /**
   * At most `max` entries of each lane after those named, what is critical first; waits up to `waitMs` for the first. Both are read at one moment: what was put
   * after something critical is never there without it.
   */
  take(after: InboxPlaces, max: number, waitMs: number): Promise<Took | Unreachable>
  /** Forgets what was taken. */
  trim(taken: InboxPlaces): Promise<void>
}

export interface Took {
  readonly kind: 'took'
  readonly entries: readonly InboxEntry[]
}

/** How a log was cut off at its beginning. */
export interface Trimmed {
  readonly kind: 'trimmed'
  /** The first record that is left; 0 where there is none. */
  readonly first: number
  /** Whose need kept records that are archived; empty where nobody's did. */
  readonly keptFor: string
}

/** Sidecars, with how far each has the log on its disk. */
export interface Heard {
  readonly kind: 'heard'
  readonly reports: readonly { readonly name: string; readonly sequence: number }[]
}

/** What keeps a log from growing for ever: archives drain it, and what nobody needs any more is cut off its beginning. */
export interface Retention {
  /** Says that `name` has the log up to `sequence` on its disk. */
  report(name: string, sequence: number): Promise<void>
  /** Who said so lately, within `ms`: the sidecars that follow this log or are its home. */
  heard(ms: number): Promise<Heard | Unreachable>
  /** Makes known that an archive drains the log, from behind `after` where it is not known yet. */
  attach(archive: string, after: number): Promise<{ readonly kind: 'attached' } | Unreachable>
  /** At most `max` records for an archive, in order: those it got before and did not confirm, or others. Waits up to `waitMs` for the first of others. */
  drain(
    archive: string,
    which: 'unconfirmed' | 'others',
    max: number,
    waitMs: number,
  ): Promise<ReadLog | Unreachable>
  /** The archive has these on its disk. */
  confirm(archive: string, sequences: readonly number[]): Promise<void>
  /**
   * Cuts off records up to `archived` that nobody needs who reported within `heardMs`; a bounded number at once, nothing where nobody did, and never the
   * last one. Who did not report for longer is forgotten.
   */
  trim(archived: number, heardMs: number): Promise<Trimmed | Unreachable>
}

/** What the emergency lane carries. */
export interface HaltEntry {
  /** Its place: larger than those of all entries before it. */
  readonly entry: string
  /** An operator's halt, for every home to take; or what a home put in force itself, which its log tells as well. */
  readonly kind: 'halt' | 'notice'
  /** JSON; empty where somebody else's entry holds nothing of ours. */
  readonly text: string
}

/** The emergency lane: one for all partitions, apart from all queues. It is heard whatever keeps this sidecar's event loop. */
export interface Halts {
  /** What was heard since the last call, in order. Never waits. */
  hear(): readonly HaltEntry[]
  /** Milliseconds since when all halts are surely heard; infinite before the first time. */
  ageMs(): number
  /**
   * Writes a halt, once for each `request`, and goes on trying when this answers `unreachable`. `alwaysFits` where no bound may keep it out. `written` is told
   * the place, however late.
   */
  put(
    halt: { readonly request: string; readonly text: string; readonly alwaysFits: boolean },
    written: (entry: string) => void,
  ): Promise<Put | Unreachable>
  /** Tells the others what this home put in force. It may be lost: the log has it too. */
  notice(text: string): void
  /** Calls `listener` soon after something was heard. */
  listen(listener: () => void): void
  /** Says which entry is in a journal here: what is written comes after it, also where the server lost it and its clock is behind. */
  knows(taken: string): void
  /** Forgets what every home took long ago. */
  trim(taken: string): Promise<void>
}

/** Constitutions by the hash of their text. Whoever reads one checks the hash. */
export interface Texts {
  keep(hash: string, text: string): Promise<{ readonly kind: 'kept' } | Unreachable>
  text(hash: string): Promise<{ readonly kind: 'text'; readonly text: string | undefined } | Unreachable>
}

/** Characters of an input from which on it lies by its hash, and the inbox has only that. */
export const PAYLOAD_MIN = 65_536
/** Milliseconds that it lies there: longer than anybody waits for an answer to it. */
export const PAYLOAD_MS = 60_000

/** A guard as it stands. */
export interface GuardView {
  readonly name: string
  readonly state: 'closed' | 'half-open' | 'open'
  /** How often it opened. */
  readonly opened: number
  /** Calls that it refused: by the breaker, or because too many were waiting. */
  readonly refused: number
  readonly running: number
  readonly waiting: number
}

/** What another partition reads of the first. */
export interface First {
  readonly partition: string
  readonly log: Pick<Log, 'read' | 'end'>
  readonly retention: Pick<Retention, 'report'>
}

/** One sidecar's way to a partition. Every wait ends. */
export interface Cluster {
  /** What this sidecar is called. */
  readonly name: string
  /** What the partition is called. */
  readonly partition: string
  /** Which of them it is. */
  readonly place: Partition
  /** Where there are several and this is another: the first of them, which it follows. */
  readonly first?: First | undefined
  readonly lease: Lease
  readonly log: Log
  readonly inbox: Inbox
  readonly halts: Halts
  readonly texts: Texts
  /** Large inputs by the hash of their text, for so long as somebody may take them. Whoever reads one checks the hash. */
  readonly payloads: Texts
  readonly retention: Retention
  /** What keeps a store that does not answer from holding up everybody; none where nothing is guarded. */
  readonly guards?: readonly { readonly view: GuardView }[]
  /** Ends waiting reads; further calls are `unreachable`. */
  close(): Promise<void>
}

/** One step carries so many records, and characters of them, at most: others wait while it runs. */
export const PORTION_RECORDS_MAX = 512
const PORTION_CHARACTERS_MAX = 1_000_000

/** What is appended in one step each. */
export function* portionsOf(entries: readonly LogEntry[]): Generator<readonly LogEntry[]> {
  let portion: LogEntry[] = []
  let characters = 0
  for (const entry of entries) {
    const isFull =
      portion.length >= PORTION_RECORDS_MAX || characters + entry.line.length > PORTION_CHARACTERS_MAX
    if (isFull && portion.length > 0) {
      yield portion
      portion = []
      characters = 0
    }
    portion.push(entry)
    characters += entry.line.length
  }
  if (portion.length > 0) yield portion
}

/** The hash that a line of the journal states for itself. */
export function hashOfLine(line: string): string {
  return line.slice(9, 73)
}

/** The hash that a line of the journal states of the record before. */
export function previousOfLine(line: string): string {
  return line.slice(87, 151)
}
