/** Starts a sidecar on a journal, in a process of its own so that its memory is told apart; sends how long it took. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { keyPairFromPem } from '../../dist/base/ed25519.js'
import { openJournal } from '../../dist/journal/journal.js'
import { optionsOf, Sidecar } from './history.mjs'

const [directory, mode] = process.argv.slice(2)
const keys = keyPairFromPem(readFileSync(join(directory, 'key.pem'), 'utf8'))
const options = optionsOf(directory, keys, { now: Date.now() }, { everyRecords: null })
const started = performance.now()
// What every start does first: each byte of the journal is held against its chain.
const { journal } = await openJournal({ ...options, directory: options.journalDirectory, now: Date.now })
await journal.close()
const verifiedMs = performance.now() - started
const opening = performance.now()
const { sidecar, restart } = await Sidecar.open({ ...options, ...(mode === 'write' ? { checkpoints: { everyRecords: 1 } } : {}) })
const openMs = performance.now() - opening
const { maxRSS } = process.resourceUsage()
const closing = performance.now()
await sidecar.close()
const closeMs = performance.now() - closing
const message = { restart, sequence: sidecar.state.sequence, verifiedMs, openMs, closeMs, maxRssBytes: maxRSS * 1024 }
if (process.send === undefined) process.stdout.write(`${JSON.stringify(message)}\n`)
else process.send(message)
