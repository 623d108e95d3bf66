/** A child process that serves: a sidecar whose monitors halt an instrument for a jump of its price and an account for a loss. Ends with its parent. */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { start } from '../../dist/main.js'
import { openHome } from '../../dist/sidecar/home.js'
import { AGENT, HALTED, opening, writeConstitution } from '../decisions/world.mjs'
import { SOURCES } from './world.mjs'

const [directory] = process.argv.slice(2)
process.once('disconnect', () => process.exit(0))

const stopping = { title: 'Of the benchmark', why: 'To be measured', state: 'halted' }
const POLICY = {
  monitors: [
    { id: 'jump', watches: 'price-move', limit: '5%', window: '5min', scope: 'instrument', ...stopping },
    { id: 'loss', watches: 'daily-loss', limit: '3%', scope: 'account', ...stopping },
    { id: 'deep', watches: 'drawdown', limit: '10%', scope: 'account', ...stopping },
  ],
}

const constitution = join(directory, 'constitution')
writeConstitution(constitution)
writeFileSync(join(constitution, 'rules', 'halted.yaml'), JSON.stringify(HALTED))
const policies = join(directory, 'policies')
mkdirSync(policies)
writeFileSync(join(policies, 'emergency.yaml'), JSON.stringify(POLICY))
const home = join(directory, 'home')
openHome(home, constitution, SOURCES, policies)
// The limit for each token is there against runaway agents; here there is one token and it runs away.
appendFileSync(join(home, 'config.yaml'), 'limits: { requestsPerSecond: 10000000 }\n')
const running = await start({ home, port: 0, logger: pino({ level: 'silent' }) })
for (const input of opening(Date.now())) await running.sidecar.submit(input)
const token = (name) => readFileSync(join(home, 'tokens', name), 'utf8').trim()
process.send({ socket: running.listening.socket, agent: token(AGENT), feeder: token('feed') })
process.once('message', () => {
  void running.stop().then(() => process.exit(0))
})
