/** A round told once more, in the plainest way: keep everything, count from the beginning, try every vote still to come. */
import type { OpenRound, Round, RoundEvent } from '../../src/consensus/round-state.ts'
import type { Choice } from '../../src/protocol/proposal.ts'

/** What is known of a round so far. */
export interface Model {
  readonly round: OpenRound
  readonly deadline: number
  readonly extensions: number
  /** By voter, all different choices in the order in which they came while the round was open. */
  readonly choices: ReadonlyMap<string, readonly Choice[]>
  /** `undefined` while it is open. */
  readonly outcome: 'approved' | 'rejected' | 'withdrawn' | 'cancelled' | undefined
}

/** Before anything has happened. */
export function beginning(round: OpenRound): Model {
  return { round, deadline: round.deadline, extensions: 0, choices: new Map(), outcome: undefined }
}

/** The model after `event`. Knows of votes that are in order, ticks, withdrawals and cancels by who may. */
export function tell(model: Model, event: RoundEvent): Model {
  if (model.outcome !== undefined) return model
  if (event.at >= model.deadline)
    return { ...model, outcome: isApproved(model, new Map()) ? 'approved' : 'rejected' }
  if (event.type === 'withdraw') return { ...model, outcome: 'withdrawn' }
  if (event.type === 'cancel') return { ...model, outcome: 'cancelled' }
  if (event.type !== 'vote') return model
  const mine = model.choices.get(event.vote.agent) ?? []
  if (mine.includes(event.vote.choice) || mine.length === 2) return model
  const choices = new Map(model.choices).set(event.vote.agent, [...mine, event.vote.choice])
  const voted = { ...model, choices }
  const possible = outcomesOf(voted)
  if (possible.size === 1) return { ...voted, outcome: possible.has(true) ? 'approved' : 'rejected' }
  const { extension } = model.round.opening.policy
  const isLate = extension !== null && model.deadline - event.at <= extension.lastMs
  const isSwung = isApproved(model, new Map()) !== isApproved(voted, new Map())
  if (!isLate || !isSwung || model.extensions >= extension.times) return voted
  return { ...voted, extensions: model.extensions + 1, deadline: model.deadline + extension.byMs }
}

/** Whether the count approves, once those in `more` have voted so too. */
function isApproved(
  { round, choices }: Pick<Model, 'round' | 'choices'>,
  more: ReadonlyMap<string, Choice>,
): boolean {
  const { policy, frozen } = round.opening
  let [yes, no, total, voters] = [0n, 0n, 0n, 0]
  let [consents, vetoes] = [0, 0]
  for (const voter of frozen.roster.voters) {
    if (voter.delegate !== null) continue
    const weight = BigInt(voter.carries)
    total += weight
    const mine = choices.get(voter.agent) ?? []
    const choice = mine.length > 1 ? 'no' : (mine[0] ?? more.get(voter.agent))
    if (choice === 'no' && voter.veto) return false
    if (voter.veto) vetoes += 1
    if (voter.veto && choice === 'yes') consents += 1
    if (choice === 'no') no += weight
    if (choice === 'yes') yes += weight
    if (choice === 'yes' && weight > 0n) voters += 1
  }
  const [quorum, ofTotal] = policy.quorum.map(BigInt) as [bigint, bigint]
  const [support, ofVotes] = policy.support.map(BigInt) as [bigint, bigint]
  const hasConsent = vetoes === 0 || (policy.consent === 'all' ? consents === vetoes : consents > 0)
  return (
    hasConsent &&
    yes * ofTotal >= quorum * total &&
    yes * ofVotes > support * (yes + no) &&
    voters >= policy.minimumVoters
  )
}

const known = new WeakMap<OpenRound, Map<string, ReadonlySet<boolean>>>()

/** Everything that could come of it. Remembered by what was chosen, since histories meet. */
function outcomesOf(model: Model): ReadonlySet<boolean> {
  const mine = known.get(model.round) ?? new Map<string, ReadonlySet<boolean>>()
  known.set(model.round, mine)
  const key = [...model.choices]
    .map((entry) => entry.join(':'))
    .toSorted()
    .join(' ')
  const found = mine.get(key) ?? tryAll(model)
  mine.set(key, found)
  return found
}

/** Every way in which those who have not voted may vote, or not. */
function tryAll(model: Model): ReadonlySet<boolean> {
  const silent = model.round.opening.frozen.roster.voters
    .filter(({ agent, delegate }) => delegate === null && !model.choices.has(agent))
    .map(({ agent }) => agent)
  // What a vote does never depends on the others: where there are too many to try them all, all yes and all no stand for them.
  if (silent.length > 8) {
    const all = (choice: Choice) => new Map(silent.map((agent) => [agent, choice]))
    return new Set([isApproved(model, all('yes')), isApproved(model, all('no'))])
  }
  const found = new Set<boolean>()
  for (let code = 0; code < 4 ** silent.length; code += 1) {
    const more = new Map<string, Choice>()
    for (const [index, agent] of silent.entries()) {
      const choice = (['yes', 'no', 'abstain', undefined] as const)[Math.floor(code / 4 ** index) % 4]
      if (choice !== undefined) more.set(agent, choice)
    }
    found.add(isApproved(model, more))
    if (found.size === 2) break
  }
  return found
}

/** All of a round that what comes after can depend on, as text. */
export function keyOf(round: Round): string {
  const { deadline, extensions, tally } = round
  const votes = [...round.votes].map(([agent, { vote }]) => `${agent}:${vote.choice}`).toSorted()
  const twice = [...round.equivocations].map(([agent, { second }]) => `${agent}:${second.choice}`).toSorted()
  const more =
    round.state === 'open'
      ? round.waiting
      : { late: [...round.late].map(([agent, { second }]) => `${agent}:${second.choice}`).toSorted() }
  const end =
    round.state === 'approved'
      ? { until: round.envelope.until, ended: round.ended?.how }
      : round.state === 'rejected'
        ? round.reason
        : null
  const closed = round.state === 'open' ? null : round.closed
  return JSON.stringify([round.state, deadline, extensions, tally, votes, twice, more, end, closed])
}

/**
 * All of a round that what becomes of it can depend on, as text: less than `keyOf`. Which second vote an equivocator cast, and what evidence came
 * after the close, is kept and read by nothing; nor does it matter when a closed round was closed.
 */
export function placeOf(round: Round): string {
  const votes = [...round.votes]
    .map(([agent, { vote }]) => `${agent}:${vote.choice}${round.equivocations.has(agent) ? '!' : ''}`)
    .toSorted()
    .join(' ')
  if (round.state === 'open') return `${round.deadline} ${votes}`
  return `${round.state} ${votes} ${round.state === 'approved' ? round.ended?.how : ''}`
}
