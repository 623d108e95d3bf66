/** Decisions that somebody waits for are told from memory as they are told from the disk. */
import { mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { idAt, NOW, PROGRAM, programWith, QUIET, request } from '../../test/support/engine.ts'
import { beatOf, castBy, LARGE, NAMES, ONLY_ORDERS, registrationOf } from '../../test/support/quorum.ts'
import { generateKeyPair } from '../base/ed25519.ts'
import { decisionAt } from '../journal/query.ts'
import { readLineBatches } from '../journal/read.ts'
import { ConstitutionStore } from './constitutions.ts'
import { Feed } from './feed.ts'
import { Recorder } from './recorder.ts'

const VOTED = programWith([LARGE], {}, ['off-lot', 'halted'])

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ephor-recorder-'))
})
afterEach(() => {
  rmSync(directory, { recursive: true })
})

async function open(name: string): Promise<Recorder> {
  const texts = join(directory, `${name}-texts`)
  mkdirSync(texts)
  const store = new ConstitutionStore(texts)
  for (const { constitution } of [PROGRAM, VOTED]) store.keep(constitution)
  const clock = { now: () => NOW, steadyMicros: () => 0 }
  const options = {
    journalDirectory: join(directory, name),
    keys: generateKeyPair(),
    keyId: name,
    clock,
    fsync: false,
  }
  return (await Recorder.open(options, { store, feed: new Feed(), modelOf: () => undefined })).recorder
}

test('decisions that were followed are the same from memory and from the disk, kept or not any more', async () => {
  const [home, follower] = [await open('home'), await open('follower')]
  home.record({ kind: 'activate', program: PROGRAM, by: 'author' })
  home.record({ kind: 'observations', observations: QUIET, feeder: null })
  const asked = Array.from({ length: 600 }, (_, place) => idAt(NOW, place.toString(16)))
  for (const id of asked) home.record({ kind: 'action', request: request({}, { id }) })
  await home.flushed()
  for await (const lines of readLineBatches(join(directory, 'home'), 1))
    await follower.copy(lines.map(({ line }) => line))

  let found = 0
  for (let sequence = 1; sequence <= follower.end.sequence + 1; sequence += 1) {
    const told = await follower.decisionAt(sequence)
    expect(told).toEqual(await decisionAt(join(directory, 'home'), sequence))
    if (told !== undefined) found += 1
  }
  expect(found).toBe(600)
  await Promise.all([home.close(), follower.close()])
})

test('a decision that is not on the disk yet is not told', async () => {
  const [home, follower] = [await open('home'), await open('follower')]
  home.record({ kind: 'activate', program: PROGRAM, by: 'author' })
  home.record({ kind: 'observations', observations: QUIET, feeder: null })
  home.record({ kind: 'action', request: request() })
  await home.flushed()
  const lines: string[] = []
  for await (const batch of readLineBatches(join(directory, 'home'), 1))
    lines.push(...batch.map(({ line }) => line))
  const { sequence } = home.end
  const copied = follower.copy(lines)
  expect(follower.end.sequence).toBe(sequence)
  expect(await follower.decisionAt(sequence)).toBeUndefined()
  await copied
  expect(await follower.decisionAt(sequence)).toMatchObject({ sequence })
  await Promise.all([home.close(), follower.close()])
})

test('a decision that was voted on is told from memory as it was recorded', async () => {
  const home = await open('home')
  home.record({ kind: 'activate', program: VOTED, by: 'author' })
  home.record({ kind: 'observations', observations: QUIET, feeder: null })
  home.record({ kind: 'quorate', policies: ONLY_ORDERS, by: 'author' })
  for (const name of NAMES) home.record(registrationOf(name))
  for (const name of NAMES) home.record(beatOf(name))
  const { effect } = home.record({ kind: 'action', request: request({ quantity: 100 }) })
  const decision = effect?.kind === 'answer' ? effect.decision : undefined
  const [round = ''] = decision?.verdict === 'pending' ? [...home.state.quorum.rounds.open.keys()] : []
  for (const name of NAMES) {
    if (!home.state.quorum.rounds.open.has(round)) break
    const made = home.record(castBy(home.state, round, name, 'yes'))
    await made.durable
    home.show(made)
  }

  const journal = join(directory, 'home')
  const { sequence } = home.end
  const recorded = await decisionAt(journal, sequence)
  expect(recorded?.decision).toMatchObject({ verdict: 'allow', proposals: [round] })
  const away = join(directory, 'away')
  renameSync(journal, away)
  expect(JSON.parse(JSON.stringify(await home.decisionAt(sequence)))).toEqual(recorded)
  renameSync(away, journal)
  await home.close()
})
