/** Reductions that are set aside beforehand: what may be, and how what was not redeemed comes free. */
import { findOrder } from '../ledger/orders.ts'
import type { ActionRequest } from '../protocol/action.ts'
import { ALLOTMENTS_MAX, isSameBook, type Allotted, type AllotmentTerms } from '../protocol/allotment.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { Event } from '../protocol/event.ts'
import { decisionOfPermit } from './permits.ts'
import type { State } from './state.ts'
import { fold, recorded, refused, type Held, type Input, type Step } from './step.ts'

/** For whom an order is set aside, and for how long. */
export interface Allotment {
  readonly allotted: Allotted
  readonly terms: AllotmentTerms
}

/** What is to be set aside, where something is and may be; or why it is not. */
export function allotmentOf(
  { permits, emergency }: State,
  { request, through }: Pick<Input & { kind: 'action' }, 'request' | 'through'>,
): Allotment | Held | undefined {
  if (request.allot === undefined) return undefined
  const unfit = unfitness(request)
  if (unfit !== undefined) return { code: 'ALLOTMENT_UNFIT', detail: unfit }
  if (through === undefined)
    return { code: 'ALLOTMENT_UNFIT', detail: 'this sidecar is one of none: nothing could cut it off' }
  const terms = emergency.policy?.content.allotments
  if (terms === undefined)
    return { code: 'ALLOTMENT_OFF', detail: 'the emergency policy in force has no `allotments`' }
  const { setAside } = permits
  if (setAside.size >= ALLOTMENTS_MAX)
    return { code: 'LIMIT_REACHED', detail: `${ALLOTMENTS_MAX} orders are set aside` }
  const own = setAside.count((agent) => agent === request.agent)
  return own < terms.perAgent
    ? { allotted: through, terms }
    : {
        code: 'AGENT_LIMIT_REACHED',
        detail: `${own} orders of \`${request.agent}\` are set aside, and no more may be`,
      }
}

/** Why an action is not set aside, whatever the rules say of it. */
function unfitness({ action, accept, approval }: ActionRequest): string | undefined {
  if (action.type !== 'order') return `an order is set aside, and this is a ${action.type}`
  if (accept !== undefined) return '`accept`: what is set aside is the order as it was asked'
  if (approval !== undefined) return '`approval`: what is set aside is not put to the vote'
  for (const part of ['parent', 'basket', 'execution'] as const)
    if (action[part] !== undefined) return `\`action.${part}\`: what is set aside is an order by itself`
  return undefined
}

/** Why an order that was set aside is not replaced: who says that what replaces it was sent says that it was sent itself, and nobody knows when by the venue's word. */
export function heldAside({ ledger }: State, { action }: ActionRequest): Held | undefined {
  if (action.type !== 'replace') return undefined
  const order = findOrder(ledger, action.order)
  return order?.allotted === undefined
    ? undefined
    : {
        code: 'ALLOTMENT_UNFIT',
        detail: `\`${order.id}\` was set aside, and is not replaced: cancel it, or give it back where it was not sent`,
      }
}

/** What is given back by its agent through its sidecar; or is written off by an operator, who names the sidecar that is gone. */
export function handleReturn(
  state: State,
  { permit, by, gone, through }: Input & { kind: 'return' },
  now: number,
): Step {
  const decision = decisionOfPermit(permit) ?? ''
  const open = state.permits.open.get(decision)
  const allotted = open?.allotted
  if (open === undefined || allotted === undefined || (gone === undefined && open.agent !== by))
    return refused(state, 'ALLOTMENT_UNKNOWN', `nothing is set aside under \`${permit}\``)
  // INVARIANT: nothing comes free that its sidecar could still redeem, but by the word of an operator.
  const isItsOwn = gone === undefined ? isSameBook(allotted, through) : gone.to === allotted.to
  if (!isItsOwn)
    return refused(state, 'ALLOTMENT_ELSEWHERE', `\`${permit}\` is set aside for \`${allotted.to}\``)
  const how = gone === undefined ? 'givenBack' : 'writtenOff'
  const why = gone === undefined ? {} : { reason: gone.reason }
  return recorded(
    state,
    { schema: SCHEMA_VERSION, type: 'returned', decision, how, allotted, by, ...why },
    now,
    {
      permit,
      decision,
    },
  )
}

/** Takes a sidecar's word on what was set aside for it; what is known already changes nothing. Says which of it is on record now. */
export function handleTell(
  state: State,
  { redeemed, unused, through }: Input & { kind: 'tell' },
  now: number,
): Step {
  const events: Event[] = []
  let next = state
  const record = (event: Event): void => {
    events.push(event)
    next = fold(next, [event], now)
  }
  const known: string[] = []
  for (const { decision, at, to = through.to } of redeemed) {
    const order = findOrder(next.ledger, decision)
    // The book is the same wherever it goes; that it is used only ever makes more count.
    const allotted = { ...through, to }
    const mayBeSent = next.permits.open.has(decision) || order?.state === 'lapsed'
    // Written off, and used all the same: it counts again.
    const isNews = mayBeSent && isSameBook(order?.allotted, allotted)
    if (isNews) record({ schema: SCHEMA_VERSION, type: 'redeemed', decision, allotted, cutOff: at })
    if (isNews || isSent(next, decision)) known.push(decision)
  }
  for (const decision of unused) {
    if (isSameBook(next.permits.open.get(decision)?.allotted, through))
      record({ schema: SCHEMA_VERSION, type: 'returned', decision, how: 'unused', allotted: through })
    if (!next.permits.open.has(decision) && !isSent(next, decision)) known.push(decision)
  }
  const unknown = redeemed.length + unused.length - known.length
  return [
    next,
    events,
    [{ kind: 'done', body: { recorded: events.length, unknown, known: known.join(' ') } }],
  ]
}

/** Whether what was set aside under `decision` counts as sent. Of an order that is forgotten nobody can say so, and one that is free does not count. */
function isSent({ permits, ledger }: State, decision: string): boolean {
  const order = findOrder(ledger, decision)
  return order !== undefined && order.state !== 'lapsed' && !permits.open.has(decision)
}
