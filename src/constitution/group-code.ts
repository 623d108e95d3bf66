/** The code that groups of rules run as: one function for all groups of one shape, told apart by its parts. */
import { isMultiple } from '../base/exact.ts'
import type { Facts, Truth } from './facts.ts'

/** Numbers kept of each rule's finding: `comparison * 4 + outcome`, observed, limit; NaN for what there is not or is not known. */
export const COLUMNS = 3

/**
 * Evaluates a group of rules: writes each rule's truth to `r` at its place in the group, and answers the greatest. Findings of rules that are one comparison go
 * into the columns `D` from `d`.
 */
export type GroupCode = (
  f: Facts,
  n: number[],
  s: (string | undefined)[],
  b: number[],
  g: number[],
  k: Scratch,
  p: Parts,
  w: Truth,
  D: number[],
  d: number,
) => Truth

/** What tells two groups of the same shape apart. */
export interface Parts {
  /** Literals. */
  readonly c: Float64Array
  /** First comparisons, by place. */
  readonly K: Int32Array
}

export interface Built {
  readonly code: GroupCode
  readonly parts: Parts
}

export interface Scratch {
  /** Truth of each rule of the group that was evaluated last, by place. */
  readonly r: Uint8Array
  /** Truth, left side and right side by comparison. */
  readonly T: Uint8Array
  readonly L: Float64Array
  readonly R: Float64Array
  /** Where in the columns a side is no number that can be written down. */
  readonly odd: number[]
}

/** It is its own parts: ten thousand rules are cold, and each step on the way to their figures is felt. */
export interface Group extends Parts {
  /** Indexes into the constitution's rules. */
  readonly rules: readonly number[]
  /** Places of the rules whose findings the code does not write. */
  readonly composite: readonly number[]
  readonly traced: GroupCode
  /** For the verdict alone: keeps nothing of the comparisons. */
  readonly lean: GroupCode
}

/**
 * Makes code out of what was emitted. Groups of one shape share one function: it is hot sooner, and ten thousand rules need no more
 * code than a few hundred.
 */
export function codeMaker(
  exactly: (index: number, at: Facts) => Truth,
): (bodies: readonly string[]) => GroupCode {
  const codeOf = new Map<string, GroupCode>()
  return (bodies) => {
    const body = `return function(f,n,s,b,g,k,p,w,D,d){const r=k.r,T=k.T,L=k.L,R=k.R,c=p.c,K=p.K;let top=0,x,y;${bodies.join('\n')}\nreturn top;}`
    const known = codeOf.get(body)
    // The one place that makes code: from checked trees, with every name a slot and every text quoted.
    // oxlint-disable-next-line typescript/no-implied-eval
    const code = known ?? (new Function('X', 'M', body)(exactly, isMultiple) as GroupCode)
    if (known === undefined) codeOf.set(body, code)
    return code
  }
}

/** The same code for the verdict alone: what is kept of comparisons, and where, stands on lines of its own. */
export function withoutTrace(body: string): string {
  return body.replaceAll(/^(?:T\[o\+|D\[d\+|const o=).*$/gm, '')
}
