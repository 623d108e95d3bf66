/**
 * Trades on the simulated venue through a running sidecar. In the clone, beside `serve`, after `sh examples/first-order/live.sh`:
 *   node examples/broker-adapter/run.mjs [SEED [ORDERS]]
 */
import { readFileSync } from 'node:fs'
import { ClientError, createClient } from 'ephor/client'
import { EphorError, loadPermitKeys } from 'ephor/permit'
import { Adapter } from './adapter.mjs'
import { chanceFrom } from './chance.mjs'
import { Venue } from './venue.mjs'

const url = process.env.EPHOR_URL ?? 'http://127.0.0.1:7411'
const home = process.env.EPHOR_HOME ?? '.ephor'
const [seed = '1', orders = '5'] = process.argv.slice(2)
const agent = 'alpha'
const now = Date.now
const token = (name) => readFileSync(`${home}/tokens/${name}`, 'utf8').trim()
const say = (line) => process.stdout.write(`${line}\n`)

const client = createClient({ url, token: token(agent), agent })
const reporter = createClient({ url, token: token('feed') })
let failed = false
try {
  const keys = loadPermitKeys(await client.jwks())
  const random = chanceFrom(Number(seed))
  const adapter = new Adapter({ client, reporter, keys, now })
  const venue = new Venue({
    random,
    now,
    report: (execution) => {
      say(`  venue: ${execution.event} ${execution.order}, ${execution.filled} filled`)
      adapter.report(execution)
    },
  })
  for (let count = 0; count < Number(orders); count++) {
    const quantity = 1 + Math.floor(random() * 100)
    await trade(adapter, venue, order(quantity))
    venue.step()
    await adapter.tell()
  }
  for (const open of venue.open.keys()) {
    await trade(adapter, venue, { type: 'cancel', account: 'main', instrument: 'AAPL', order: open })
    await adapter.tell()
  }
} catch (error) {
  if (!(error instanceof EphorError)) throw error
  say(`stopped: ${error.message}`)
  failed = true
} finally {
  client.close()
  reporter.close()
}
process.exitCode = failed ? 1 : 0

function order(quantity) {
  const side = 'buy'
  return {
    type: 'order',
    account: 'main',
    instrument: 'AAPL',
    side,
    quantity,
    orderType: 'limit',
    limitPrice: 200,
  }
}

/** Asks, and hands what was allowed to the adapter. */
async function trade(adapter, venue, action) {
  const request = { id: client.newId(), action }
  let answer
  try {
    answer = await client.act(request)
  } catch (error) {
    if (!(error instanceof ClientError)) throw error
    adapter.cancelUnrecorded(venue, request, error)
    return
  }
  say(
    [
      `${action.type} ${action.quantity ?? action.order}:`,
      answer.verdict,
      ...answer.reasons.map(({ code }) => code),
    ].join(' '),
  )
  if (answer.verdict === 'allow') await adapter.send(venue, agent, answer.action, answer.permit)
}
