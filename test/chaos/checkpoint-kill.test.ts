/** Kills the real sidecar while it writes a checkpoint, again and again: what was left is no checkpoint, and every start comes to the same state. */
import { appendFileSync, existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { v7 as uuidv7 } from 'uuid'
import { verifyHome } from '../../src/cli/verify-home.ts'
import { EMPTY_STATE } from '../../src/engine/state.ts'
import { stateLines } from '../../src/engine/state-lines.ts'
import { DecisionIndex } from '../../src/journal/decision-index.ts'
import { ConstitutionStore } from '../../src/sidecar/constitutions.ts'
import { foldRecords } from '../../src/sidecar/restart.ts'
import { callAt, until } from '../support/http.ts'
import { lengthOf } from '../support/length.ts'
import { cancel, order, quietMarket } from '../support/market.ts'
import { Rig } from '../support/sidecar.ts'
import { serve } from './cli-sidecar.ts'

const KILLS = lengthOf({ short: 2, usual: 6, long: 60 })
const CONNECTIONS = 4

/** Asks without pause until the sidecar is gone. */
async function ask(rig: Rig, base: string): Promise<void> {
  const headers = { authorization: `Bearer ${rig.token('alpha')}` }
  for (let turn = 0; ; turn += 1) {
    const action = turn % 2 === 0 ? order() : cancel()
    const body = { id: uuidv7(), agent: 'alpha', action }
    const answer = await callAt(base, 'POST', '/v1/actions', { body, headers }).catch(() => undefined)
    if (answer === undefined) return
  }
}

/** The files of checkpoints that are being written, and how large each is. */
function partials(rig: Rig): { name: string; bytes: number }[] {
  const folder = join(rig.journal, 'checkpoints')
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => name.endsWith('.partial'))
    .map((name) => ({
      name,
      bytes: statSync(join(folder, name), { throwIfNoEntry: false })?.size ?? 0,
    }))
}

test(
  `${KILLS} kills while a checkpoint is written leave none that is wrong`,
  { timeout: 1_800_000 },
  async () => {
    const rig = new Rig()
    rig.now = Date.now()
    // One checkpoint follows the other.
    appendFileSync(join(rig.home, 'config.yaml'), 'checkpoints: { everyRecords: 1 }\n')
    let left = 0
    let begun = 0
    try {
      await rig.start()
      await rig.observe(...quietMarket(rig.now))
      await rig.stop()
      for (let kill = 0; kill < KILLS; kill += 1) {
        const sidecar = await serve(rig.home)
        const load = Array.from({ length: CONNECTIONS }, () => ask(rig, sidecar.base))
        await until(
          'a checkpoint is being written',
          () => partials(rig).some(({ bytes }) => bytes > 0),
          20_000,
        )
        await sidecar.kill()
        await Promise.all(load)
        left += partials(rig).length

        // Whatever is there by its name is what the journal comes to.
        rig.now = Date.now()
        await rig.start()
        const { sidecar: again, restart } = rig.running
        expect(restart.ignored).toEqual([])
        begun += restart.checkpoint > 0 ? 1 : 0
        expect([...stateLines(again.state)]).toEqual(await folded(rig))
        await rig.stop()
        expect(partials(rig)).toEqual([])
      }
      expect(left).toBeGreaterThan(0)
      expect(begun).toBeGreaterThan(0)
      expect(await verifyHome(rig.home, { chainOnly: false })).toBe(true)
      console.info(
        `${KILLS} kills: ${left} left a checkpoint half written, ${begun} starts began with a whole one, all states the same`,
      )
    } finally {
      await rig.end()
    }
  },
)

/** The lines of the state that the whole journal comes to. */
async function folded(rig: Rig): Promise<string[]> {
  const store = new ConstitutionStore(join(rig.home, 'constitutions'))
  let last = { state: EMPTY_STATE, decisions: new DecisionIndex() }
  for await (const next of foldRecords(rig.journal, last, (hash) => store.programOf(hash))) last = next
  return [...stateLines(last.state)]
}
