/** Runs stories by the seed, says which, and counts what they reached. */
import * as fc from 'fast-check'
import { Broken } from './broken.ts'
import type { Core } from './core.ts'
import { play } from './play.ts'
import { story, type Story } from './steps.ts'
import type { Senses } from './world.ts'

const LONG = process.env.EPHOR_LONG === '1'
/** Another on each run, unless `EPHOR_SEED` asks for one again. */
export const SEED = Number(process.env.EPHOR_SEED ?? Math.floor(Math.random() * 2 ** 31))
const STORIES = LONG ? 20_000 : 400
const STEPS_MAX = 120

export interface Run {
  readonly stories: number
  readonly inputs: number
  readonly seen: ReadonlyMap<string, number>
  /** What was broken, at its smallest. */
  readonly broken: Broken | undefined
}

/** Plays random stories with the core as it is; throws with the smallest that breaks an invariant. */
export function simulate(name: string, core: Core): Run {
  return runStories(name, core, { senses: 'all', stories: STORIES, smallest: true })
}

/** Plays random stories with a core that has a fault in it, until one breaks an invariant. */
export function findFault(name: string, core: Core, senses: Senses): Run {
  return runStories(`planted fault: ${name}, by ${senses}`, core, { senses, stories: 4_000, smallest: false })
}

function runStories(
  name: string,
  core: Core,
  { senses, stories, smallest }: { senses: Senses; stories: number; smallest: boolean },
): Run {
  let played = 0
  let inputs = 0
  const seen = new Map<string, number>()
  const start = performance.now()
  process.stdout.write(`simulation: ${name}: EPHOR_SEED=${SEED}\n`)
  const details = fc.check(
    fc.property(story(STEPS_MAX), (one) => {
      const world = play(core, one, senses)
      played += 1
      inputs += world.inputs
      for (const [what, times] of world.seen) seen.set(what, (seen.get(what) ?? 0) + times)
    }),
    { seed: SEED, numRuns: stories, endOnFailure: !smallest },
  )
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  const { errorInstance, counterexample } = details
  const broken = errorInstance instanceof Broken ? errorInstance : undefined
  if (details.failed && (smallest || broken === undefined))
    throw new Error(`${name}: EPHOR_SEED=${SEED}\n${tell(counterexample?.[0])}`, { cause: errorInstance })
  process.stdout.write(
    `simulation: ${name}: ${played} stories, ${inputs} inputs, ${seconds} s${broken === undefined ? '' : `, ${broken.message.slice(0, 160)}`}\n`,
  )
  return { stories: played, inputs, seen, broken }
}

/** A story with a line for each step. */
function tell(one: Story | undefined): string {
  const { steps = [], ...rest } = one ?? {}
  return [rest, ...steps].map((line) => JSON.stringify(line)).join('\n')
}
