/** Reductions that are set aside beforehand, for tests of the engine. */
import { digestOf } from '../../src/base/hash.ts'
import type { ActionRequest, Order } from '../../src/protocol/action.ts'
import type { Allotted, AllotmentTerms } from '../../src/protocol/allotment.ts'
import type { EmergencyPolicy } from '../../src/protocol/emergency.ts'
import { decisionId } from '../../src/engine/memory.ts'
import { permitId } from '../../src/engine/permits.ts'
import type { Input } from '../../src/engine/step.ts'
import { idAt, NOW, request } from './engine.ts'

/** The sidecar that asks, unless told otherwise, and another. */
export const HERE: Allotted = { to: 'here', book: 'book-1' }
export const THERE: Allotted = { to: 'there', book: 'book-2' }

export const LIFE = 4 * 3_600_000

/** An author puts an emergency policy in force that lets reductions be set aside; with `null` one that does not. */
export function allotting(terms: AllotmentTerms | null = { life: LIFE, perAgent: 16 }): Input {
  const content: EmergencyPolicy = {
    schema: 1,
    monitors: [
      {
        id: 'day-loss',
        title: 'Down on the day',
        why: 'Enough is enough',
        watches: 'daily-loss',
        limit: 0.03,
        state: 'reducing',
        scope: 'account',
      },
    ],
    ...(terms === null ? {} : { allotments: terms }),
  }
  return { kind: 'police', hash: digestOf(content), content, by: 'author' }
}

export interface Aside {
  readonly through?: Allotted | undefined
  /** Tells its id from others of that moment. */
  readonly tail?: string
  readonly at?: number
  readonly more?: Partial<ActionRequest>
  readonly order?: Partial<Order>
}

/** Alpha asks to set a sale of `quantity` aside. */
export function askAside(
  quantity: number,
  { through = HERE, tail = '1', at = NOW, ...rest }: Aside = {},
): Input {
  const id = idAt(at, tail)
  const sale = { side: 'sell', quantity, limitPrice: 200, ...rest.order } as const
  return { kind: 'action', request: request(sale, { id, allot: true, ...rest.more }), through }
}

export const decisionOf = (tail = '1', at = NOW, agent = 'alpha'): string => decisionId(agent, idAt(at, tail))

export const redeemAside = (through: Allotted | undefined = HERE, tail = '1', agent = 'alpha'): Input => ({
  kind: 'redeem',
  permit: permitId(decisionOf(tail)),
  agent,
  ...(through === undefined ? {} : { through }),
})

export const tellOf = (
  told: { readonly redeemed?: readonly string[]; readonly unused?: readonly string[]; readonly at?: number },
  through: Allotted = HERE,
): Input => ({
  kind: 'tell',
  redeemed: (told.redeemed ?? []).map((decision) => ({ decision, at: told.at ?? NOW })),
  unused: told.unused ?? [],
  through,
})
