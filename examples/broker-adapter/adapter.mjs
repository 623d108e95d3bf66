/**
 * A broker adapter: the only thing that talks to the venue. It sends what has a permit, after checking and redeeming it, and reports
 * what the venue did. The agents, which ask the sidecar and hand the permits over, need not be trusted.
 */
import { EphorError, verifyPermit } from 'ephor/permit'

/** Reports kept while the sidecar cannot be told. Past this nothing new is sent: what is sent must be reportable. */
const OUTBOX_MAX = 10_000
/** Reports told in one call. */
const BATCH_MAX = 1_000

export class Adapter {
  /** What the venue said and the sidecar has not been told, oldest first. */
  outbox = []
  /** Cancels that were sent without a record, to be told later. */
  unrecorded = []
  #client
  #reporter
  #keys
  #now

  /** `client` bears the agent's token, `reporter` that of a feeder. @param {{ client: import('ephor/client').Client, reporter: import('ephor/client').Client, keys: import('ephor/permit').PermitKeys, now: () => number }} options */
  constructor({ client, reporter, keys, now }) {
    this.#client = client
    this.#reporter = reporter
    this.#keys = keys
    this.#now = now
  }

  /** Where the venue's reports go. */
  report = (execution) => {
    this.outbox.push(execution)
  }

  /**
   * Sends an action that was allowed. Rejects, having sent nothing, unless the permit is for exactly this action of this agent and was
   * redeemed just now.
   */
  async send(venue, agent, action, permit) {
    if (this.outbox.length >= OUTBOX_MAX) throw new Error(`${OUTBOX_MAX} reports wait to be told`)
    if (action.type !== 'order' && action.type !== 'cancel')
      throw new Error(`this venue takes orders and cancels, not a ${action.type}`)
    if (permit === null) throw new EphorError('PERMIT_MISSING', 'nothing is sent without one')
    const claims = verifyPermit(permit, { keys: this.#keys, agent, action, now: this.#now() })
    const redeemed = await this.#client.redeem(claims.jti)
    if (redeemed.decision !== claims.decision) throw new Error('another permit was redeemed')
    // From here on nothing is waited for: what was looked at last is what is sent.
    if (action.type === 'order') venue.place(claims.decision, action)
    else venue.cancel(action.order)
    return claims.decision
  }

  /** Cancels without a permit, where the sidecar gave no answer. One that it refused stays refused. */
  cancelUnrecorded(venue, request, error) {
    if (request.action.type !== 'cancel' || error.refused !== false) throw error
    this.unrecorded.push(request)
    venue.cancel(request.action.order)
  }

  /** Tells the sidecar what it has not been told. What fails stays and is told the next time, under the same ids. */
  async tell() {
    while (this.unrecorded.length > 0) {
      await this.#client.act(this.unrecorded[0])
      this.unrecorded.shift()
    }
    while (this.outbox.length > 0) {
      const batch = this.outbox.slice(0, BATCH_MAX)
      await this.#reporter.executions(batch)
      this.outbox.splice(0, batch.length)
    }
  }
}
