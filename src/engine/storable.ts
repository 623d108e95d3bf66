/** What can be written into a checkpoint, as types: a state that grows a field that cannot be written does not compile. */
import type { List, Map } from 'immutable'
import type { IdMap } from '../base/id-map.ts'
import type { Queue } from '../base/queue.ts'
import type { State } from './state.ts'

type Scalar = string | number | bigint | boolean | null | undefined

/** Levels that are looked into: types that hold themselves end there, and all others before. */
type Deepest = 16

/** The parts of `T` that `valueLines` would refuse. */
export type Unstorable<T, Depth extends readonly 0[] = []> = Depth['length'] extends Deepest
  ? never
  : T extends Scalar
    ? never
    : T extends Map<infer K, infer V> | ReadonlyMap<infer K, infer V>
      ? Exclude<K, string | number> | Unstorable<V, [0, ...Depth]>
      : T extends List<infer V> | Queue<infer V> | IdMap<infer V>
        ? Unstorable<V, [0, ...Depth]>
        : T extends (...args: never) => unknown
          ? T
          : T extends readonly (infer V)[]
            ? Unstorable<V, [0, ...Depth]>
            : { [K in keyof T]-?: K extends string ? Unstorable<T[K], [0, ...Depth]> : K }[keyof T]

/** The state with its constitution by hash. */
type Written = Omit<State, 'program'> & { readonly program: string | undefined }

/** What is written of a state; `never`, which does not compile, once a part of it cannot be. */
export type StorableState = [Unstorable<Written>] extends [never] ? Written : never
