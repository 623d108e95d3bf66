/** The last look before a verdict or a redemption leaves: halts that came meanwhile, and the permit of what was allowed. */
import { EphorError } from '../base/errors.ts'
import { heldBack } from '../engine/redeeming.ts'
import { answerOf, digestOf } from '../engine/memory.ts'
import { decisionOfPermit, permitId, type OpenPermit } from '../engine/permits.ts'
import type { Input } from '../engine/step.ts'
import type { RecordedDecision } from '../journal/query.ts'
import type { PermitSigner } from '../permit/sign.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import { nameOfPartition } from '../protocol/partition.ts'
import type { Lookout } from './lookout.ts'
import type { Recorder } from './recorder.ts'
import type { Performed } from './sidecar.ts'

const NO_PERMIT: Promise<string | null> = Promise.resolve(null)

/** What is looked at. */
export interface ReleasingParts {
  /** Without it verdicts carry no permit. */
  readonly permits: PermitSigner | undefined
  /** Of one of several sidecars. */
  readonly lookout: Lookout | undefined
  readonly book: () => Pick<Recorder, 'state' | 'now' | 'decisionAt'>
  readonly findDecision: (id: string) => Promise<RecordedDecision | undefined>
}

export class Releasing {
  readonly #parts: ReleasingParts

  constructor(parts: ReleasingParts) {
    this.#parts = parts
  }

  /** What a permit that is about to be redeemed allows, as far as it is known here. */
  permittedTo(input: Input): OpenPermit | undefined {
    const { lookout, book } = this.#parts
    if (lookout === undefined || input.kind !== 'redeem') return undefined
    return book().state.permits.open.get(decisionOfPermit(input.permit) ?? '')
  }

  /** The last look before a redemption is answered: what came meanwhile and is not in the state yet, here as at a verdict. */
  async lookAtRedeemed(permit: string, permitted: OpenPermit | undefined): Promise<void> {
    const { lookout, findDecision } = this.#parts
    if (lookout === undefined || permitted?.action.type === 'cancel') return
    await lookout.inTouch()
    if (!lookout.isHolding) return
    const id = decisionOfPermit(permit) ?? ''
    if (permitted !== undefined) lookout.assertFree(id, permitted)
    else {
      const found = await findDecision(id)
      if (found === undefined) throw new EphorError('HALTED_SINCE', `a halt was heard of since ${id}`)
      const { request, action, reducing } = found.decision
      lookout.assertFree(id, { agent: request.agent, action, reducing })
    }
  }

  /** The verdict on `input` of the record at `sequence`, as this sidecar tells it. */
  async recall(sequence: number, recalled: boolean, input: Input): Promise<Performed> {
    const recorded = await this.#parts.book().decisionAt(sequence)
    if (recorded === undefined) throw new EphorError('INTERNAL', `record ${sequence} is no decision`)
    // Whatever the inbox made of places, nobody is told the verdict on what another asked.
    if (input.kind !== 'action' || recorded.decision.digest !== digestOf(input.request))
      throw new EphorError('HOME_LOST', `record ${sequence}, which the log names, decides something else`)
    const permit = await this.permitOf(recorded.decision, sequence)
    return this.release(recorded.decision, sequence, permit, recalled)
  }

  /** The permit of what was allowed: asked again, the same text, since nothing in it changes. */
  permitOf(decision: DecisionCore, sequence: number): Promise<string | null> {
    const { verdict, request, action, constitution, at } = decision
    const { permits, book } = this.#parts
    if (permits === undefined || (verdict !== 'allow' && verdict !== 'narrow')) return NO_PERMIT
    const permit = permits.signLater({
      permit: permitId(decision.decision),
      decision: decision.decision,
      agent: request.agent,
      action,
      constitution,
      sequence,
      partition: partitionNameOf(book().state),
      at,
    })
    // Whoever waits for it sees it fail; where the journal fails first nobody waits.
    permit.catch(() => {})
    return permit
  }

  /** The last look before a verdict leaves. Where there is nobody to hear of halts from, it is had at once. */
  release(
    decision: DecisionCore,
    sequence: number,
    permit: string | null,
    recalled: boolean,
  ): Performed | Promise<Performed> {
    const { lookout } = this.#parts
    const { verdict, request, action, reducing } = decision
    if (lookout === undefined || (verdict !== 'allow' && verdict !== 'narrow') || action.type === 'cancel')
      return this.#release(decision, sequence, permit, recalled)
    return lookout.inTouch().then(() => {
      lookout.assertFree(decision.decision, { agent: request.agent, action, reducing })
      return this.#release(decision, sequence, permit, recalled)
    })
  }

  #release(decision: DecisionCore, sequence: number, permit: string | null, recalled: boolean): Performed {
    const { book } = this.#parts
    const { state } = book()
    const held = heldBack(state, decision, book().now())
    if (held !== undefined) throw new EphorError(held.code, held.detail)
    const partition = partitionNameOf(state)
    const answer = answerOf(decision, sequence, permit)
    return {
      kind: 'answer',
      answer: partition === undefined ? answer : { ...answer, partition },
      recalled,
    }
  }
}

/** What the partition is called, where there are several. */
function partitionNameOf({ ledger: { partition } }: Recorder['state']): string | undefined {
  return partition.of === 1 ? undefined : nameOfPartition(partition.number)
}
