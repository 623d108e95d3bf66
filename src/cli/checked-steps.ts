/** Has json-rules-engine judge every step of an evaluation: what was sent in a simulated market, as an order under the full constitution. */
import type { Constitution, Read, Reading } from '../constitution/model.ts'
import { measure } from '../ledger/measure.ts'
import { subjectOf } from '../ledger/subject.ts'
import type { Policy } from '../optimizer/train/policies.ts'
import type { Execution, Terms } from '../optimizer/train/execution.ts'
import type { Span } from '../optimizer/action-map.ts'
import type { Order } from '../protocol/action.ts'
import { refusalsOf, refusingReference } from './checked-actions.ts'
import { quietWorld } from './drawn-worlds.ts'

/** One step that sent something: so many lots, where the market usually trades so many and caps are by this factor of what they are. */
export interface Step {
  readonly lots: number
  readonly volumeLots: number
  readonly isHalted: boolean
}

/** The same policy, which writes down each step in which it sends something. */
export function recording({ track }: Terms, policy: Policy, steps: Step[]): Policy {
  return (execution: Execution, region: Span, caps: readonly number[]) => {
    const lots = policy(execution, region, caps)
    const bar = execution.bar
    if (lots > 0)
      steps.push({
        lots,
        volumeLots: execution.usualLots * (track.capFactor[bar] as number),
        isHalted: track.halted[bar] === 1,
      })
    return lots
  }
}

/** How many steps were judged, and how many of them a rule refuses. */
export async function checkSteps(
  constitution: Constitution,
  steps: readonly Step[],
  told: (done: number) => void = () => undefined,
): Promise<{ checked: number; violations: number }> {
  const reference = refusingReference(constitution)
  const { ledger, now, agent, instrument, account } = quietWorld(constitution)
  let violations = 0
  for (const [index, { lots, volumeLots, isHalted }] of steps.entries()) {
    const order: Order = {
      type: 'order',
      account,
      instrument,
      side: 'buy',
      quantity: lots,
      orderType: 'limit',
      limitPrice: 100,
    }
    const measured = measure(ledger, subjectOf(ledger, agent, order), constitution, now)
    const at = (value: Reading['value']): Reading => ({ value, at: now, source: 'evaluation' })
    const read: Read = (name) => {
      if (name === 'market.volume5min') return at(Number(volumeLots.toPrecision(15)))
      return name === 'instrument.status' && isHalted ? at('halted') : measured(name)
    }
    const refusing = await refusalsOf(reference, constitution, read, now)
    if (refusing.length > 0) violations += 1
    if ((index + 1) % 5000 === 0) told(index + 1)
  }
  return { checked: steps.length, violations }
}
