/** Whether a change of what is judged, voted or tuned by may take effect: by a quorum's word, by that of two people where nobody can vote, or its author's. */
import type { ErrorCode } from '../base/errors.ts'
import { canonicalJson } from '../base/canonical-json.ts'
import { isIn } from '../consensus/weights.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { Event } from '../protocol/event.ts'
import type { Policy } from '../protocol/policy.ts'
import { isChange, matterOf, type Change, type Subject } from '../protocol/proposal.ts'
import { ACTIVATING, ask, type Asked } from './asking.ts'
import type { State } from './state.ts'
import { recorded, type Person, type Step } from './step.ts'

/** Whose word a change rests on beside its author's. */
type Backing = Pick<Extract<Event, { type: 'activated' }>, 'certificate' | 'first'>

/** What puts a change in force that may take the word of others. */
export type Enacted = Extract<Event, { type: 'activated' | 'quorate' | 'routed' | 'steered' }>

type Consent =
  | { readonly kind: 'given'; readonly backing: Backing }
  | { readonly kind: 'waits'; readonly event: Asked | Extract<Event, { type: 'requested' }> | undefined }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly detail: string }

/**
 * Whether a change may take effect now, or what has to come first.
 *
 * Before the first constitution, and where no policy or no registered agent decides on changes, its author decides. Where a quorum can be had, it does: the
 * first call asks, and one after the approval puts it in force. Else two different people do.
 */
export function consentTo(state: State, change: Change, person: Person, now: number): Consent {
  const { quorum } = state
  const { by, isSecond, isEnacting } = person
  const policy = decidingOn(state)
  if (policy === undefined) return consentOfAuthor(person)
  const resolution = quorum.resolutions.find(
    ({ subject, until }) => until > now && isSameChange(subject, change),
  )
  if (resolution !== undefined && isSecond !== true)
    return { kind: 'given', backing: { certificate: resolution.certificate } }
  // Another sidecar put it in force, or it is over.
  if (isEnacting === true) return { kind: 'waits', event: undefined }
  const asked = ask(state, { subject: change, policy: ACTIVATING, by }, now)
  if (asked?.type === 'refused') return { kind: 'refused', code: asked.code, detail: asked.detail }
  if (asked !== undefined)
    return isSecond === true
      ? needsAnother('agents can vote on this, and an author asks them')
      : { kind: 'waits', event: asked }
  return ofTwo(state, change, person, now, policy.envelopeMs)
}

/** The policy by which a change is decided; `undefined` where its author decides: before the first constitution, and where nobody could ever vote. */
export function decidingOn(state: State): Policy | undefined {
  const policy = state.quorum.policies?.byName.get(ACTIVATING)
  return policy === undefined || state.program === undefined || !hasVoters(state, policy.voters)
    ? undefined
    : policy
}

/** Where an author decides by himself. */
export function consentOfAuthor({ isSecond }: Person): Consent {
  return isSecond === true ? needsAnother('an author puts this in force') : { kind: 'given', backing: {} }
}

/** Nobody can vote: the first person's word is kept, and the second's lets it take effect. */
function ofTwo(
  { quorum, ledger }: State,
  change: Change,
  { by, reason, isSecond }: Person,
  now: number,
  goodForMs: number,
): Consent {
  if (ledger.agents.has(by)) return needsAnother(`\`${by}\` is registered as an agent`)
  if (reason === undefined) return needsAnother('say why, in `reason`')
  const first = quorum.requests.get(matterOf(change))
  // Who has become an agent since is nobody whose word counts.
  const stands =
    first !== undefined &&
    first.until > now &&
    !ledger.agents.has(first.by) &&
    isSameChange(first.subject, change)
  if (stands && first.by !== by)
    return { kind: 'given', backing: { first: { by: first.by, reason: first.reason } } }
  if (stands) return needsAnother(`\`${by}\` has asked for this already; another author or an operator must`)
  if (isSecond === true) return needsAnother('an author asks for it first, with the same text')
  const until = now + goodForMs
  return {
    kind: 'waits',
    event: { schema: SCHEMA_VERSION, type: 'requested', subject: change, by, reason, until },
  }
}

function needsAnother(detail: string): Consent {
  return { kind: 'refused', code: 'SECOND_PERSON_NEEDED', detail }
}

/** Whether any agent that serves could ever vote by the policy, heard lately or not. */
function hasVoters({ ledger }: State, groups: Parameters<typeof isIn>[0]): boolean {
  return ledger.agents.some(
    ({ retiredAt, publicKey, role, field = null }) =>
      retiredAt === undefined && publicKey !== undefined && isIn(groups, { role, field }),
  )
}

/** What came into force, as it was agreed to. */
export function changeIn(event: Enacted): Change {
  if (event.type === 'activated') {
    const { constitution, name, version, casesFailed } = event
    const failed = casesFailed === undefined ? {} : { casesFailed }
    return { kind: 'activation', constitution, name, version, ...failed }
  }
  const which = WHICH[event.type]
  return { kind: 'policies', which, hash: event.hash }
}

const WHICH = { quorate: 'consensus', routed: 'routing', steered: 'optimizer' } as const

/** Whether a subject comes to the same as a change; why each was asked for aside. */
export function isSameChange(subject: Subject, change: Change): boolean {
  return isChange(subject) && withoutReason(subject) === withoutReason(change)
}

function withoutReason(change: Change): string {
  const { reason: _, ...rest } = change
  return canonicalJson(rest)
}

/** Records that a change waits, and for whom; nothing where nobody is asked. */
export function waiting(
  state: State,
  event: Extract<Consent, { kind: 'waits' }>['event'],
  now: number,
  body: Readonly<Record<string, string | boolean>>,
): Step {
  if (event === undefined) return [state, [], [{ kind: 'done', body: { ...body, activated: false } }]]
  const proposal = event.type === 'asked' ? event.rounds[0]?.proposal.proposal : undefined
  return recorded(state, event, now, {
    ...body,
    activated: false,
    ...(proposal === undefined ? { waitsFor: 'person' } : { waitsFor: 'quorum', proposal }),
  })
}
