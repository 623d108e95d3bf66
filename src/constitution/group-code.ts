/** The code that groups of rules run as: one function for all groups of one shape, told apart by its parts. */
import { isMultiple } from '../base/exact.ts'
import type { Facts, Truth } from './facts.ts'

/** Numbers kept of each rule's finding: `comparison * 4 + outcome`, observed, limit; NaN for what there is not or is not known. */
export const COLUMNS = 3

/**
 * Evaluates a group of rules: writes each rule's truth to `r`, and answers the greatest. Findings of rules that are one comparison go
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
  /** Rules, by place. */
  readonly q: Int32Array
  /** First comparisons, by place. */
  readonly K: Int32Array
}

export interface Built {
  readonly code: GroupCode
  readonly parts: Parts
}

export interface Scratch {
  /** Truth by rule. */
  readonly r: Uint8Array
  /** Truth, left side and right side by comparison. */
  readonly T: Uint8Array
  readonly L: Float64Array
  readonly R: Float64Array
  /** Where in the columns a side is no number that can be written down. */
  readonly odd: number[]
}

export interface Group {
  /** Indexes into the constitution's rules. */
  readonly rules: readonly number[]
  /** Places of the rules whose findings the code does not write. */
  readonly composite: readonly number[]
  readonly traced: GroupCode
  /** For the verdict alone: keeps nothing of the comparisons. */
  readonly lean: GroupCode
  readonly parts: Parts
}

/**
 * Makes code out of what was emitted. Groups of one shape share one function: it is hot sooner, and ten thousand rules need no more
 * code than a few hundred.
 */
export function codeMaker(
  exactly: (index: number, at: Facts) => Truth,
): (bodies: readonly string[], parts: Parts) => Built {
  const codeOf = new Map<string, GroupCode>()
  return (bodies, parts) => {
    const body = `return function(f,n,s,b,g,k,p,w,D,d){const r=k.r,T=k.T,L=k.L,R=k.R,c=p.c,q=p.q,K=p.K;let top=0,x,y;${bodies.join('\n')}\nreturn top;}`
    const known = codeOf.get(body)
    // The one place that makes code: from checked trees, with every name a slot and every text quoted.
    // oxlint-disable-next-line typescript/no-implied-eval
    const code = known ?? (new Function('X', 'M', body)(exactly, isMultiple) as GroupCode)
    if (known === undefined) codeOf.set(body, code)
    return { code, parts }
  }
}

/** The same code for the verdict alone: what is kept of comparisons stands on lines of its own. */
export function withoutTrace(body: string): string {
  return body.replaceAll(/^(?:T\[o\+|D\[d\+).*$/gm, '')
}
