/** Changes that wait for others: what a call answers of them, and what is put in force once a quorum has approved it. */
import type { Logger } from 'pino'
import type { Person } from '../engine/step.ts'
import { isChange, type Change, type AgreedPolicy } from '../protocol/proposal.ts'
import type { Front } from './front.ts'
import type { Performed } from './sidecar.ts'

export type { Person } from '../engine/step.ts'

/** For whom a change waits; nothing where it took effect. */
export interface Waiting {
  readonly waitsFor?: 'quorum' | 'person'
  readonly proposal?: string
}

export function waitingIn(effect: Performed): Waiting {
  const { waitsFor, proposal } = effect.kind === 'done' ? effect.body : {}
  if (waitsFor !== 'quorum' && waitsFor !== 'person') return {}
  return { waitsFor, ...(typeof proposal === 'string' ? { proposal } : {}) }
}

/** What reads a directory again, checks it, and puts exactly what was approved in force. */
export interface Enacting {
  readonly activate: (
    person: Person,
    wanted: { readonly hash: string; readonly acceptFailing: boolean },
  ) => Promise<{ readonly activated: boolean }>
  readonly police: (
    which: AgreedPolicy,
    person: Person,
    hash: string,
  ) => Promise<{ readonly activated: boolean }>
}

/**
 * Puts in force what a quorum approves, as soon as it does, in the name of who asked; at the beginning what was approved before. What does not load or hold
 * any more stays out of force, and the author may call again until the approval ends. The answer ends it, once nothing is under way.
 */
export function followApprovals(sidecar: Front, enacting: Enacting, logger: Logger): () => Promise<void> {
  const underWay = new Set<Promise<void>>()
  const begin = (proposal: string, change: Change, by: string): void => {
    const work: Promise<void> = enact(enacting, change, by)
      .catch((error: unknown) => logger.error({ proposal, error }, 'what was approved is not in force'))
      .finally(() => underWay.delete(work))
    underWay.add(work)
  }
  const stop = sidecar.listen(({ event }) => {
    if (event.type !== 'certified') return
    const { proposal, outcome } = event.certificate
    const { subject } = proposal
    if (outcome === 'approved' && isChange(subject)) begin(proposal.proposal, subject, proposal.agent)
  })
  for (const [proposal, { subject, by }] of sidecar.durableState.quorum.resolutions)
    begin(proposal, subject, by)
  return async () => {
    stop()
    await Promise.all(underWay)
  }
}

async function enact({ activate, police }: Enacting, change: Change, by: string): Promise<void> {
  // Each sidecar tries, and one of them does it.
  const why = change.reason === undefined ? {} : { reason: change.reason }
  const person: Person = { by, ...why, isEnacting: true }
  if (change.kind === 'activation')
    await activate(person, {
      hash: change.constitution,
      acceptFailing: change.casesFailed !== undefined,
    })
  else await police(change.which, person, change.hash)
}
