/** A constitution as it was read: every part with its place, nothing held against another yet. */
import type { Json } from '../base/canonical-json.ts'
import type { Place } from '../base/issue.ts'
import type { YamlScalar } from '../base/yaml-source.ts'
import type { ActionType } from '../protocol/action.ts'
import type { Fact, Rule } from './model.ts'
import type { Table } from './table.ts'

/** Paths relative to the constitution's directory, with their texts. */
export type Files = ReadonlyMap<string, string>

/** A rule or fact with the places of its parts, for the checks that follow. */
export interface ReadRule extends Rule {
  readonly places: {
    readonly condition: YamlScalar
    readonly unless: YamlScalar | undefined
    readonly actions: Place
    readonly where: ReadonlyMap<string, readonly YamlScalar[]>
    readonly wherePlaces: ReadonlyMap<string, Place>
    /** Of what `grantable` says, and of the expression in it. */
    readonly grantable: Place
    readonly upTo: YamlScalar | undefined
    /** Why there can be no exceptions to the rule as it stands, though it says so. */
    readonly notGrantable: string | undefined
  }
}

export interface ReadFact extends Fact {
  readonly places: {
    readonly expression: YamlScalar | undefined
    readonly always: YamlScalar | undefined
    readonly by: readonly YamlScalar[]
  }
}

export interface Draft {
  readonly name: string
  readonly version: string
  readonly effectiveFrom: string
  readonly currency: string
  readonly facts: ReadonlyMap<string, ReadFact>
  readonly subjects: ReadonlyMap<string, readonly ActionType[]>
  readonly subjectPlaces: ReadonlyMap<string, Place>
  readonly rules: readonly ReadRule[]
  readonly tables: ReadonlyMap<string, Table>
  /** The manifest, facts and rules as plain values, for the canonical form. */
  readonly plain: { readonly manifest: Json; readonly facts: Json; readonly rules: ReadonlyMap<string, Json> }
}
