/** Wraps what sends to a venue, so that nothing is sent that was not allowed and redeemed. */
import { EphorError } from '../base/errors.ts'
import { permitIdOf } from '../permit/verify.ts'
import type { Action, ActionRequest } from '../protocol/action.ts'
import type { ActionAnswer } from '../protocol/decision.ts'
import type { Asked, Client } from './client.ts'
import { ClientError } from './error.ts'
import { checkOptions } from './options.ts'

/** Sends one action to a venue. `permit` is `null` only for a cancel that the sidecar could not record. */
export type Send<R> = (action: Action, permit: string | null) => Promise<R>

/** A cancel that was sent without a record. */
export interface UnrecordedCancel {
  /** Hand it to `act` once the sidecar answers again, so that it is on record. */
  readonly request: Asked & Pick<ActionRequest, 'id'>
  /** Why the sidecar could not be asked. */
  readonly error: ClientError
}

export interface GuardOptions {
  /** Milliseconds to wait for the end of a vote, where there is one. What is pending after that is not sent. */
  readonly waitMs?: number
  /**
   * With this, a cancel is sent without a permit when the sidecar gives no answer, and this is told of each. Without it, cancels wait for
   * the sidecar like everything else. A cancel that the sidecar refuses is not sent in either case.
   */
  readonly onUnrecordedCancel?: (cancel: UnrecordedCancel) => void
}

/** What came of it. A refusal is an outcome and not an error, so that it cannot be taken for sent. */
export type Outcome<R> =
  | { readonly sent: true; readonly result: R; readonly answer: ActionAnswer | null }
  | { readonly sent: false; readonly answer: ActionAnswer }

/**
 * `send` behind the sidecar: decides, redeems, sends. What is sent is the action of the answer, which may be a narrowed one. Rejects, having
 * sent nothing, with `ClientError` on any doubt; rejects with what `send` threw when it was the venue that failed.
 */
export function guard<R>(
  client: Pick<Client, 'act' | 'redeem' | 'newId'>,
  send: Send<R>,
  options: GuardOptions = {},
): (action: Action, more?: Omit<Asked, 'action'>) => Promise<Outcome<R>> {
  checkOptions('guard', options, { waitMs: 'milliseconds', onUnrecordedCancel: 'function' })
  const { onUnrecordedCancel, waitMs = 0 } = options
  return async (action, more = {}) => {
    // A copy: what is sent is what was asked about, whatever the caller does with his in the meantime.
    const request = structuredClone({ id: client.newId(), ...more, action })
    let answer: ActionAnswer
    try {
      answer = await client.act(request, { waitMs })
      if (answer.verdict !== 'allow' && answer.verdict !== 'narrow') return { sent: false, answer }
      await redeem(client, answer)
    } catch (error) {
      if (onUnrecordedCancel === undefined || request.action.type !== 'cancel' || !isDoubt(error)) throw error
      onUnrecordedCancel({ request, error })
      return { sent: true, result: await send(request.action, null), answer: null }
    }
    return { sent: true, result: await send(answer.action, answer.permit), answer }
  }
}

async function redeem(client: Pick<Client, 'redeem'>, { permit, decision }: ActionAnswer): Promise<void> {
  if (permit === null)
    throw new ClientError('PERMIT_MISSING', `\`${decision}\` came without one`, { status: 200 })
  const redeemed = await client.redeem(idOf(permit))
  if (redeemed.decision !== decision)
    throw new ClientError('ANSWER_INVALID', `the permit of \`${redeemed.decision}\` was redeemed`, {
      status: 200,
    })
}

function idOf(permit: string): string {
  try {
    return permitIdOf(permit)
  } catch (error) {
    if (!(error instanceof EphorError)) throw error
    throw new ClientError(error.code, error.detail, { status: 200, cause: error })
  }
}

/**
 * Whether the sidecar gave no answer on a cancel that can be believed. Its refusal is one, but for that the permit is spent: it was given for this cancel, so what spent it was a redemption whose
 * answer was lost, and a cancel may be sent twice.
 */
function isDoubt(error: unknown): error is ClientError {
  if (!(error instanceof ClientError) || error.code === 'BODY_INVALID') return false
  return !error.refused || error.code === 'PERMIT_SPENT'
}
