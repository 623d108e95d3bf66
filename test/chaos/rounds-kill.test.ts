/** The home is killed in the middle of a round of votes, again and again; each round resumes at the next home or expires, and what is approved has its certificate. */
import { appendFileSync, copyFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { v7 as uuidv7 } from 'uuid'
import { verifyCertificate } from '../../src/consensus/verify-certificate.ts'
import { ballotOn, signVote } from '../../src/consensus/vote.ts'
import type { ProposalView } from '../../src/protocol/answers.ts'
import type { ActionAnswer } from '../../src/protocol/decision.ts'
import { callAt, until, type Answer } from '../support/http.ts'
import { instrument, order, portfolio, price } from '../support/market.ts'
import { KEYS, NAMES, registrationOf } from '../support/quorum.ts'
import { RedisServer } from '../support/redis.ts'
import { POLICIES, Rig } from '../support/sidecar.ts'
import { serve, type CliSidecar } from './cli-sidecar.ts'
import { journalLines } from './cluster-check.ts'
import { writeLaw } from './cluster-law.ts'

const TURNS = process.env.EPHOR_LONG === '1' ? 20 : 2
/** Escalates orders of more than five shares. */
const LARGE = {
  id: 'large',
  title: 'Large',
  applies: { actions: ['order', 'replace'] },
  escalate: 'order.quantity > instrument.lot * 5',
  to: 'large-orders',
  unless: 'action.reducing',
}

interface Seat {
  readonly rig: Rig
  sidecar: CliSidecar
}

const law = writeLaw()
let redis: RedisServer
let seats: Seat[] = []

beforeAll(async () => {
  writeFileSync(
    join(law.directory, 'constitution', 'rules', 'large.yaml'),
    JSON.stringify({ rules: [LARGE] }),
  )
  copyFileSync(join(POLICIES, 'consensus.yaml'), join(law.directory, 'policies', 'consensus.yaml'))
  redis = await RedisServer.start()
  for (const name of ['ada', 'bea']) {
    const rig = new Rig()
    appendFileSync(`${rig.home}/config.yaml`, `redis: { url: '${redis.url}', name: ${name} }\n`)
    seats.push({ rig, sidecar: await serve(rig.home, law.args) })
  }
  const at = Date.now() - 1
  await say(seat(0), 'feed', '/v1/observations', [
    instrument(at),
    price(at, 'nyse'),
    price(at, 'bats'),
    portfolio(at, 0),
  ])
  for (const name of NAMES) {
    const input = registrationOf(name)
    if (input.kind === 'register') await say(seat(1), 'operator-1', '/v1/agents', input.registration)
  }
}, 60_000)
afterAll(async () => {
  for (const { rig, sidecar } of seats) {
    await sidecar.kill()
    rmSync(rig.home, { recursive: true, force: true })
  }
  seats = []
  await redis.end()
  rmSync(law.directory, { recursive: true, force: true })
})

function seat(place: number): Seat {
  return seats[place] as Seat
}

const callTo = (to: Seat, as: string, method: string, path: string, body?: unknown): Promise<Answer> =>
  callAt(to.sidecar.base, method, path, {
    headers: { authorization: `Bearer ${to.rig.token(as)}` },
    ...(body === undefined ? {} : { body }),
  })

/** Says it until it is taken. */
async function say(to: Seat, as: string, path: string, body: unknown): Promise<Answer> {
  let answer: Answer | undefined
  await until(`${path} is taken`, async () => {
    answer = await callTo(to, as, 'POST', path, body).catch(() => undefined)
    return answer !== undefined && answer.status < 500
  })
  return answer as Answer
}

test('a round resumes or expires', { timeout: 240_000 }, async () => {
  const verdicts: string[] = []
  for (let turn = 0; turn < TURNS; turn += 1) {
    for (const name of NAMES) await say(seat(turn % 2), name, `/v1/agents/${name}/heartbeat`, {})
    const [home, other] = await homeAndOther()
    const request = { id: uuidv7(), agent: 'alpha', action: order({ quantity: 6 }) }
    const asked = (await say(other, 'alpha', '/v1/actions', request)).body as unknown as ActionAnswer
    expect(asked.verdict).toBe('pending')
    const path = `/v1/proposals/${asked.proposals?.[0]}`
    const view = (await callTo(other, 'chief', 'GET', path)).body as unknown as ProposalView
    const voters = NAMES.map((name) => signVote(ballotOn(view, name, 'yes'), KEYS[name].privateKey))
    const before = turn % NAMES.length
    for (const vote of voters.slice(0, before)) await say(other, vote.agent, `${path}/votes`, vote)
    // One vote is on its way when the home dies.
    const torn = voters[before]
    const onItsWay = torn && callTo(home, torn.agent, 'POST', `${path}/votes`, torn).catch(() => undefined)
    await home.sidecar.kill()
    await onItsWay
    for (const vote of voters.slice(before)) await say(other, vote.agent, `${path}/votes`, vote)
    let final: ActionAnswer | undefined
    await until('it is decided', async () => {
      final = (await say(other, 'alpha', '/v1/actions?waitMs=2000', request)).body as unknown as ActionAnswer
      return final.verdict !== 'pending'
    })
    verdicts.push(final?.verdict ?? '')
    const { certificate } = (await callTo(other, 'chief', 'GET', path)).body as unknown as ProposalView
    expect(verifyCertificate(certificate)).toMatchObject({ isValid: true })
    expect(final?.verdict === 'allow').toBe(certificate?.outcome === 'approved')
    home.sidecar = await serve(home.rig.home, law.args)
  }
  process.stdout.write(`rounds whose home was killed: ${verdicts.join(', ')}\n`)
  const journals = (): string[][] => seats.map(({ rig }) => journalLines(rig.journal))
  await until('both hold the same', () => new Set(journals().map((lines) => lines.at(-1))).size === 1)
  const closed = (journals()[0] ?? []).filter((line) => line.includes('"type":"certified"'))
  expect(closed).toHaveLength(TURNS)
})

async function homeAndOther(): Promise<[Seat, Seat]> {
  let home = -1
  await until('one is home', async () => {
    const ready = await Promise.all(
      seats.map(({ sidecar }) => callAt(sidecar.base, 'GET', '/readyz').catch(() => undefined)),
    )
    home = ready.findIndex((each) => each?.status === 200 && each.body.isHome === true)
    return home >= 0 && ready.every((each) => each?.status === 200)
  })
  return [seat(home), seat(1 - home)]
}
