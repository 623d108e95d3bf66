/** Reads from a journal what was put to the vote, what came of it in the market, and which weights were approved when. */
import { readRecords } from '../journal/read.ts'
import type { Certificate } from '../protocol/certificate.ts'
import type { Event } from '../protocol/event.ts'
import type { Policy } from '../protocol/policy.ts'
import type { Outcome } from '../consensus/weights-proposal.ts'

/** Prices may be this much older than a round, in milliseconds, to count as the price then. */
const PRICE_AGE_MAX = 60_000

export interface Told {
  /** In the order in which their rounds opened. */
  readonly outcomes: readonly Outcome[]
  /** Rounds of the policy that say nothing, by the reason. */
  readonly left: Readonly<
    Record<'not an order' | 'not decided by votes' | 'no price' | 'not known yet' | 'price as before', number>
  >
  /** Each policy of this name that came into force, in order. */
  readonly approved: readonly { readonly at: number; readonly policy: Policy }[]
}

interface Waiting {
  readonly certificate: Certificate
  readonly instrument: string
  readonly side: 'buy' | 'sell'
  readonly price: number
  readonly due: number
}

/** Reads a whole journal. The market’s word on an order is its first price at least `horizonMs` after the round closed: higher is right for who buys, lower for who sells. */
export async function readOutcomes(directory: string, name: string, horizonMs: number): Promise<Told> {
  const prices = new Map<string, { readonly price: number; readonly at: number }>()
  const left = {
    'not an order': 0,
    'not decided by votes': 0,
    'no price': 0,
    'not known yet': 0,
    'price as before': 0,
  }
  const outcomes: Outcome[] = []
  const approved: { at: number; policy: Policy }[] = []
  let waiting: Waiting[] = []
  for await (const record of readRecords(directory)) {
    const recorded = record.event as unknown as Event
    // Policies are put in force by the first of several partitions, and followed here.
    const said = recorded.type === 'followed' ? recorded.event : undefined
    const event: Event = said?.type === 'quorate' ? said : recorded
    if (event.type === 'quorate') {
      const policy = event.policies.find((one) => one.name === name)
      if (policy !== undefined) approved.push({ at: record.at, policy })
    } else if (event.type === 'certified' && event.certificate.proposal.policy === name) {
      const { certificate } = event
      const { subject } = certificate.proposal
      if (certificate.outcome === 'withdrawn' || certificate.outcome === 'cancelled')
        left['not decided by votes'] += 1
      else if (subject.kind !== 'action' || subject.action.type !== 'order') left['not an order'] += 1
      else {
        const { instrument, side } = subject.action
        const known = prices.get(instrument)
        if (known === undefined || known.at < certificate.opened - PRICE_AGE_MAX) left['no price'] += 1
        else
          waiting.push({
            certificate,
            instrument,
            side,
            price: known.price,
            due: certificate.closed + horizonMs,
          })
      }
    } else if (event.type === 'observed' && event.observation.kind === 'price') {
      const { instrument, price } = event.observation
      // By the sidecar’s own clock: a feeder’s could say what it likes.
      const at = record.at
      prices.set(instrument, { price, at })
      waiting = waiting.filter((one) => {
        if (one.instrument !== instrument || at < one.due) return true
        if (price === one.price) left['price as before'] += 1
        else {
          const outcome = price > one.price === (one.side === 'buy') ? 1 : 0
          outcomes.push({ certificate: one.certificate, outcome, at })
        }
        return false
      })
    }
  }
  left['not known yet'] = waiting.length
  return {
    outcomes: outcomes.toSorted((a, b) => a.certificate.opened - b.certificate.opened),
    left,
    approved,
  }
}
