/** Starts a sidecar on a journal, in a process of its own so that its memory is told apart; sends how long it took, and how long decisions take then. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { keyPairFromPem } from '../../dist/base/ed25519.js'
import { openJournal } from '../../dist/journal/journal.js'
import { request } from '../decisions/world.mjs'
import { percentile } from '../measure.mjs'
import { Sidecar } from '../../dist/sidecar/sidecar.js'
import { optionsOf } from './history.mjs'

const [directory, decideMs, isWriting] = process.argv.slice(2)
const keys = keyPairFromPem(readFileSync(join(directory, 'key.pem'), 'utf8'))
const clock = { now: Date.now() }
const written = []
const report = (one) => written.push(one)
const options = optionsOf(directory, keys, clock, { everyRecords: isWriting === 'true' ? 1 : null, report })

const opening = performance.now()
const { sidecar, restart } = await Sidecar.open(options)
const openMs = performance.now() - opening
const maxRssBytes = process.resourceUsage().maxRSS * 1024

// The journal's own time goes on, which was simulated.
clock.now = sidecar.state.lastAt
const micros = []
for (const end = performance.now() + Number(decideMs); performance.now() < end;) {
  clock.now += 5
  const started = performance.now()
  const { answer } = await sidecar.submit({ kind: 'action', request: request(clock.now, 1) })
  micros.push((performance.now() - started) * 1000)
  if (answer.verdict !== 'allow')
    throw new Error(`an order is not allowed: ${JSON.stringify(answer.reasons)}`)
}
await sidecar.close()
if (written.some(({ kind }) => kind !== 'written')) throw new Error(JSON.stringify(written))

// What every start does first, by itself: each byte of the journal is held against its chain.
const verifying = performance.now()
const { journal } = await openJournal({ ...options, directory: options.journalDirectory, now: Date.now })
const verifyMs = performance.now() - verifying
await journal.close()

process.send({
  restart,
  openMs,
  verifyMs,
  maxRssBytes,
  decisions: micros.length,
  checkpoints: written.length,
  delays: { p50: percentile(micros, 0.5), p99: percentile(micros, 0.99), max: percentile(micros, 1) },
})
