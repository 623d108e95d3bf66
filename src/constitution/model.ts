/** What a constitution is once it has been read and checked. */
import type { Place } from '../base/issue.ts'
import type { ActionType, HaltScope } from '../protocol/action.ts'
import { factsIn, type Expression } from './expression.ts'
import type { Table } from './table.ts'
import type { FactType } from './units.ts'

export type Source = 'action' | 'ledger' | 'market' | 'clock'
/** What windows count, add up or follow. */
export const WINDOW_STREAMS = {
  count: ['messages', 'orders', 'cancels', 'fills'],
  sum: ['bar.volume', 'fill.quantity', 'transfer.value'],
  move: ['market.reference'],
} as const
export type WindowFunction = keyof typeof WINDOW_STREAMS

/** Where a fact comes from: exactly one place. */
export type Origin =
  | {
      readonly kind: 'measured'
      readonly source: Source
      /** The table of sessions whose trading day it opens with, by account. */
      readonly calendar?: string
    }
  | { readonly kind: 'table'; readonly table: string; readonly column: string | undefined }
  | { readonly kind: 'session'; readonly table: string }
  | {
      readonly kind: 'window'
      readonly function: WindowFunction
      readonly of: string
      readonly by: readonly string[]
      /** Milliseconds up to now, or the day since its midnight. */
      readonly window: number | 'day'
      /** Whose midnight begins the day; UTC where none is named, and `undefined` for a window in milliseconds. */
      readonly zone: string | undefined
      /** The table of sessions whose trading day it is, instead of a date of `zone`. */
      readonly calendar: string | undefined
      /** Whether actions that were denied count too. */
      readonly denied: boolean
    }
  | { readonly kind: 'derived'; readonly expression: Expression }

export interface Fact {
  readonly name: string
  readonly type: FactType
  readonly origin: Origin
  /** Milliseconds; a reading older than this is unknown. `undefined` when any age will do. */
  readonly maxAge: number | undefined
  /** `true`: never missing. A condition: there exactly when it holds. `undefined`: may be missing. */
  readonly always: true | Expression | undefined
  readonly place: Place
}

export const EFFECTS = ['forbid', 'escalate', 'warn'] as const
export type Effect = (typeof EFFECTS)[number]

/** A trading state that a breach puts in force. */
export interface Raise {
  readonly state: 'reducing' | 'halted'
  readonly scope: HaltScope['kind']
}

/** How far an exception to a rule may go. It puts a wider limit in the place of the rule's own; it never takes the limit away. */
export interface Grantable {
  /** The rule's one comparison forbids `observed operator limit`. */
  readonly operator: '>' | '>='
  readonly observed: Expression
  readonly limit: Expression
  /** The widest that may stand in the limit's place. */
  readonly upTo: Expression
  /** Milliseconds from the proposal of a grant to its end, at most. */
  readonly within: number
  /** How many actions one grant may let through, at most. */
  readonly uses: number
}

export interface Rule {
  readonly id: string
  /** `ORDER_VALUE_CAP` for the id `order-value-cap`. */
  readonly code: string
  readonly title: string
  readonly why: string | undefined
  readonly cites: readonly string[]
  readonly checks: readonly string[]
  readonly actions: readonly ActionType[]
  /** Enum or text facts that must have one of the listed values for the rule to apply. */
  readonly where: readonly { readonly fact: string; readonly values: readonly string[] }[]
  readonly effect: Effect
  /** The policy whose quorum decides; for `escalate` only. */
  readonly to: string | undefined
  readonly condition: Expression
  readonly unless: Expression | undefined
  /** A shadow rule is judged and recorded and changes no verdict. */
  readonly mode: 'enforce' | 'shadow'
  readonly raise: Raise | undefined
  /** `undefined`: nobody can be exempted. */
  readonly grantable: Grantable | undefined
  readonly place: Place
}

export interface Constitution {
  readonly name: string
  readonly version: string
  readonly effectiveFrom: string
  /** Of `money`. */
  readonly currency: string
  /** SHA-256 of `text`. */
  readonly hash: string
  /** Canonical JSON of everything that judges: what a hash stands for. */
  readonly text: string
  readonly facts: ReadonlyMap<string, Fact>
  /** Which actions a subject (`order` in `order.value`) can be read for; a subject not listed, for all. */
  readonly subjects: ReadonlyMap<string, readonly ActionType[]>
  /** Sorted by id. */
  readonly rules: readonly Rule[]
  readonly tables: ReadonlyMap<string, Table>
}

/** The part of a fact's name before the dot. */
export function subjectOf(name: string): string {
  return name.slice(0, name.indexOf('.'))
}

/** The facts that `fact` is made from. */
export function inputsOf(fact: Pick<Fact, 'origin'>, tables: ReadonlyMap<string, Table>): Iterable<string> {
  switch (fact.origin.kind) {
    case 'derived':
      return factsIn(fact.origin.expression)
    case 'table':
    case 'session':
      return tables.get(fact.origin.table)?.keys ?? []
    default:
      return []
  }
}

/** Windows over what the sidecar itself handles are never missing for want of data: it counts them. What has no calendar has no trading day. */
export function countsItself(origin: Origin): boolean {
  if (origin.kind !== 'window' || origin.calendar !== undefined) return false
  return origin.function === 'count' || origin.of === 'fill.quantity'
}

/** One measurement of a fact; a fact that could not be measured has none. */
export interface Reading {
  /** Durations are in milliseconds. */
  readonly value: number | string | boolean
  /** When it was true, in milliseconds since 1970; `undefined` for what has no age, such as the action's own fields. */
  readonly at: number | undefined
  /** Who said so: `action`, `clock`, `nyse`, `portfolio`. */
  readonly source: string
}

/** Measures a fact by name. */
export type Read = (fact: string) => Reading | undefined
