/** Holds every order that was tuned against the policy that was in force, and against its plan as the first slice fixed it: a second look, from the records alone. */
import { canonicalJson } from '../base/canonical-json.ts'
import { digestOf } from '../base/hash.ts'
import { keyOf } from '../ledger/ledger.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import type { Event } from '../protocol/event.ts'
import type { OptimizerPolicy, Tuned, Tuning } from '../protocol/optimizer.ts'
import { WHOLE, type Partition } from '../protocol/partition.ts'
import { isMeant } from './state.ts'

/** Parents that are followed at one time; what began longest ago is forgotten. */
const PARENTS_MAX = 100_000

export class TuningAudit {
  #policy: { readonly hash: string; readonly content: OptimizerPolicy } | undefined
  /** Models that are not asked any more, by the entry; `null` where nothing is tuned; each with the decision over which it stopped. */
  #stops = new Map<string | null, string>()
  #partition: Pick<Partition, 'of'> = WHOLE
  readonly #plans = new Map<string, { readonly plan: string; readonly step: number }>()

  /** Slices that were held against their plan. */
  #slices = 0

  get slices(): number {
    return this.#slices
  }

  /** Takes the next record; answers what is wrong with what it says of tuning, `undefined` when nothing is. */
  take(event: Event): string | undefined {
    switch (event.type) {
      case 'steered': {
        const { hash, content } = event
        this.#policy = { hash, content }
        // Without a reason it goes on nowhere.
        for (const [optimizer, decision] of this.#stops)
          if (isMeant(event, decision, this.#partition)) this.#stops.delete(optimizer)
        return hash === digestOf(content) ? undefined : 'the hash is not that of the optimizer policy'
      }
      case 'promoted':
        this.#partition = event.partition ?? this.#partition
        return undefined
      case 'tuningStopped':
        this.#stops.set(event.optimizer, event.decision)
        return undefined
      case 'decided':
        return event.decision.tuning && this.#problemOf(event.decision, event.decision.tuning)
      default:
        return undefined
    }
  }

  #problemOf(decision: DecisionCore, tuning: Tuning): string | undefined {
    const { policy, optimizer, mode } = tuning
    const tuner = this.#policy?.content.optimizers.find(({ id }) => id === optimizer)
    if (this.#policy?.hash !== policy || tuner === undefined)
      return `it was tuned by \`${optimizer}\` of a policy that was not in force`
    if (tuner.mode !== mode) return `it was tuned in mode ${mode}, and \`${optimizer}\` says ${tuner.mode}`
    if (tuning.outcome === 'untuned') return undefined
    if (this.#stops.has(null)) return 'it was tuned after tuning had stopped'
    if (tuning.schedule.name !== tuner.schedule)
      return `it was tuned by ${tuning.schedule.name}, and \`${optimizer}\` says ${tuner.schedule}`
    if (tuning.advice?.model !== tuner.model) return `another model was asked than \`${optimizer}\` names`
    if (tuning.advice?.shift != null && this.#stops.has(optimizer))
      return 'a model moved it after the model had stopped'
    return this.#follow(decision, tuning)
  }

  #follow({ request, decision }: DecisionCore, { plan, step }: Tuned): string | undefined {
    const { action, agent } = request
    if (action.type !== 'order') return 'it was tuned, and is no order'
    const { parent } = action
    if (plan.parent !== (parent?.id ?? decision)) return `its plan is of the parent \`${plan.parent}\``
    const key = keyOf(action.account, agent, plan.parent)
    const before = this.#plans.get(key)
    const text = canonicalJson(plan)
    this.#plans.delete(key)
    this.#plans.set(key, { plan: text, step })
    const oldest = this.#plans.size > PARENTS_MAX ? this.#plans.keys().next().value : undefined
    if (oldest !== undefined) this.#plans.delete(oldest)
    this.#slices += 1
    if (before === undefined) return undefined
    if (before.plan !== text) return 'its plan is another than its first slice had'
    return step < before.step ? `it is of step ${step}, after one of step ${before.step}` : undefined
  }
}
