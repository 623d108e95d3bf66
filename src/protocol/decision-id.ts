/** How a decision is named. */
import { sha256 } from '../base/hash.ts'

/** The id of the decision on an agent's request: whoever knows the request can name it (ADR 6). */
export function decisionIdOf(agent: string, id: string): string {
  return `d-${sha256(`${agent}\n${id.toLowerCase()}`).slice(0, 24)}`
}
