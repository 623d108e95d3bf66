/** A refusal as a value: what was not done, and why. */
import type { RoundRefusal } from '../base/errors.ts'

export interface Refusal {
  readonly type: 'refused'
  readonly code: RoundRefusal
  /** What it was this time, naming the agent or value concerned. */
  readonly detail: string
}

export function refuse(code: RoundRefusal, detail: string): Refusal {
  return { type: 'refused', code, detail }
}
