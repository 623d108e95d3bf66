/** Holds what was allowed against whose accounts are: a second look, from the records alone. */
import { DEFAULT_OWNER } from '../protocol/account.ts'
import type { DecisionCore } from '../protocol/decision.ts'
import type { Event } from '../protocol/event.ts'

export class OwnerAudit {
  readonly #ofAccounts = new Map<string, string>()
  readonly #ofAgents = new Map<string, string>()
  #areMany = false

  /** Takes the next record; answers where it goes beyond one owner, or says so without ground; `undefined` where neither is. */
  take(event: Event): string | undefined {
    switch (event.type) {
      case 'promoted':
        this.#areMany ||= event.partition !== undefined
        return undefined
      case 'registered': {
        const { agent, owner = DEFAULT_OWNER } = event.registration
        this.#ofAgents.set(agent, owner)
        return undefined
      }
      case 'owned': {
        const { account, owner } = event
        const before = this.#ofAccounts.get(account) ?? owner
        this.#ofAccounts.set(account, owner)
        return before === owner ? undefined : `\`${account}\` was \`${before}\`’s and became \`${owner}\`’s`
      }
      case 'proposed':
      case 'decided':
        return this.#problemOf(event.decision)
      default:
        return undefined
    }
  }

  #problemOf({ verdict, action, request: { agent }, reasons }: DecisionCore): string | undefined {
    if (action.type === 'cancel' || !('account' in action)) return undefined
    const { account } = action
    // Where there are several partitions, an account that nobody was said to own is nobody's.
    const owner = this.#ofAccounts.get(account) ?? (this.#areMany ? undefined : DEFAULT_OWNER)
    const isForeign =
      (this.#areMany || this.#ofAccounts.size > 0) && owner !== (this.#ofAgents.get(agent) ?? DEFAULT_OWNER)
    if (isForeign && verdict !== 'deny') return `\`${agent}\` and \`${account}\` are of two owners`
    const isSaid = reasons.some(({ rule, code }) => rule === null && code === 'OWNER_DIFFERS')
    return isSaid && !isForeign ? `\`${agent}\` and \`${account}\` are of one owner` : undefined
  }
}
