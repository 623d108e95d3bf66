/** What can be written into a checkpoint, as types: a state that grows a field that cannot be written does not compile. */
import type { List, Map } from 'immutable'
import type { State } from './state.ts'

type Scalar = string | number | bigint | boolean | null | undefined

/** The parts of `T`, however deep, that `valueLines` would refuse. */
export type Unstorable<T> = T extends Scalar
  ? never
  : T extends Map<infer K, infer V>
    ? Exclude<K, string | number> | Unstorable<V>
    : T extends List<infer V>
      ? Unstorable<V>
      : T extends (...args: never) => unknown
        ? T
        : T extends readonly (infer V)[]
          ? Unstorable<V>
          : { [K in keyof T]-?: K extends string ? Unstorable<T[K]> : K }[keyof T]

/** The state with its constitution by hash. */
type Written = Omit<State, 'program'> & { readonly program: string | undefined }

/** What is written of a state; `never`, which does not compile, once a part of it cannot be. */
export type StorableState = [Unstorable<Written>] extends [never] ? Written : never
