/** Lets the core know that time passes, so that what nobody reports is seen too: an agent that has fallen silent, a permit that is over. */
import { systemTimers, type Clock, type Timers } from '../base/clock.ts'
import type { Front } from './front.ts'

export type Every = Timers['every']

/** The machine's own timer. */
export const systemTimer: Every = systemTimers.every

/** A process that did not run for so long (milliseconds) has not listened either: what came meanwhile still waits to be read. */
const DEAF_MS = 2_000

/** Ticks until what it answers is called. */
export function startTicks(sidecar: Front, clock: Clock, every: Every, milliseconds: number): () => void {
  let listeningSince = clock.now()
  let last = listeningSince
  return every(milliseconds, () => {
    const now = clock.now()
    if (now - last > DEAF_MS) listeningSince = now
    last = now
    sidecar.tick(listeningSince)
  })
}
