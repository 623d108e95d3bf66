/** Nothing is timed before all engines give the same answers, and the right ones. */
import { isDenied } from './rules.mjs'

/** Throws at the first action on which an engine differs from the rules worked out in integers. */
export async function assertAgreement(rules, actions, engines) {
  let denied = 0
  for (const [index, facts] of actions.entries()) {
    const wanted = !isDenied(rules, facts)
    if (!wanted) denied += 1
    for (const { name, input, decide } of engines) {
      const answer = await decide(input(facts))
      if (answer !== wanted)
        throw new Error(
          `${name} ${answer ? 'allows' : 'denies'} action ${index} of ${rules.length} rules, which must be ${wanted ? 'allowed' : 'denied'}; nothing is reported`,
        )
    }
  }
  if (denied === 0 || denied === actions.length) throw new Error('the actions do not tell the engines apart')
  return { actions: actions.length, denied }
}
