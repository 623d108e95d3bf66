/** From a report to the first refusal: over the socket of a real sidecar, durable, while agents keep calling. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { percentile } from '../measure.mjs'
import { ROUNDS_MAX, STOPS } from './world.mjs'

const CALLERS = 8

export async function compareHalts({ quick, log }) {
  const directory = mkdtempSync(join(process.env.EPHOR_BENCH_DIRECTORY ?? tmpdir(), 'ephor-bench-'))
  const child = fork(new URL('serve.mjs', import.meta.url), [directory])
  try {
    const [server] = await Promise.race([
      once(child, 'message'),
      once(child, 'exit').then(() => Promise.reject(new Error('the server did not start'))),
    ])
    const rounds = quick ? 12 : ROUNDS_MAX
    const stops = {}
    // The account comes first: prices that jumped would stand in the way of its orders.
    for (const kind of ['account', 'price']) {
      log(`halts: ${kind}, ${rounds} times, ${CALLERS} callers`)
      const seen = []
      for (let round = 0; round < rounds; round += 1) seen.push(await stop(server, STOPS[kind](round)))
      // The first rounds warm up.
      const counted = seen.slice(Math.min(4, rounds - 1))
      stops[kind] = {
        detected: summary(counted.map(({ detected }) => detected)),
        refused: summary(counted.map(({ refused }) => refused)),
        calls: seen.reduce((sum, { calls }) => sum + calls, 0),
      }
    }
    const ended = once(child, 'exit')
    child.send('stop')
    await ended
    return { callers: CALLERS, rounds, stops }
  } finally {
    child.kill()
    rmSync(directory, { recursive: true, force: true })
  }
}

/** Agents call; the report is sent; the halt is recorded when the feeder is answered, and acted on with the first refusal. */
async function stop({ socket, agent, feeder }, { before, breach, ask }) {
  const agents = []
  const feeding = caller(socket, feeder, agents)
  const reported = await feeding('/v1/observations', before(Date.now()))
  if (reported.accepted === undefined) throw new Error(`a report was refused: ${JSON.stringify(reported)}`)
  let sentAt = Number.POSITIVE_INFINITY
  let refused = Number.NaN
  let calls = 0
  const keepCalling = async () => {
    const call = caller(socket, agent, agents)
    while (Number.isNaN(refused)) {
      const answer = await call('/v1/actions', ask(Date.now()))
      calls += 1
      const now = performance.now()
      const held = answer.code === 'HALTED_SINCE' || answer.reasons?.some(({ code }) => code === 'HALTED')
      if (held && Number.isNaN(refused)) refused = now - sentAt
      else if (!held && answer.verdict !== 'allow')
        throw new Error(`neither allowed nor halted: ${JSON.stringify(answer).slice(0, 500)}`)
    }
  }
  const calling = Array.from({ length: CALLERS }, keepCalling)
  await new Promise((resolve) => setTimeout(resolve, 30))
  sentAt = performance.now()
  await feeding('/v1/observations', breach(Date.now()))
  const detected = performance.now() - sentAt
  await Promise.all(calling)
  for (const each of agents) each.destroy()
  return { detected, refused, calls }
}

/** Calls over one connection of its own that is kept until its agent, which joins `agents`, is destroyed. */
function caller(socketPath, token, agents) {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  agents.push(agent)
  return (path, body) =>
    new Promise((done, failed) => {
      const text = JSON.stringify(body)
      const headers = {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(text),
      }
      const sent = httpRequest({ socketPath, path, method: 'POST', headers, agent }, (response) => {
        let received = ''
        response.setEncoding('utf8')
        response.on('data', (chunk) => (received += chunk))
        response.on('end', () => done(JSON.parse(received)))
      })
      sent.once('error', failed)
      sent.end(text)
    })
}

function summary(milliseconds) {
  return { p50: percentile(milliseconds, 0.5), p99: percentile(milliseconds, 0.99) }
}
