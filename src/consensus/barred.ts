/** Who has no vote on a question because it is about that agent. */
import type { Subject } from '../protocol/proposal.ts'

/** The agent that would profit from what is proposed, as far as the proposal names it: nobody is let through on their own word. */
export function barredFrom(subject: Subject): string | null {
  return subject.kind === 'grant' ? (subject.terms.scope.agent ?? null) : null
}
