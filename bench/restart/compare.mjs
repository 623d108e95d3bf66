/** Restarts of a long journal: from nothing, and from a checkpoint; what writing one does to decisions; what an open order takes. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { generateKeyPair, privateKeyToPem } from '../../dist/base/ed25519.js'
import { Sidecar } from '../../dist/sidecar/sidecar.js'
import { begin, optionsOf, tradeUntil } from './history.mjs'

export async function compareRestarts({ quick, log }) {
  const events = quick ? 20_000 : 1_000_000
  const tail = quick ? 1_000 : 10_000
  const decideMs = quick ? 1_000 : 15_000
  const directory = mkdtempSync(join(process.env.EPHOR_BENCH_DIRECTORY ?? tmpdir(), 'ephor-bench-'))
  try {
    log(`restart: a journal of ${events} events`)
    const made = await makeJournal(directory, events, tail)
    const folder = join(directory, 'journal', 'checkpoints')
    log('restart: from a checkpoint')
    const [name] = readdirSync(folder)
    const checkpointBytes = statSync(join(folder, name)).size
    const open = (decide, isWriting) => child('open.mjs', [directory, String(decide), String(isWriting)])
    const fast = await open(0, false)
    log('restart: from nothing')
    renameSync(folder, `${folder}-aside`)
    const whole = await open(0, false)
    renameSync(`${folder}-aside`, folder)
    log('restart: decisions, with and without checkpoints being written')
    const quiet = await open(decideMs, false)
    const writing = await open(decideMs, true)
    log('restart: heap of open orders')
    const heap = await child('heap.mjs', quick ? ['1000'] : ['10000', '100000'], ['--expose-gc'])
    return { ...made, checkpointBytes, fast, whole, quiet, writing, heap }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

/** A journal with one checkpoint, `tail` records before its end. */
async function makeJournal(directory, events, tail) {
  const keys = generateKeyPair()
  const clock = { now: Date.now() - 86_400_000 }
  const { sidecar } = await Sidecar.open(optionsOf(directory, keys, clock, { everyRecords: events - tail }))
  await begin(sidecar, clock.now)
  await tradeUntil(sidecar, clock, events)
  await sidecar.close()
  writeFileSync(join(directory, 'key.pem'), privateKeyToPem(keys.privateKey), { mode: 0o600 })
  const folder = join(directory, 'journal', 'checkpoints')
  // The last is that of the shutdown: a process that is killed has none.
  for (const name of readdirSync(folder).toSorted().slice(1)) rmSync(join(folder, name))
  const journal = join(directory, 'journal')
  const journalBytes = readdirSync(journal)
    .filter((name) => name.endsWith('.ndjson'))
    .reduce((total, name) => total + statSync(join(journal, name)).size, 0)
  const { sequence, ledger, memory } = sidecar.state
  return {
    events: sequence,
    journalBytes,
    openOrders: ledger.live,
    remembered: memory.counted,
  }
}

async function child(file, args, execArgv = []) {
  const process = fork(fileURLToPath(new URL(file, import.meta.url)), args, { execArgv })
  const failed = once(process, 'exit').then(([code]) => {
    throw new Error(`${file} ended with ${code} and said nothing`)
  })
  const [message] = await Promise.race([once(process, 'message'), failed])
  await failed.catch(() => {})
  return message
}
