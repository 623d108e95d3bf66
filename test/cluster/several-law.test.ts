/** The law in four partitions: agents are asked once, in the first, and what they approve comes into force in all, as does what they lift. */
import { Redis } from 'ioredis'
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ProposalsAnswer } from '../../src/protocol/answers.ts'
import { expectProblem, until } from '../support/http.ts'
import { NAMES, registrationOf, voteOn } from '../support/quorum.ts'
import { RedisServer } from '../support/redis.ts'
import { holdLease } from '../support/held-lease.ts'
import { Rig, UNTHROTTLED } from '../support/sidecar.ts'

const OF = 4
const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const constitution = mkdtempSync(join(tmpdir(), 'ephor-several-law-'))
cpSync(UNTHROTTLED, constitution, { recursive: true })

let server: RedisServer
let rig: Rig
beforeAll(async () => {
  server = await RedisServer.start()
  rig = await new Rig({ constitution, redis: server.url, partitions: OF }).start()
}, 60_000)
afterAll(async () => {
  await rig.end()
  await server.end()
  rmSync(constitution, { recursive: true, force: true })
})

const inForce = () =>
  rig.running.sidecar.cores.map(({ durableState }) => durableState.program?.constitution.version ?? '')
const putInForce = () => rig.post('/v1/constitution', 'author', { reason: 'test' })

function release(version: string): void {
  const file = join(constitution, 'constitution.yaml')
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^version: .*$/m, `version: ${version}`))
}

test('where its author decides, one call puts it in force in all', async () => {
  release('1.4.1')
  expect(await putInForce()).toMatchObject({ status: 200, body: { activated: true } })
  expect(inForce()).toEqual(['1.4.1', '1.4.1', '1.4.1', '1.4.1'])
  expect(await putInForce()).toMatchObject({ status: 200, body: { activated: false } })
})

const asked = async (): Promise<string[]> => {
  const { proposals } = (await rig.get('/v1/proposals')).body as unknown as ProposalsAnswer
  return proposals.map(({ proposal }) => proposal.proposal)
}

/** All say yes, as long as it takes votes. */
async function approve(id: string): Promise<void> {
  const [first] = rig.running.sidecar.cores
  if (first === undefined) throw new Error('there is a first')
  for (const name of NAMES) {
    const vote = voteOn(first.durableState, id, name, 'yes')
    // A round that is decided early takes no more.
    expect([200, 409]).toContain((await rig.post(`/v1/proposals/${id}/votes`, name, vote)).status)
  }
}

test('where agents decide they are asked once, and what they approve is in force in all', async () => {
  for (const name of NAMES) {
    const { registration } = registrationOf(name) as { registration: object }
    expect((await rig.post('/v1/agents', 'operator-1', registration)).status).toBe(200)
    expect((await rig.post(`/v1/agents/${name}/heartbeat`, name, {})).status).toBe(200)
  }
  release('1.4.2')
  const waits = await putInForce()
  expect(waits).toMatchObject({ status: 202, body: { activated: false, waitsFor: 'quorum' } })
  const ids = await asked()
  expect(ids).toEqual([waits.body.proposal])
  expect(ids[0]).toMatch(/^q-p00-\d+\.constitution-activation$/)
  expect(inForce()).toEqual(['1.4.1', '1.4.1', '1.4.1', '1.4.1'])
  await approve(ids[0] ?? '')
  await until('it is in force in all', () => inForce().every((version) => version === '1.4.2'))
})

test('a halt of all is lifted once, in all, by those who are asked in the first', async () => {
  const body = { scope: { kind: 'everything' }, state: 'halted', reason: 'test' }
  const { halt } = (await rig.post('/v1/halts', 'operator-1', body)).body
  const resume = () =>
    rig.call('DELETE', `/v1/halts/${String(halt)}`, 'operator-1', { body: { reason: 'over' } })
  const waits = await resume()
  expect(waits.body).toMatchObject({ halt, lifted: false, operators: 0 })
  expect(await asked()).toEqual([waits.body.proposal])
  await approve(String(waits.body.proposal))
  await until('it is lifted in all', () =>
    rig.running.sidecar.cores.every(({ durableState }) => durableState.ledger.halts.size === 0),
  )
  expectProblem(await resume(), 'HALT_UNKNOWN', `p00: no halt \`${String(halt)}\``)
})

test('a partition that has no home holds the answer up, and goes by the law before it decides again', async () => {
  // Nobody can vote any more, so an author decides again.
  for (const name of NAMES) {
    const retired = await rig.call('DELETE', `/v1/agents/${name}`, 'operator-1', { body: { reason: 'x' } })
    expect(retired.status).toBe(200)
  }
  const redis = new Redis(server.url)
  // Nobody else can be home.
  const letGo = await holdLease(redis, 'p02')
  const third = () => rig.running.sidecar.cores[2]
  await until('it is known', () => third()?.home?.isHere === false)
  release('1.4.3')
  expectProblem(await putInForce(), 'HOME_SILENT', 'p02 has not followed it')
  expect(inForce()).toEqual(['1.4.3', '1.4.3', '1.4.2', '1.4.3'])
  await letGo()
  redis.disconnect()
  await until('it has followed', () => inForce()[2] === '1.4.3')
  expect(await putInForce()).toMatchObject({ status: 200, body: { activated: false } })
})

test('the journals fit together, each with the certificates that its law rests on', async () => {
  await rig.stop()
  const ran = await promisify(execFile)(process.execPath, [CLI, 'log', 'verify', '--home', rig.home])
  expect(ran.stdout).toContain('4 partitions: what was followed is what p00 recorded')
  expect(ran.stdout.match(/2 certificates counted again/g)).toHaveLength(OF)
  await rig.start()
})
