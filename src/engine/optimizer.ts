/** The optimizer policy in force, what ended by itself since then, and what is watched of each model: the part of the state that tuning rests on. */
import { Map } from 'immutable'
import type { Bet } from '../optimizer/watch.ts'
import type { Model } from '../optimizer/artifact.ts'
import type { OptimizerPolicy, Tuner, TuningStop } from '../protocol/optimizer.ts'
import type { InstrumentState } from '../ledger/ledger.ts'
import type { regionOf } from '../optimizer/region.ts'
import type { judgeWhole } from './judgement.ts'

export interface Optimizer {
  /** None before the first is put in force. */
  readonly policy: { readonly hash: string; readonly content: OptimizerPolicy } | undefined
  /** Latched: nothing but putting a policy in force ends them. */
  readonly stops: readonly (TuningStop & { readonly at: number })[]
  /** By the entry of the policy: of each model that was asked. */
  readonly watches: Map<string, Watch>
}

/** What is counted of a model. */
export interface Watch {
  /** Asks since the last hundred were looked at, and those without an answer. */
  readonly asks: number
  readonly unanswered: number
  /** Situations since the last look, and how each feature was spread in them. */
  readonly looked: number
  readonly counts: readonly (readonly number[])[]
  /** That it costs more than its schedule. */
  readonly bet: Bet
}

export const NO_OPTIMIZER: Optimizer = { policy: undefined, stops: [], watches: Map() }

/** Finds a model by its hash; `undefined` where it is not at hand. Like time and chance, what models say comes from outside of the core. */
export type ModelOf = (hash: string) => Model | undefined

export const NO_MODELS: ModelOf = () => undefined

/** What tuning needs beside the court. */
export interface Desk {
  readonly optimizer: Optimizer
  readonly modelOf: ModelOf
  /** Left out but for tests, which plant faults in them. */
  readonly guards?: Guards
}

/** The two steps by which nothing illegal gets through. */
export interface Guards {
  readonly region: typeof regionOf
  readonly judge: typeof judgeWhole
}

/** The entry of the policy that is about the orders of an account in an instrument; there is one at most. */
export function tunerOf(
  { policy }: Optimizer,
  account: string,
  { assetClass }: InstrumentState,
): Tuner | undefined {
  return policy?.content.optimizers.find((tuner) => isAbout(tuner, account, assetClass))
}

export function isAbout(
  { only, except }: Pick<Tuner, 'only' | 'except'>,
  account: string,
  assetClass: InstrumentState['assetClass'],
): boolean {
  if (only?.accounts !== undefined && !only.accounts.includes(account)) return false
  if (only?.assetClasses !== undefined && !only.assetClasses.includes(assetClass)) return false
  return except?.accounts?.includes(account) !== true && except?.assetClasses?.includes(assetClass) !== true
}

/** Whether any order is sent otherwise than it was asked for under a policy, and not only looked at. */
export function movesOrders({ optimizers }: OptimizerPolicy): boolean {
  return optimizers.some(({ mode }) => mode === 'canary' || mode === 'on')
}

/** Whether nothing is tuned any more since this policy came into force. */
export function isStopped({ stops }: Optimizer): boolean {
  return stops.some(({ optimizer }) => optimizer === null)
}

/** Whether the model of an entry is not asked any more. */
export function isModelStopped({ stops }: Optimizer, id: string): boolean {
  return stops.some(({ optimizer }) => optimizer === id)
}
