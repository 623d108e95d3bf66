/** A child process that is one sidecar of several, with the rules of the decisions' benchmark and one that halts. Ends with its parent. */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { keyPairFromPem, publicKeyToPem } from '../../dist/base/ed25519.js'
import { sha256 } from '../../dist/base/hash.js'
import { start } from '../../dist/main.js'
import { openHome } from '../../dist/sidecar/home.js'
import { POLICY } from '../consensus/voters.mjs'
import { AGENT, HALTED, opening, writeConstitution } from '../decisions/world.mjs'
import { SIDECARS, VOTERS } from './world.mjs'

const [directory, name, port, replicas, emergency, key] = process.argv.slice(2)
process.once('disconnect', () => process.exit(0))

/** What is put to the vote: more than any other order of the benchmarks has. */
const LARGE = {
  rules: [
    {
      id: 'large',
      title: 'Large orders are voted on',
      applies: { actions: ['order', 'replace'] },
      escalate: 'order.value > 2050 USD',
      unless: 'action.reducing',
      to: 'all',
    },
  ],
}
const EMERGENCY = {
  monitors: [
    {
      id: 'deep',
      title: 'Of the benchmark',
      why: 'There has to be one',
      watches: 'drawdown',
      limit: '90%',
      state: 'halted',
      scope: 'account',
    },
  ],
}
const constitution = join(directory, 'constitution')
writeConstitution(constitution)
writeFileSync(join(constitution, 'rules', 'halted.yaml'), JSON.stringify(HALTED))
const policies = join(directory, 'policies')
mkdirSync(policies)
writeFileSync(join(constitution, 'rules', 'large.yaml'), JSON.stringify(LARGE))
writeFileSync(join(policies, 'emergency.yaml'), JSON.stringify(EMERGENCY))
writeFileSync(join(policies, 'consensus.yaml'), POLICY)
const home = join(directory, 'home')
openHome(home, constitution, ['bench'], policies)
const keys = join(home, 'keys')
writeFileSync(join(keys, 'sidecar.pem'), key, { mode: 0o600 })
mkdirSync(join(keys, 'peers'))
for (const other of SIDECARS)
  writeFileSync(join(keys, 'peers', `${other}.pub.pem`), publicKeyToPem(keyPairFromPem(key).publicKey))
const lane = emergency === port ? '' : `, emergency: 'redis://127.0.0.1:${emergency}'`
const redis = `redis: { url: 'redis://127.0.0.1:${port}', name: ${name}, replicas: ${replicas}${lane} }`
for (const voter of VOTERS)
  appendFileSync(join(home, 'tokens.yaml'), `  - { name: ${voter}, role: agent, sha256: ${sha256(voter)} }\n`)
appendFileSync(join(home, 'config.yaml'), `limits: { requestsPerSecond: 10000000 }\n${redis}\n`)
const running = await start({ home, port: 0, logger: pino({ level: 'silent' }) })
if (running.sidecar.home.isHere) for (const input of opening(Date.now())) await running.sidecar.submit(input)
const token = (of) => readFileSync(join(home, 'tokens', of), 'utf8').trim()
process.send({
  socket: running.listening.socket,
  agent: token(AGENT),
  operators: [token('operator-1'), token('operator-2')],
})
