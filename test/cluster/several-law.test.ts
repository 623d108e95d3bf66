/** The law in four partitions: each asks its own agents, votes find their round, and what they approve comes into force in all. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ProposalsAnswer } from '../../src/protocol/answers.ts'
import { until } from '../support/http.ts'
import { NAMES, registrationOf, voteOn } from '../support/quorum.ts'
import { RedisServer } from '../support/redis.ts'
import { Rig, UNTHROTTLED } from '../support/sidecar.ts'

const OF = 4
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

test('where agents decide, each partition asks them, and puts in force what they approve', async () => {
  for (const name of NAMES) {
    const { registration } = registrationOf(name) as { registration: object }
    expect((await rig.post('/v1/agents', 'operator-1', registration)).status).toBe(200)
    expect((await rig.post(`/v1/agents/${name}/heartbeat`, name, {})).status).toBe(200)
  }
  release('1.4.2')
  const asked = await putInForce()
  expect(asked).toMatchObject({ status: 202, body: { activated: false, waitsFor: 'quorum' } })
  const { proposals } = (await rig.get('/v1/proposals')).body as unknown as ProposalsAnswer
  const ids = proposals.map(({ proposal }) => proposal.proposal).toSorted()
  expect(ids.map((id) => id.slice(0, 5))).toEqual(['q-p00', 'q-p01', 'q-p02', 'q-p03'])
  expect(inForce()).toEqual(['1.4.1', '1.4.1', '1.4.1', '1.4.1'])
  for (const [place, id] of ids.entries()) {
    const core = rig.running.sidecar.cores[place]
    if (core === undefined) throw new Error(`nobody has ${id}`)
    for (const name of NAMES) {
      const vote = voteOn(core.durableState, id, name, 'yes')
      // A round that is decided early takes no more.
      expect([200, 409]).toContain((await rig.post(`/v1/proposals/${id}/votes`, name, vote)).status)
    }
    await until('what it approved is in force there', () => inForce()[place] === '1.4.2')
    expect(inForce().filter((version) => version === '1.4.2')).toHaveLength(place + 1)
  }
})
