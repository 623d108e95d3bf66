/** Takes over what the first of several partitions recorded for all, in its order and each once, so that all go by the same owners and the same law. */
import { canonicalJson } from '../base/canonical-json.ts'
import { isLater } from '../base/entry-id.ts'
import { digestOf } from '../base/hash.ts'
import { verifyCertificate } from '../consensus/verify-certificate.ts'
import type { Program } from '../constitution/compile.ts'
import type { Certificate } from '../protocol/certificate.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { Event, ForAll, OpenedRound } from '../protocol/event.ts'
import { isChange, matterOf } from '../protocol/proposal.ts'
import { changeIn, decidingOn, isSameChange, type Enacted } from './consent.ts'
import { movesOrders } from './optimizer.ts'
import { laneBefore } from './placing.ts'
import { hashOfPolicy } from './read-emergency.ts'
import { apply, type State } from './state.ts'
import { refused, type Input, type Step } from './step.ts'

type Resumed = Extract<ForAll, { type: 'resumed' }>

/**
 * Takes what another partition follows. That it was agreed to is looked at again: votes are counted, and nothing comes into force for which nothing was followed that lets it. Refused with
 * `LOG_DIFFERS` where it does not fit, since this one cannot go on without it then.
 */
export function handleFollow(
  state: State,
  { after, record, hash, event, program }: Input & { kind: 'follow' },
  now: number,
): Step {
  const { followed, taken } = state.tenure
  const { sequence } = followed
  if (record <= sequence) return [state, [], [{ kind: 'done', body: { followed: sequence } }]]
  if (after !== sequence || record <= after)
    return refused(
      state,
      'PARTITION_BEHIND',
      `record ${record} follows ${after}, and ${sequence} was followed last: what is between is missing`,
    )
  const place = event && laneBefore(event)
  if (place !== undefined && isLater(place, taken.halts))
    return refused(
      state,
      'PARTITION_BEHIND',
      `record ${record} is about the halt ${place}, and halts were taken up to ${taken.halts}`,
    )
  const unfounded = event && problemOf(state, event, program)
  if (unfounded !== undefined)
    return refused(state, 'LOG_DIFFERS', `record ${record} of the first partition: ${unfounded}`)
  const said: Event = {
    schema: SCHEMA_VERSION,
    type: 'followed',
    after,
    record,
    hash,
    ...(event === undefined ? {} : { event }),
  }
  const next = apply(state, { at: now, event: said }, () => program)
  return [next, [said], [{ kind: 'done', body: { followed: record } }]]
}

/** Why what the first recorded does not follow from what was followed of it before; `undefined` where it does. */
function problemOf(state: State, event: ForAll, program: Program | undefined): string | undefined {
  switch (event.type) {
    case 'registered':
    case 'owned':
    case 'retired':
    case 'rated':
    case 'stopped':
      return undefined
    case 'asked':
      return event.rounds.map((round) => unfit(state, round)).find((problem) => problem !== undefined)
    case 'certified':
      return miscounted(state, event.certificate)
    case 'requested':
      return isChange(event.subject) ? undefined : `a ${event.subject.kind} is requested by nobody`
    case 'activated':
      return program?.constitution.hash === event.constitution
        ? unfounded(state, event)
        : `the text of ${event.constitution} is not at hand`
    case 'quorate':
      return misnamed(event.hash, digestOf(event.policies)) ?? unfounded(state, event)
    case 'routed':
      return misnamed(event.hash, digestOf(event.content)) ?? unfounded(state, event)
    case 'steered':
      return (
        misnamed(event.hash, digestOf(event.content)) ??
        (movesOrders(event.content) ? unfounded(state, event) : undefined)
      )
    case 'policed':
      return misnamed(event.hash, hashOfPolicy(event.content))
    case 'resumed':
      return unlifted(state, event)
  }
}

function misnamed(hash: string, found: string): string | undefined {
  return hash === found ? undefined : `the hash is ${hash}, and what it stands for has ${found}`
}

/** A question is put by the policy in force, to agents under the keys that they are registered with. */
function unfit({ quorum, ledger }: State, { proposal, policy, roster }: OpenedRound): string | undefined {
  const id = proposal.proposal
  const inForce = quorum.policies?.byName.get(policy.name)
  if (inForce === undefined || digestOf(inForce) !== digestOf(policy))
    return `\`${id}\` was put to the vote under a policy that was not in force`
  const stranger = roster.voters.find(
    ({ agent, publicKey }) => ledger.agents.get(agent)?.publicKey !== publicKey,
  )
  return stranger && `\`${id}\`: the key of \`${stranger.agent}\` is not the one registered`
}

/** The votes on what was asked are counted again. */
function miscounted({ quorum }: State, certificate: Certificate): string | undefined {
  const id = certificate.proposal.proposal
  const asked = quorum.followed.get(id)
  if (asked === undefined) return `a certificate of \`${id}\`, which was not put to the vote`
  const found = verifyCertificate(certificate, {
    policy: digestOf(asked.policy),
    constitution: asked.proposal.constitution,
  })
  if (!found.isValid) return `the certificate of \`${id}\` does not stand: ${found.problems.join('; ')}`
  return canonicalJson(certificate.proposal) === canonicalJson(asked.proposal) &&
    certificate.rosterHash === digestOf(asked.roster)
    ? undefined
    : `the certificate of \`${id}\` is not of what was put to the vote`
}

/** A change takes the word of a quorum or of a second person, unless nobody could vote on it. */
function unfounded(state: State, event: Enacted): string | undefined {
  const { quorum, ledger } = state
  const { certificate, first, by } = event
  const change = changeIn(event)
  const what = `\`${event.type}\` by \`${by}\``
  if (certificate !== undefined)
    return quorum.resolutions.some(
      (one) => one.certificate === certificate && isSameChange(one.subject, change),
    )
      ? undefined
      : `${what}: no approval of it that stands came before`
  if (first === undefined)
    return decidingOn(state) === undefined ? undefined : `${what} alone, and there are agents to ask`
  const asked = quorum.requests.get(matterOf(change))
  const isAsked =
    asked?.by === first.by && asked.reason === first.reason && isSameChange(asked.subject, change)
  return isAsked && by !== first.by && !ledger.agents.has(by)
    ? undefined
    : `${what}: \`${first.by}\` did not ask for just this before`
}

/** A halt is lifted by the word of agents that was followed, or by operators. */
function unlifted({ quorum }: State, event: Resumed): string | undefined {
  const { halt, operator, reason, rebase, certificate } = event
  if (certificate === undefined) return undefined
  const { lift } = quorum
  const subject = { kind: 'resume', halt, reason, ...(rebase === undefined ? {} : { rebase }) }
  return lift?.certificate === certificate &&
    lift.proposal.agent === operator &&
    canonicalJson(lift.proposal.subject) === canonicalJson(subject)
    ? undefined
    : `\`${halt}\` was lifted by agents, and no approval of it came before`
}
