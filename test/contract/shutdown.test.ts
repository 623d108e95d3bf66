/** Stopping, starting again, and a second sidecar on the same directory. */
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { Agent, request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { verifyJournal } from '../../src/journal/verify.ts'
import { interceptedIo, newSignal } from '../journal-support/journals.ts'
import { callSocket, expectProblem, until, type Answer } from '../support/http.ts'
import { order, quietMarket } from '../support/market.ts'
import { CONSTITUTION, OPEN, Rig } from '../support/sidecar.ts'

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const run = promisify(execFile)

let rig: Rig
beforeEach(() => {
  rig = new Rig()
})
afterEach(() => rig.end())

/** Calls over one connection that is kept open. */
function onConnection(agent: Agent, target: object, path: string, body?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${rig.token('alpha')}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    }
    const call = httpRequest(
      { ...target, agent, path, method: body === undefined ? 'GET' : 'POST', headers },
      (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => (text += chunk.toString()))
        response.on('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            type: response.headers['content-type'] ?? '',
            text,
            body: JSON.parse(text) as Record<string, unknown>,
          }),
        )
      },
    )
    call.on('error', reject)
    call.end(body === undefined ? undefined : JSON.stringify(body))
  })
}

test.each(['TCP', 'the Unix socket'])(
  'over %s: what was begun is finished, nothing new is taken, connections end, the journal is closed whole',
  async (kind) => {
    const go = newSignal()
    let held = false
    let reached = false
    await rig.start({
      io: interceptedIo(async (operation) => {
        if (!held || operation !== 'datasync segment') return
        reached = true
        await go.given
      }),
    })
    await rig.observe(...quietMarket(OPEN))
    const { listening, home } = rig.running
    const target =
      kind === 'TCP' ? { host: '127.0.0.1', port: listening.port } : { socketPath: listening.socket }
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const idle = new Agent({ keepAlive: true, maxSockets: 1 })
    expect((await onConnection(idle, target, '/v1/state')).status).toBe(200)
    held = true
    const begun = onConnection(agent, target, '/v1/actions', rig.request(order()))
    await until('the disk is reached', () => reached)
    let stopped = false
    const stopping = rig.stop().then(() => (stopped = true))
    await until('new connections are refused', async () => {
      const answer = await onConnection(new Agent(), target, '/healthz').catch(() => undefined)
      return answer === undefined || answer.status === 503
    })
    expect(stopped).toBe(false)
    // The connection is asked for once more while the first call still runs on it.
    go.give()
    expect((await begun).body.verdict).toBe('allow')
    const late = await onConnection(agent, target, '/v1/actions', rig.request(order())).catch(() => undefined)
    if (late !== undefined) expectProblem(late, 'SHUTTING_DOWN', /./)
    await stopping
    agent.destroy()
    idle.destroy()
    expect(await verifyJournal(rig.journal, home.keys.publicKey)).toMatchObject({
      ok: true,
      unsigned: 0,
      torn: null,
    })
  },
)

test('a call that comes in on an open connection while others are finished is told why it is refused', async () => {
  const go = newSignal()
  let reached = false
  let held = false
  await rig.start({
    io: interceptedIo(async (operation) => {
      if (!held || operation !== 'datasync segment') return
      reached = true
      await go.given
    }),
  })
  await rig.observe(...quietMarket(OPEN))
  held = true
  const { port } = rig.running.listening
  const { connect } = await import('node:net')
  const socket = connect(port ?? 0, '127.0.0.1')
  let received = ''
  socket.on('data', (chunk) => (received += chunk.toString()))
  const closed = new Promise((resolve) => socket.on('close', resolve))
  const post = (): string => {
    const body = JSON.stringify(rig.request(order()))
    return `POST /v1/actions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${rig.token('alpha')}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
  }
  socket.write(post())
  await until('the disk is reached', () => reached)
  const stopping = rig.stop()
  await new Promise((resolve) => {
    setImmediate(resolve)
  })
  socket.write(post())
  go.give()
  await stopping
  await closed
  expect(received.match(/"verdict":"allow"/g)).toHaveLength(1)
  if (received.split('HTTP/1.1 ').length > 2) expect(received).toContain('"code":"SHUTTING_DOWN"')
})

test('a second start resumes with the same state and remembers its answers', async () => {
  await rig.start()
  await rig.observe(...quietMarket(OPEN))
  const request = rig.request(order())
  const first = await rig.post('/v1/actions', 'alpha', request)
  await rig.post('/v1/agents', 'operator-1', { agent: 'alpha', strategies: ['twap'] })
  await rig.post('/v1/halts', 'operator-1', {
    scope: { kind: 'agent', name: 'x' },
    state: 'halted',
    reason: 'x',
  })
  const state = await rig.get('/v1/state')
  const decisions = await rig.get('/v1/decisions')
  for (let turn = 0; turn < 2; turn += 1) {
    await rig.stop()
    await rig.start()
    expect((await rig.get('/v1/state')).text).toBe(state.text)
    expect((await rig.get('/v1/decisions')).text).toBe(decisions.text)
    expect((await rig.post('/v1/actions', 'alpha', request)).text).toBe(first.text)
  }
  expect((await callSocket(rig.running.listening.socket ?? '', 'GET', '/readyz')).body).toEqual({
    status: 'ready',
  })
})

test('a second sidecar on the same directory ends with 2 and says why; the first goes on', async () => {
  await rig.start()
  await expect(rig.start()).rejects.toMatchObject({ code: 'JOURNAL_LOCKED' })
  const args = [CLI, 'serve', '--home', rig.home, '--constitution', CONSTITUTION, '--port', '0']
  await expect(run(process.execPath, args, { timeout: 20_000 })).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^error: JOURNAL_LOCKED: .*writer\.lock/m),
  })
  await rig.observe(...quietMarket(OPEN))
  expect((await rig.judge(order())).verdict).toBe('allow')
})

test.each([
  ['a configuration that does not load', { limits: '{ bodyBytes: 1 }' }, 'CONFIG_INVALID'],
  ['a key that is none', { limits: '{ nonsense: 1 }' }, 'CONFIG_INVALID'],
  ['an address that is not ours', { host: '192.0.2.1' }, 'CONFIG_INVALID'],
  ['a constitution that is not there', { constitution: '/nonexistent' }, 'CONSTITUTION_INVALID'],
])('%s ends the start by name, and leaves nothing locked', async (_, options, code) => {
  const broken = new Rig(options)
  try {
    for (let turn = 0; turn < 2; turn += 1) await expect(broken.start()).rejects.toMatchObject({ code })
  } finally {
    await broken.end()
  }
})

test('a socket that cannot be made ends the command, and leaves nothing listening', async () => {
  const config = join(rig.home, 'config.yaml')
  writeFileSync(config, readFileSync(config, 'utf8').replace(/socket: .*/, `socket: ${'x'.repeat(120)}`))
  const args = [CLI, 'serve', '--home', rig.home, '--port', '0']
  await expect(run(process.execPath, args, { timeout: 20_000 })).rejects.toMatchObject({
    code: 2,
    killed: false,
    stderr: expect.stringMatching(/^error: CONFIG_INVALID: cannot listen: /m),
  })
})
