/** The sidecar without a server: core, journal, group commit. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { systemClock } from '../../dist/base/clock.js'
import { generateKeyPair } from '../../dist/base/ed25519.js'
import { Sidecar } from '../../dist/sidecar/sidecar.js'
import { constitution, opening, request } from './world.mjs'

export async function openSidecar(directory, fsync) {
  const constitutionsDirectory = join(directory, 'constitutions')
  mkdirSync(constitutionsDirectory, { recursive: true })
  const { sidecar } = await Sidecar.open({
    journalDirectory: join(directory, 'journal'),
    constitutionsDirectory,
    keys: generateKeyPair(),
    keyId: 'bench',
    clock: systemClock,
    fsync,
  })
  await sidecar.activate(constitution(), 'bench')
  for (const input of opening(Date.now())) await sidecar.submit(input)
  return {
    decide: async () => {
      const { answer } = await sidecar.submit({ kind: 'action', request: request(Date.now()) })
      if (answer.verdict !== 'allow') throw new Error(`an order is not allowed: ${JSON.stringify(answer)}`)
    },
    close: () => sidecar.close(),
  }
}
