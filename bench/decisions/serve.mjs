/** A child process that serves: the sidecar, or a bare Fastify route that reads and answers as much. Says where, ends with its parent. */
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Fastify from 'fastify'
import { pino } from 'pino'
import { start } from '../../dist/main.js'
import { openHome } from '../../dist/sidecar/home.js'
import { AGENT, opening, writeConstitution } from './world.mjs'

const [kind, directory, answerText] = process.argv.slice(2)
process.once('disconnect', () => process.exit(0))

if (kind === 'ephor') await serveEphor()
else await serveBare()

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

async function serveBare() {
  const answer = JSON.parse(answerText)
  const build = () => {
    const app = Fastify()
    app.post('/v1/actions', async () => answer)
    return app
  }
  const socket = join(directory, 'bare.sock')
  rmSync(socket, { force: true })
  const onTcp = build()
  await onTcp.listen({ host: '127.0.0.1', port: 0 })
  await build().listen({ path: socket })
  process.send({ port: onTcp.server.address().port, socket, token: 'none' })
  process.once('message', () => process.exit(0))
}
