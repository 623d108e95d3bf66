/** Sidecars that are stopped, cut off and killed, over a cluster that loses, delays and repeats, keep to one law: a simulation that any seed plays again. */
import { describe, expect, test } from 'vitest'
import { Broken } from '../simulation/broken.ts'
import { FAULTS, REAL, type Core } from './faults.ts'
import { World } from './world.ts'

const LONG = process.env.EPHOR_LONG === '1'
/** Another on each run, unless `EPHOR_SEED` asks for one again. */
const SEED = Number(process.env.EPHOR_SEED ?? Math.floor(Math.random() * 2 ** 31))
const WORLDS = LONG ? 400 : 3
const WORLDS_FOR_FAULT = LONG ? 400 : 60

interface Played {
  readonly seen: ReadonlyMap<string, number>
  readonly steps: number
  readonly broken: Broken | undefined
}

async function play(core: Core, seed: number): Promise<Played> {
  const world = new World(core, seed)
  try {
    await world.play()
  } catch (error) {
    if (!(error instanceof Broken)) throw error
    return { seen: world.seen, steps: world.schedule.steps, broken: error }
  }
  return { seen: world.seen, steps: world.schedule.steps, broken: undefined }
}

/** What must have been reached, so that what is held was tried. */
const REACHED =
  `promoted, crashed, paused, cut off, lost, unanswered, twice, allow, deny, pending, sent, voted, taken,
  certified`
    .split(',')
    .map((what) => what.trim())
/** … in a long run. */
const RARE = ['demoted', 'setAside', 'redis restarted', 'approved', 'halt']

test('whatever happens to sidecars and their ways, one law holds; and a seed is played again to the byte', async () => {
  const seen = new Map<string, number>()
  const first = await play(REAL, SEED)
  let steps = 0
  const began = process.cpuUsage()
  for (let place = 0; place < WORLDS; place += 1) {
    const played = await play(REAL, SEED + place)
    if (played.broken !== undefined)
      throw new Error(`EPHOR_SEED=${SEED + place}: ${played.broken.message}`, { cause: played.broken })
    // The end of the chain is among what was seen.
    if (place === 0) expect(played).toEqual(first)
    steps += played.steps
    for (const [what, times] of played.seen) seen.set(what, (seen.get(what) ?? 0) + times)
  }
  const { user, system } = process.cpuUsage(began)
  const minutes = (user + system) / 60_000_000
  const told = [...seen]
    .filter(([what]) => !what.startsWith('end '))
    .map(([what, times]) => `${times} ${what}`)
  process.stdout.write(
    `cluster simulation: EPHOR_SEED=${SEED}: ${WORLDS} worlds, ${steps} steps, ${Math.round(steps / minutes)} a minute of one core; ${told.join(', ')}\n`,
  )
  for (const what of LONG ? [...REACHED, ...RARE] : REACHED)
    expect(seen.get(what) ?? 0, what).toBeGreaterThan(0)
})

describe('a fault that is planted is caught', () => {
  test.each(FAULTS)('$name', async ({ core }) => {
    let broken: Broken | undefined
    let worlds = 0
    for (; broken === undefined && worlds < WORLDS_FOR_FAULT; worlds += 1)
      broken = (await play(core, SEED + worlds)).broken
    process.stdout.write(`planted: after ${worlds} worlds: ${broken?.message.slice(0, 160)}\n`)
    expect(broken).toBeDefined()
  })
})
