/** Decisions beside what the disk and a bare server allow, in turns, in one run. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { percentile, Stopwatch, takeTurns } from '../measure.mjs'
import { openCore } from './core.mjs'
import { openDisk } from './disk.mjs'
import { openSidecar } from './in-process.mjs'

const OPEN_ORDERS = 10_000
const CONNECTIONS = 64
/** … and half as many, which wait half as long for what is done as fast. */
const FEWER = 32

export async function compareDecisions({ quick, log }) {
  const directory = mkdtempSync(join(process.env.EPHOR_BENCH_DIRECTORY ?? tmpdir(), 'ephor-bench-'))
  try {
    log(`decisions: the core with ${OPEN_ORDERS} open orders`)
    const core = openCore(OPEN_ORDERS)
    const handle = new Stopwatch((index) => core.handle(index), false)
    // Each call by itself, so that the 99th percentile is one of calls.
    await takeTurns([handle], { warmUpMs: quick ? 700 : 3000, rounds: 1, sliceMs: 1 })
    handle.calls = 1
    handle.samples = []
    await handle.run(quick ? 500 : 4000)
    const durable = await compareDurable(directory, core, quick, log)
    const overHttp = await compareServed(directory, core, quick, log)
    // Last, since what it leaves to the system to write would slow every fdatasync after it.
    const unsynced = await measureUnsynced(directory, quick, log)
    const inProcess = {
      recordBytes: durable.recordBytes,
      one: { ...durable.one, unsynced: unsynced.one },
      group: { ...durable.group, unsynced: unsynced.group },
    }
    return {
      openOrders: OPEN_ORDERS,
      connections: CONNECTIONS,
      handle: handle.result(),
      inProcess,
      ...overHttp,
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function turns(quick) {
  return quick ? { warmUpMs: 250, rounds: 2, sliceMs: 150 } : { warmUpMs: 1500, rounds: 6, sliceMs: 400 }
}

async function compareDurable(directory, core, quick, log) {
  log('decisions: the sidecar in process')
  const disk = await openDisk(part(directory, 'disk'), core.recordText)
  const sidecar = await openSidecar(part(directory, 'durable'), true)
  const one = { disk: new Stopwatch(disk.one, true), durable: new Stopwatch(sidecar.decide, true) }
  await takeTurns(Object.values(one), turns(quick))
  const group = {
    disk: new Stopwatch(disk.group, true),
    durable: new Stopwatch(() => together(sidecar.decide), true),
  }
  await takeTurns(Object.values(group), turns(quick))
  await disk.close()
  await sidecar.close()
  return { recordBytes: disk.bytes, one: results(one), group: rates(group) }
}

async function measureUnsynced(directory, quick, log) {
  log('decisions: the sidecar in process, without fsync')
  const sidecar = await openSidecar(part(directory, 'unsynced'), false)
  const watches = {
    one: new Stopwatch(sidecar.decide, true),
    group: new Stopwatch(() => together(sidecar.decide), true),
  }
  await takeTurns(Object.values(watches), turns(quick))
  await sidecar.close()
  return { one: watches.one.result(), group: rates({ unsynced: watches.group }).unsynced }
}

function part(directory, name) {
  const path = join(directory, name)
  mkdirSync(path)
  return path
}

/** Decisions a second, from the median time of a group. */
function rates(watches) {
  return Object.fromEntries(
    Object.entries(results(watches)).map(([key, { p50 }]) => [key, (CONNECTIONS / p50) * 1e6]),
  )
}

/** As many decisions at once as there are connections. */
function together(decide) {
  return Promise.all(Array.from({ length: CONNECTIONS }, decide))
}

function results(watches) {
  return Object.fromEntries(Object.entries(watches).map(([key, watch]) => [key, watch.result()]))
}

async function compareServed(directory, core, quick, log) {
  const servers = {}
  const load = fork(new URL('load.mjs', import.meta.url))
  try {
    await once(load, 'message')
    for (const kind of ['bare', 'durable', 'signed', 'ephor', 'plain'])
      servers[kind] = await startServer(kind, directory, core)
    const { bare, ephor, ...others } = servers
    const served = []
    for (const transport of ['TCP', 'Unix socket']) {
      for (const connections of [1, CONNECTIONS]) {
        log(`decisions: over ${transport}, ${connections} at a time`)
        served.push(await compareOn(transport, connections, { bare, ephor }, load, quick))
      }
    }
    const beside = []
    for (const connections of [FEWER, CONNECTIONS]) {
      log(`decisions: beside bare routes with a disk and signatures, ${connections} at a time`)
      beside.push(await compareOn('Unix socket', connections, { ...others, ephor }, load, quick))
    }
    return { served, beside }
  } finally {
    for (const { child } of Object.values(servers)) {
      const ended = once(child, 'exit')
      child.send('stop')
      await ended
    }
    load.disconnect()
  }
}

async function startServer(kind, directory, { answerText, recordText }) {
  const path = part(directory, `served-${kind}`)
  const child = fork(new URL('serve.mjs', import.meta.url), [kind, path, answerText, recordText])
  const [address] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => Promise.reject(new Error(`the ${kind} server did not start`))),
  ])
  return { child, ...address }
}

let stream = 0

async function compareOn(transport, connections, servers, load, quick) {
  const rounds = quick ? 2 : 4
  const ms = quick ? 600 : 2500
  const runs = Object.fromEntries(Object.keys(servers).map((kind) => [kind, []]))
  for (let round = 0; round <= rounds; round += 1) {
    for (const [kind, { port, socket, token }] of Object.entries(servers)) {
      const target = transport === 'TCP' ? { host: '127.0.0.1', port } : { path: socket }
      stream += 1
      load.send({ target, token, connections, countMax: 40_000, ms, stream })
      const [result] = await once(load, 'message')
      if (result.error !== undefined) throw new Error(`${kind} over ${transport}: ${result.error}`)
      // The first round warms up.
      if (round > 0) runs[kind].push(result)
    }
  }
  const summaries = Object.entries(runs).map(([kind, all]) => [kind, summary(all)])
  return { transport, connections, ...Object.fromEntries(summaries) }
}

function summary(runs) {
  const latencies = runs.flatMap((run) => run.latencies)
  const seconds = runs.reduce((total, run) => total + run.seconds, 0)
  return {
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    rate: latencies.length / seconds,
    calls: latencies.length,
  }
}
