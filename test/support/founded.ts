/** The first of several partitions with a law, policies and agents that vote, and another that follows it. */
import type { Input, Person } from '../../src/engine/step.ts'
import type { Choice } from '../../src/protocol/proposal.ts'
import { Core } from './cores.ts'
import { programWith } from './engine.ts'
import { castBy, LARGE, NAMES, POLICIES, registrationOf } from './quorum.ts'

export const FIRST = programWith([LARGE], {}, ['off-lot', 'halted'])
export const NEXT = programWith([{ ...LARGE, escalate: 'order.value > 10001 USD' }], {}, [
  'off-lot',
  'halted',
])
export const THIRD = programWith([], {}, ['off-lot', 'halted'])
export const PROGRAMS = [FIRST, NEXT, THIRD]
export const DAY = 86_400_000

export const activate = (program = NEXT, person: Partial<Person> = {}): Input => ({
  kind: 'activate',
  program,
  by: 'author',
  reason: 'test',
  ...person,
})
export const hashIn = ({ state }: Core): string | undefined => state.program?.constitution.hash

/** The only round that is open. */
export function roundIn({ state }: Core): string {
  const [round, ...more] = state.quorum.rounds.open.keys()
  if (round === undefined || more.length > 0) throw new Error('expected one round')
  return round
}

export function vote(first: Core, choice: Choice = 'yes', round = roundIn(first)): void {
  for (const name of NAMES)
    if (first.state.quorum.rounds.open.has(round)) first.take(castBy(first.state, round, name, choice))
}

/** The first with a law, policies and agents that vote. */
export function founded(): Core {
  const first = new Core(0, 2)
  first.take(activate(FIRST))
  first.take({ kind: 'quorate', policies: POLICIES, by: 'author' })
  for (const name of NAMES) {
    first.take(registrationOf(name))
    first.take({ kind: 'beat', agent: name })
  }
  return first
}

export const HALT: Input = {
  kind: 'halt',
  request: { scope: { kind: 'everything' }, state: 'halted', reason: 'x' },
  by: 'operator-1',
}
export const resume = (halt: string, operator = 'operator-1'): Input => ({
  kind: 'resume',
  halt,
  operator,
  reason: 'over',
})
export const [PLACE, LATER] = ['1790000000000-0', '1790000000000-1']

/** The first after its agents agreed to another law and to lifting a halt. */
export function agreed(): Core {
  const first = founded()
  first.take(activate())
  vote(first)
  first.take(activate())
  first.deliver(PLACE, HALT)
  first.take(resume(`h-${PLACE}`))
  vote(first)
  return first
}

/** Nothing may be followed whose place in the lane was not taken. */
export function other(number = 1): Core {
  const core = new Core(number, 2)
  core.deliver(PLACE, HALT)
  return core
}
