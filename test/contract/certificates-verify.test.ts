/** `ephor log verify` on votes: certificates from a file and from a journal, and a journal whose writer forged the use of one. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { verifyCertificates } from '../../src/cli/verify-certificates.ts'
import { verifyHome } from '../../src/cli/verify-home.ts'
import { ballotOn, signVote } from '../../src/consensus/vote.ts'
import { decisionId } from '../../src/engine/memory.ts'
import { openJournal } from '../../src/journal/journal.ts'
import { readRecords } from '../../src/journal/read.ts'
import type { ProposalView } from '../../src/protocol/answers.ts'
import type { Certificate } from '../../src/protocol/certificate.ts'
import type { ActionAnswer } from '../../src/protocol/decision.ts'
import type { Event } from '../../src/protocol/event.ts'
import { order, quietMarket } from '../support/market.ts'
import { KEYS, LARGE, NAMES, registrationOf } from '../support/quorum.ts'
import { OPEN, Rig, UNTHROTTLED } from '../support/sidecar.ts'

const directory = mkdtempSync(join(tmpdir(), 'ephor-certificates-'))
cpSync(UNTHROTTLED, join(directory, 'constitution'), { recursive: true })
writeFileSync(join(directory, 'constitution', 'rules', 'large.yaml'), JSON.stringify({ rules: [LARGE] }))
const constitution = join(directory, 'constitution')
const rig = new Rig({ constitution, acceptFailingCases: 'a test' })
let certificate: Certificate

beforeAll(async () => {
  await rig.start({ constitution })
  await rig.observe(...quietMarket(OPEN))
  for (const name of NAMES) {
    const input = registrationOf(name)
    if (input.kind === 'register') await rig.post('/v1/agents', 'operator-1', input.registration)
    await rig.post(`/v1/agents/${name}/heartbeat`, name, {})
  }
  const { body } = await rig.post('/v1/actions', 'alpha', rig.request(order()))
  const path = `/v1/proposals/${(body as ActionAnswer).proposals?.[0] ?? ''}`
  const see = async (): Promise<ProposalView> => (await rig.get(path)).body as unknown as ProposalView
  for (const name of ['chief', 'quick', 'reader', 'guard'] as const) {
    const vote = signVote(ballotOn(await see(), name, 'yes'), KEYS[name].privateKey)
    await rig.post(`${path}/votes`, name, vote)
  }
  certificate = (await see()).certificate as Certificate
})
afterEach(() => {
  vi.restoreAllMocks()
})
afterAll(async () => {
  await rig.end()
  rmSync(directory, { recursive: true, force: true })
})

async function printed(work: () => Promise<boolean>): Promise<{ ok: boolean; text: string }> {
  let text = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += String(chunk)
    return true
  })
  const ok = await work()
  vi.restoreAllMocks()
  return { ok, text }
}

function fileOf(text: string): string {
  const file = join(directory, 'certificate.json')
  writeFileSync(file, text)
  return file
}

test('a certificate in a file stands, and what it says is printed', async () => {
  const file = fileOf(JSON.stringify(certificate))
  const { ok, text } = await printed(() => verifyCertificates(file, rig.home, false))
  expect(ok).toBe(true)
  expect(text).toContain(`\`${certificate.proposal.proposal}\` was approved`)
  expect(text).toContain('4 votes of 5')
})

test.each<[string, (it: Certificate) => string, RegExp]>([
  ['forged', (it) => JSON.stringify({ ...it, outcome: 'rejected' }), /the hash is .*\n.*outcome/],
  ['with a part missing', (it) => JSON.stringify({ ...it, votes: undefined }), /votes/],
  ['cut off', (it) => JSON.stringify(it).slice(0, -1), /certificate\.json: /],
])('a certificate %s does not stand', async (_, change, problem) => {
  const file = fileOf(change(certificate))
  const { ok, text } = await printed(() => verifyCertificates(file, rig.home, false))
  expect([ok, text]).toEqual([false, expect.stringMatching(problem)])
  const json = await printed(() => verifyCertificates(file, rig.home, true))
  expect(JSON.parse(json.text)).toMatchObject([{ from: file, isValid: false }])
})

test('a file that is not there cannot be checked', async () => {
  await expect(verifyCertificates('/nowhere.json', rig.home, false)).rejects.toMatchObject({
    code: 'NOT_FOUND',
  })
})

test('those in a journal stand, and a journal whose writer drew on one again, sent what nobody had allowed, and put to the vote what was read otherwise, does not verify', async () => {
  const { keys, keyId } = rig.running.home
  await rig.stop()
  const stands = await printed(() => verifyCertificates('-', rig.home, false))
  expect([stands.ok, stands.text]).toEqual([true, expect.stringMatching(/^record \d+: `q-/)])
  const honest = await printed(() => verifyHome(rig.home, { chainOnly: false }))
  expect(honest.text).toContain('1 certificate counted again')
  expect(honest.ok).toBe(true)
  let last: Event | undefined
  let waiting: Extract<Event, { type: 'proposed' }> | undefined
  for await (const record of readRecords(rig.journal)) {
    last = record.event as unknown as Event
    if (last.type === 'proposed') waiting = last
  }
  if (waiting === undefined) throw new Error('nothing was put to the vote')
  expect(last).toMatchObject({ type: 'decided', decision: { verdict: 'allow' } })
  const { journal } = await openJournal({ directory: rig.journal, keys, keyId, now: () => OPEN })
  const sent: Event = { schema: 1, type: 'redeemed', decision: 'd-none' }
  const id = rig.request(order()).id
  const request = { ...waiting.decision.request, id }
  const decision = { ...waiting.decision, request, decision: decisionId('alpha', id), worth: 7 }
  const asked: Event = { ...waiting, decision, rounds: [] }
  await journal.append([last, sent, asked].map((event) => ({ at: OPEN, eventText: JSON.stringify(event) })))
    .durable
  await journal.close()
  const forged = await printed(() => verifyHome(rig.home, { chainOnly: false }))
  expect(forged.text).toMatch(
    /was drawn on, and the action is not within what was approved, of which 0 was left/,
  )
  expect(forged.text).toMatch(/record \d+: d-none was redeemed, and no permit for it was open/)
  expect(forged.text).toMatch(/record \d+: d-\w+: `worth` is recorded as 7/)
  expect(forged.text).toContain('1 of 2 verdicts derived again')
  expect(forged.ok).toBe(false)
})
