/** Kills the real sidecar under load, again and again: every verdict that anybody heard is in the journal, as they heard it. */
import { randomInt } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { v7 as uuidv7 } from 'uuid'
import { readRecords } from '../../src/journal/read.ts'
import { verifyJournal } from '../../src/journal/verify.ts'
import { ActionAnswer } from '../../src/protocol/decision.ts'
import type { Event } from '../../src/protocol/event.ts'
import { permitEnd } from '../../src/protocol/permit.ts'
import { callAt, until } from '../support/http.ts'
import { lengthOf } from '../support/length.ts'
import { cancel, order, quietMarket } from '../support/market.ts'
import { policiesWithout } from '../support/policy.ts'
import { Rig } from '../support/sidecar.ts'
import { serve, type CliSidecar } from './cli-sidecar.ts'

const KILLS = lengthOf({ short: 2, usual: 8, long: 100 })
/** Calls that are on their way at once, for each agent. */
const CONNECTIONS = 6
const AGENTS = ['alpha', 'hedger']

interface Heard {
  readonly request: object
  readonly text: string
}

/** Asks without pause until the sidecar is gone; keeps each answer that came whole. */
async function ask(rig: Rig, base: string, agent: string, heard: Heard[]): Promise<void> {
  const headers = { authorization: `Bearer ${rig.token(agent)}` }
  for (let turn = 0; ; turn += 1) {
    const actions = [order(), order({ quantity: 5000 }), cancel(), order({ side: 'sell', quantity: 1 })]
    const request = {
      id: uuidv7(),
      agent,
      action: actions[turn % actions.length],
      ...(turn % 3 === 0 ? { accept: ['narrow'] } : {}),
    }
    let text: string
    try {
      const answer = await callAt(base, 'POST', '/v1/actions', { body: request, headers })
      if (answer.status !== 200) throw new Error(`INVARIANT: ${answer.status} ${answer.text}`)
      text = answer.text
    } catch (error) {
      if (error instanceof Error && error.message.startsWith('INVARIANT')) throw error
      return
    }
    heard.push({ request, text })
  }
}

/** Load from all agents and a feeder, until the sidecar is killed after a number of answers that chance gives. */
async function killUnderLoad(rig: Rig, sidecar: CliSidecar): Promise<Heard[]> {
  const heard: Heard[] = []
  const feeder = { authorization: `Bearer ${rig.token('feed')}` }
  const feed = async (): Promise<void> => {
    for (;;) {
      const answer = await callAt(sidecar.base, 'POST', '/v1/observations', {
        body: quietMarket(Date.now() - 1),
        headers: feeder,
      }).catch(() => undefined)
      if (answer === undefined) return
    }
  }
  const load = AGENTS.flatMap((agent) =>
    Array.from({ length: CONNECTIONS }, () => ask(rig, sidecar.base, agent, heard)),
  )
  const enough = randomInt(1, 150)
  const finished = Promise.all([...load, feed()])
  try {
    // The load ends before the kill only by failing.
    await Promise.race([until('there are answers', () => heard.length >= enough, 20_000), finished])
  } finally {
    await sidecar.kill()
  }
  await finished
  return heard
}

test(`${KILLS} kills under load lose no verdict that was released`, { timeout: 1_800_000 }, async () => {
  // Agents that are denied again and again would be halted, and what was allowed to them held back.
  const rig = new Rig({ policies: policiesWithout('agent-insists') })
  // The command reads the machine's clock, which must not stand before the first record.
  rig.now = Date.now()
  const { publicKey } = await rig.start().then(async ({ running }) => {
    await rig.stop()
    return running.home.keys
  })
  const released = new Map<string, ActionAnswer>()
  let repeated = 0
  try {
    for (let kill = 0; kill < KILLS; kill += 1) {
      const sidecar = await serve(rig.home)
      const heard = await killUnderLoad(rig, sidecar)
      const answers = heard.map(({ text }) => ActionAnswer.parse(JSON.parse(text)))
      for (const answer of answers) released.set(answer.decision, answer)

      const verified = await verifyJournal(rig.journal, publicKey)
      expect(verified.problems.filter(({ file }) => file !== 'head')).toEqual([])
      // All that anybody was told of is there; the signed head may be a group behind.
      expect(verified.sequence).toBeGreaterThanOrEqual(
        Math.max(0, ...answers.map(({ sequence }) => sequence)),
      )

      // A sidecar that starts again tells the same.
      const again = await serve(rig.home)
      for (const { request, text } of heard.slice(-3)) {
        const headers = { authorization: `Bearer ${rig.token((request as { agent: string }).agent)}` }
        const said = (await callAt(again.base, 'POST', '/v1/actions', { body: request, headers })).text
        const { decision, at } = ActionAnswer.parse(JSON.parse(text))
        // A start may take longer than a permit lives: then it says that it gave one, and gives it no more.
        if (Date.now() >= permitEnd(at) && said !== text) {
          expect(JSON.parse(said)).toMatchObject({
            code: 'VERDICT_EXPIRED',
            detail: expect.stringContaining(decision),
          })
          continue
        }
        expect(said).toBe(text)
        repeated += 1
      }
      await again.kill()
    }
    const recorded = await readDecisions(rig.journal)
    const missing = [...released.values()].filter(({ decision, sequence, verdict }) => {
      const found = recorded.get(decision)
      return found?.sequence !== sequence || found.verdict !== verdict
    })
    expect(missing).toEqual([])
    expect(released.size).toBeGreaterThan(KILLS)
    // Each is there once.
    expect(recorded.size).toBe(recorded.count)
    console.info(
      `${KILLS} kills: ${released.size} verdicts released, ${released.size - missing.length} found with their verdict and sequence, ${repeated} asked for again and the same, ${recorded.size} recorded`,
    )
  } finally {
    rmSync(rig.home, { recursive: true, force: true })
  }
})

class Decisions extends Map<string, { sequence: number; verdict: string }> {
  count = 0
}

async function readDecisions(journal: string): Promise<Decisions> {
  const decisions = new Decisions()
  for await (const { sequence, event } of readRecords(join(journal))) {
    const { type, ...rest } = event as unknown as Event
    if (type !== 'decided') continue
    const { decision } = rest as unknown as { decision: { decision: string; verdict: string } }
    decisions.set(decision.decision, { sequence, verdict: decision.verdict })
    decisions.count += 1
  }
  return decisions
}
