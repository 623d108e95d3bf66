/** Rounds of three voters who differ in one thing each, and what the market said of them. */
import { certificateOf } from '../../src/consensus/certificate.ts'
import { step } from '../../src/consensus/round.ts'
import type { ClosedRound } from '../../src/consensus/round-state.ts'
import type { Outcome } from '../../src/consensus/weights-proposal.ts'
import type { Certificate } from '../../src/protocol/certificate.ts'
import type { Policy } from '../../src/protocol/policy.ts'
import type { Choice } from '../../src/protocol/proposal.ts'
import { agentWith, AT, freeze, opened, policyWith, proposalWith, voteIn, voting } from './consensus.ts'

/** Weighs by α alone, by β alone, by γ alone. */
export const VOTERS = {
  earner: { periods: 200, sharpe: 3, drawdown: 1, uptime: 0 },
  keeper: { periods: 200, sharpe: -1, drawdown: 0, uptime: 0 },
  stayer: { periods: 200, sharpe: -1, drawdown: 1, uptime: 1 },
} as const
export type Says = Readonly<Partial<Record<keyof typeof VOTERS, Choice>>>

/** A round that opened so many minutes after the first and was over by its time. */
export function roundOf(says: Says, minute = 0, policy: Policy = policyWith()): Certificate {
  const agents = Object.entries(VOTERS).map(([agent, performance]) => agentWith(agent, { performance }))
  const frozen = freeze({ policy, agents })
  if ('code' in frozen) throw new Error(frozen.code)
  const at = AT + minute * 60_000
  const before = opened(policy, frozen, proposalWith({ proposal: `q-${minute}`, at }))
  const begun = { ...before, opening: { ...before.opening, opened: at }, deadline: at + 2000 }
  let round: ReturnType<typeof step>[0] = begun
  for (const [agent, choice] of Object.entries(says))
    [round] = step(round, voting(voteIn(begun, agent, choice), at + 100))
  if (round.state === 'open') [round] = step(round, { type: 'tick', at: begun.deadline })
  return certificateOf(round as ClosedRound)
}

/** `count` rounds, an hour apart, each known 30 minutes later. */
export function outcomesOf(
  count: number,
  of: (place: number) => readonly [Says, 0 | 1],
  policy?: Policy,
): Outcome[] {
  return Array.from({ length: count }, (_, place) => {
    const [says, outcome] = of(place)
    const certificate = roundOf(says, 60 * place, policy)
    return { certificate, outcome, at: certificate.opened + 1_800_000 }
  })
}
