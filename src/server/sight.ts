/** Who sees which rounds of votes: a large order that is still to come is nobody's business but theirs who decide on it. */
import type { Event } from '../protocol/event.ts'
import type { Concerned } from '../sidecar/rounds-view.ts'
import type { Token } from '../sidecar/tokens.ts'

/** Whether `who` sees the round: an agent that is asked, may cancel it or proposed it; people all, feeders none. */
export function sees({ role, name }: Token, { proposal, roster }: Concerned): boolean {
  if (role !== 'agent') return role !== 'feeder'
  return (
    proposal.agent === name ||
    roster.guardians.includes(name) ||
    roster.voters.some(({ agent }) => agent === name)
  )
}

/**
 * What `who` is told of an event; `undefined` for nothing. Halts concern everybody, a verdict the agent that asked for it. `roundOf` finds a round while it is
 * kept: of one that was forgotten, an agent is told its own votes alone.
 */
export function toldTo(
  who: Token,
  event: Event,
  roundOf: (id: string) => Concerned | undefined,
): Event | undefined {
  const { role, name } = who
  if (event.type === 'halted' || event.type === 'resumed') return event
  if (role !== 'agent') return role === 'feeder' ? undefined : event
  const seesRound = (id: string): boolean => {
    const round = roundOf(id)
    return round !== undefined && sees(who, round)
  }
  switch (event.type) {
    case 'decided':
      return event.decision.request.agent === name ? event : undefined
    case 'proposed':
    case 'asked': {
      const rounds = event.rounds.filter((round) => sees(who, round))
      return rounds.length === 0 ? undefined : { ...event, rounds }
    }
    case 'voted':
      return event.vote.agent === name || seesRound(event.vote.round) ? event : undefined
    case 'stopped':
      return event.by === name || seesRound(event.proposal) ? event : undefined
    case 'certified':
      return sees(who, event.certificate) ? event : undefined
    default:
      return undefined
  }
}
