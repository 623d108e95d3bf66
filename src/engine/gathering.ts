/**
 * The facts that an action is judged by. What an order may cost that is replaced is more than what it becomes where lots are added at a lower price: some may still
 * fill at the price before. Only the constitution says what a lot is worth, so that is found out first and counted as committed then.
 */
import { wholeSteps } from '../base/exact.ts'
import { add, rational, toNumberUp } from '../base/rational.ts'
import { gather, type Program } from '../constitution/compile.ts'
import type { Facts } from '../constitution/facts.ts'
import type { Read } from '../constitution/model.ts'
import { openAtWorst } from '../ledger/exposure.ts'
import type { OrderVersion } from '../ledger/ledger.ts'
import type { Subject } from '../ledger/subject.ts'
import { microOf, valueOf } from './worth.ts'

/** In which fact each is counted. */
const COMMITTED = { worth: 'account.committed', value: 'basket.committed' } as const

export function gatherFor(program: Program, subject: Subject, read: Read, now: number): Facts {
  const { type } = subject.action
  const facts = gather(program, type, read, now)
  const beyond = beyondWhatItBecomes(program, facts, subject)
  if (beyond.size === 0) return facts
  return gather(
    program,
    type,
    (name) => {
      const reading = read(name)
      const more = beyond.get(name)
      if (more === undefined || typeof reading?.value !== 'number') return reading
      const value = add(rational(reading.value), { numerator: more, denominator: 1_000_000n })
      return { ...reading, value: toNumberUp(value) }
    },
    now,
  )
}

const NOTHING: ReadonlyMap<string, bigint> = new Map()

/** By fact, in micro-units: what the order may still come to beyond what it becomes. Nothing where that is no more than it could come to before. */
function beyondWhatItBecomes(
  program: Program,
  facts: Facts,
  { order, instrument }: Subject,
): ReadonlyMap<string, bigint> {
  const { replaces } = order ?? {}
  const lots = order && instrument && wholeSteps(order.quantity, instrument.lot)
  if (replaces === undefined || lots === undefined) return NOTHING
  const all = microOf(valueOf(program, facts))
  if (all === undefined) return NOTHING
  const { filled, pending } = replaces
  const becomes: Counted = { lots, worth: all, value: all }
  const before: readonly Counted[] = [replaces, ...pending]
  const beyond = new Map<string, bigint>()
  for (const of of ['worth', 'value'] as const) {
    const worst = (versions: readonly Counted[]) => openAtWorst(versions, of, filled)
    const [known, after, alone] = [worst(before), worst([...before, becomes]), worst([becomes])]
    if (known === undefined || after === undefined || alone === undefined) continue
    if (after > known && after > alone) beyond.set(COMMITTED[of], after - alone)
  }
  return beyond
}

type Counted = Pick<OrderVersion, 'lots' | 'worth' | 'value'>
