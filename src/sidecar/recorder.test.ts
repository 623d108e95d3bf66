/** Decisions that were copied from another's journal are told from memory as they are told from the disk. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { idAt, NOW, PROGRAM, QUIET, request } from '../../test/support/engine.ts'
import { generateKeyPair } from '../base/ed25519.ts'
import { decisionAt } from '../journal/query.ts'
import { readLineBatches } from '../journal/read.ts'
import { ConstitutionStore } from './constitutions.ts'
import { Feed } from './feed.ts'
import { Recorder } from './recorder.ts'

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
  store.keep(PROGRAM.constitution)
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
