/** The throttles of the shipped constitution over HTTP: what counts, what does not, and that a restart forgets nothing. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { cancel, order, quietMarket } from '../support/market.ts'
import { codesOf, CONSTITUTION, OPEN, Rig } from '../support/sidecar.ts'

let rig: Rig

beforeEach(async () => {
  rig = await new Rig({ constitution: CONSTITUTION }).start()
  await rig.observe(...quietMarket(OPEN))
  await beat('hedger')
})
afterEach(() => rig.end())

/** Registers an agent as it is, and lets it say that it is alive. */
async function beat(agent: string): Promise<void> {
  await rig.post('/v1/agents', 'operator-1', { agent })
  expect((await rig.post(`/v1/agents/${agent}/heartbeat`, agent, {})).status).toBe(200)
}

/** An order like no other. */
const distinct = (number: number): object => order({ quantity: number + 1 })

test('the eleventh message of a second is denied, cancels counted, and after a restart too', async () => {
  for (let sent = 0; sent < 8; sent++) expect((await rig.judge(distinct(sent))).verdict).toBe('allow')
  for (let sent = 0; sent < 2; sent++) expect((await rig.judge(cancel())).verdict).toBe('allow')
  expect(codesOf(await rig.judge(distinct(8)))).toEqual(['AGENT_MESSAGE_RATE'])
  expect((await rig.judge(cancel())).verdict).toBe('allow')
  expect((await rig.judge(distinct(20), {}, 'hedger')).verdict).toBe('allow')
  await rig.stop()
  rig.now = OPEN + 999
  await rig.start()
  expect(codesOf(await rig.judge(distinct(8)))).toEqual(['AGENT_MESSAGE_RATE'])
  rig.now = OPEN + 1000
  expect((await rig.judge(distinct(8))).verdict).toBe('allow')
})

test('what was denied, and what is asked again, uses up nothing', async () => {
  for (let asked = 0; asked < 20; asked++)
    expect(codesOf(await rig.judge(order({ quantity: 5000 + asked })))).not.toContain('AGENT_MESSAGE_RATE')
  const once = rig.request(order())
  const answers = await Promise.all(Array.from({ length: 20 }, () => rig.post('/v1/actions', 'alpha', once)))
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
  for (let sent = 0; sent < 9; sent++) expect((await rig.judge(distinct(sent))).verdict).toBe('allow')
  expect(codesOf(await rig.judge(distinct(9)))).toEqual(['AGENT_MESSAGE_RATE'])
})

test('the same order is denied for a second, from another agent of the account too', async () => {
  expect((await rig.judge(order())).verdict).toBe('allow')
  expect(codesOf(await rig.judge(order()))).toEqual(['DUPLICATE_ORDER'])
  expect(codesOf(await rig.judge(order(), {}, 'hedger'))).toEqual(['DUPLICATE_ORDER'])
  expect((await rig.judge(order({ limitPrice: 199.99 }))).verdict).toBe('allow')
  rig.now = OPEN + 1000
  expect((await rig.judge(order())).verdict).toBe('allow')
})

test('an agent that must say that it is alive takes new risk only while it does', async () => {
  rig.now = OPEN + 6000
  await rig.observe(...quietMarket(rig.now))
  expect((await rig.judge(distinct(0), {}, 'hedger')).verdict).toBe('allow')
  rig.now = OPEN + 6001
  expect(codesOf(await rig.judge(distinct(1), {}, 'hedger'))).toEqual(['AGENT_SILENT'])
  expect((await rig.judge(order({ side: 'sell', limitPrice: 201 }), {}, 'hedger')).verdict).toBe('allow')
  expect((await rig.judge(cancel(), {}, 'hedger')).verdict).toBe('allow')
  await beat('hedger')
  expect((await rig.judge(distinct(1), {}, 'hedger')).verdict).toBe('allow')
  // Of alpha none is asked.
  expect((await rig.judge(distinct(2))).verdict).toBe('allow')
})

test('an agent that was taken out of service gets nothing but cancels', async () => {
  await beat('hedger')
  expect((await rig.judge(distinct(0), {}, 'hedger')).verdict).toBe('allow')
  await rig.call('DELETE', '/v1/agents/hedger', 'operator-1', { body: { reason: 'replaced' } })
  expect(codesOf(await rig.judge(distinct(1), {}, 'hedger'))).toEqual(['AGENT_RETIRED'])
  expect((await rig.judge(cancel(), {}, 'hedger')).verdict).toBe('allow')
})
