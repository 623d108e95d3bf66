/**
 * A child process that serves: the sidecar, the same without permits, or a bare Fastify route that reads and answers as much, by itself, with records
 * that reach the disk, or with a signature each as well. Says where, ends with its parent.
 */
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Fastify from 'fastify'
import { pino } from 'pino'
import { systemClock } from '../../dist/base/clock.js'
import { generateKeyPair, signText } from '../../dist/base/ed25519.js'
import { sha256 } from '../../dist/base/hash.js'
import { start } from '../../dist/main.js'
import { buildServer, listen } from '../../dist/server/server.js'
import { openHome } from '../../dist/sidecar/home.js'
import { Sidecar } from '../../dist/sidecar/sidecar.js'
import { openDisk } from './disk.mjs'
import { AGENT, constitution, opening, writeConstitution } from './world.mjs'

const [kind, directory, answerText, recordText] = process.argv.slice(2)
process.once('disconnect', () => process.exit(0))

if (kind === 'ephor') await serveEphor()
else if (kind === 'plain') await servePlain()
else await serveBare(kind)

async function serveEphor() {
  const constitutionDirectory = join(directory, 'constitution')
  writeConstitution(constitutionDirectory)
  // Those of the project but for the ones that read facts of its own constitution.
  const policies = join(directory, 'policies')
  mkdirSync(policies)
  for (const name of ['emergency.yaml', 'consensus.yaml'])
    copyFileSync(new URL(`../../policies/${name}`, import.meta.url), join(policies, name))
  const home = join(directory, 'home')
  openHome(home, constitutionDirectory, undefined, policies)
  // The limit for each token is there against runaway agents; here there is one token and it runs away.
  appendFileSync(join(home, 'config.yaml'), 'limits: { requestsPerSecond: 10000000 }\n')
  const running = await start({ home, port: 0, logger: pino({ level: 'silent' }) })
  for (const input of opening(Date.now())) await running.sidecar.submit(input)
  const token = readFileSync(join(home, 'tokens', AGENT), 'utf8').trim()
  process.send({ port: running.listening.port, socket: running.listening.socket, token })
  process.once('message', () => {
    void running.stop().then(() => process.exit(0))
  })
}

/** Core, journal and server as they are started by `start`, but nothing signs permits. */
async function servePlain() {
  const constitutionsDirectory = join(directory, 'constitutions')
  mkdirSync(constitutionsDirectory)
  const journalDirectory = join(directory, 'journal')
  const { sidecar } = await Sidecar.open({
    journalDirectory,
    constitutionsDirectory,
    keys: generateKeyPair(),
    keyId: 'bench',
    clock: systemClock,
  })
  await sidecar.activate(constitution(), 'bench')
  for (const input of opening(Date.now())) await sidecar.submit(input)
  const token = 'bench'
  const limits = {
    bodyBytes: 65_536,
    connections: 1024,
    queue: 10_000,
    requestMs: 10_000,
    requestsPerSecond: 10_000_000,
  }
  const refuse = () => Promise.reject(new Error('the benchmark activates nothing over HTTP'))
  const app = await buildServer({
    sidecar,
    tokens: [{ name: AGENT, role: 'agent', sha256: sha256(token) }],
    limits,
    journalDirectory,
    jwks: { keys: [] },
    activate: refuse,
    police: refuse,
    logger: pino({ level: 'silent' }),
  })
  const socket = join(directory, 'plain.sock')
  const { port, close } = await listen(app, { host: '127.0.0.1', port: 0, socket, limits })
  process.send({ port, socket, token })
  process.once('message', () => {
    void close()
      .then(() => sidecar.close())
      .then(() => process.exit(0))
  })
}

/** `bare` answers at once; `durable` when a record is on the disk, in groups; `signed` signs each answer as well. */
async function serveBare(kind) {
  const answer = JSON.parse(answerText)
  const disk = kind === 'bare' ? undefined : await openDisk(directory, recordText)
  const { privateKey } = generateKeyPair()
  let answered = 0
  const answerOne = async () => {
    if (disk === undefined) return answer
    const synced = disk.together()
    answered += 1
    const permit = kind === 'signed' ? signText(privateKey, `${answered} ${answerText}`) : null
    await synced
    return permit === null ? answer : { ...answer, permit }
  }
  const build = () => {
    const app = Fastify()
    app.post('/v1/actions', answerOne)
    return app
  }
  const socket = join(directory, `${kind}.sock`)
  rmSync(socket, { force: true })
  const onTcp = build()
  await onTcp.listen({ host: '127.0.0.1', port: 0 })
  await build().listen({ path: socket })
  process.send({ port: onTcp.server.address().port, socket, token: 'none' })
  process.once('message', () => process.exit(0))
}
