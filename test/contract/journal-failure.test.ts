/** No durable record, no verdict: the disk fails under a running sidecar, at each of its operations. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { readHead } from '../../src/journal/head.ts'
import { verifyJournal } from '../../src/journal/verify.ts'
import {
  interceptedIo,
  newSignal,
  systemError,
  type Operation,
  type Signal,
} from '../journal-support/journals.ts'
import { callSocket, expectProblem, until } from '../support/http.ts'
import { cancel, order, price, quietMarket } from '../support/market.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

let rig: Rig
/** What a held disk waits for; given at the end in any case, so that a failing test ends too. */
let go: Signal
beforeEach(() => {
  go = newSignal()
})
afterEach(async () => {
  go.give()
  await rig.end()
})

/** A sidecar with a quiet market whose disk does as `before` says from now on. */
async function startWith(before: (operation: Operation) => Promise<void> | void): Promise<void> {
  let armed = false
  rig = await new Rig().start({
    io: interceptedIo((operation) => (armed ? before(operation) : undefined)),
  })
  await rig.observe(...quietMarket(OPEN))
  // The head that follows what was recorded so far is none of the test's.
  await covered()
  armed = true
}

/** Resolves when the signed head states all that is recorded. */
async function covered(): Promise<void> {
  const { publicKey } = rig.running.home.keys
  await vi.waitFor(async () => expect((await verifyJournal(rig.journal, publicKey)).unsigned).toBe(0))
}

/** Resolves when both slots of the head state the same. */
async function settled(): Promise<void> {
  const { publicKey } = rig.running.home.keys
  await vi.waitFor(async () => {
    const { heads = [] } = (await readHead(rig.journal, () => publicKey)) ?? {}
    expect(new Set(heads.map(({ sequence }) => sequence)).size).toBe(1)
    expect(heads).toHaveLength(2)
  })
}

test.each<[Operation, string]>([
  ['write segment', 'ENOSPC'],
  ['write segment', 'EIO'],
  ['datasync segment', 'EIO'],
  ['write head', 'ENOSPC'],
  ['datasync head', 'EIO'],
])(
  '%s fails with %s: no verdict, then and later; what was released before is kept',
  async (failing, code) => {
    // A head is written twice, in each slot, whenever nothing comes after it: the fault waits until that is done.
    const isOfHead = failing.endsWith('head')
    let left = isOfHead ? Number.MAX_SAFE_INTEGER : 3
    await startWith((operation) => {
      if (operation === failing && (left -= 1) < 0) throw systemError(code)
    })
    const released = []
    for (const action of [order(), order(), cancel()]) {
      released.push(await rig.judge(action))
      await covered()
    }
    // A head is written after what it covers is released: that is kept, and nothing comes after it.
    if (isOfHead) {
      await settled()
      left = 0
      released.push(await rig.judge(order()))
      await vi.waitFor(async () => expect((await rig.get('/readyz', null)).status).toBe(503))
    }
    const request = rig.request(order())
    const lost = await Promise.all([
      rig.post('/v1/actions', 'alpha', request),
      rig.post('/v1/actions', 'alpha', request),
      rig.post('/v1/actions', 'alpha', rig.request(cancel())),
      rig.post('/v1/observations', 'feed', price(OPEN, 'nyse')),
    ])
    for (const answer of lost) expectProblem(answer, 'JOURNAL_FAILED', code)
    // The disk is well again, and nobody knows what it holds: nothing is decided until the journal is opened again.
    left = Number.MAX_SAFE_INTEGER
    for (const again of [
      await rig.post('/v1/actions', 'alpha', request),
      await rig.post('/v1/actions', 'alpha', rig.request(cancel())),
      await rig.post('/v1/observations', 'feed', price(OPEN, 'nyse')),
      await rig.post('/v1/halts', 'operator-1', {
        scope: { kind: 'everything' },
        state: 'halted',
        reason: 'x',
      }),
      await rig.post('/v1/agents', 'operator-1', { agent: 'alpha' }),
    ])
      expectProblem(again, 'JOURNAL_FAILED', code)
    const ready = await rig.get('/readyz', null)
    expect(ready.status).toBe(503)
    expect(ready.body.why).toContain(code)
    expect((await rig.get('/healthz', null)).status).toBe(200)
    expect((await rig.get('/metrics', null)).text).toContain('ephor_ready 0')
    // What nobody was told is not shown either.
    const shown = await rig.get('/v1/decisions?limit=500')
    expect((shown.body.decisions as { sequence: number }[]).map(({ sequence }) => sequence)).toEqual(
      released.map(({ sequence }) => sequence).toReversed(),
    )
    await rig.stop()

    await rig.start()
    expect((await verifyJournal(rig.journal, rig.running.home.keys.publicKey)).ok).toBe(true)
    for (const answer of released) {
      const { body } = await rig.get(`/v1/decisions/${answer.decision}`)
      expect(body).toMatchObject({ sequence: answer.sequence, decision: { verdict: answer.verdict } })
    }
    const { body } = await rig.post('/v1/actions', 'alpha', request)
    expect(body.verdict).toBe('allow')
  },
)

/** A sidecar whose disk waits, once, before `operation` until the signal is given. Answers whether it has come to that. */
async function startHeld(held: Operation): Promise<() => boolean> {
  let reached = false
  await startWith(async (operation) => {
    if (operation !== held || reached) return
    reached = true
    await go.given
  })
  return () => reached
}

test.each<Operation>(['write segment', 'datasync segment'])(
  'while the disk is at “%s” nobody hears of a verdict: neither who asked, nor who asks again, nor who reads',
  async (operation) => {
    const reached = await startHeld(operation)
    const sequence = rig.running.sidecar.durableSequence
    const request = rig.request(order())
    const heard: string[] = []
    const asked = [1, 2].map(async () => {
      const answer = await rig.post('/v1/actions', 'alpha', request)
      heard.push(answer.text)
      return answer
    })
    await until('the disk is reached', reached)
    await until('both have asked', () => rig.running.sidecar.pending === 2)
    for (let turn = 0; turn < 5; turn += 1) {
      expect((await rig.get('/v1/state')).body.sequence).toBe(sequence)
      expect((await rig.get('/v1/decisions')).body.decisions).toEqual([])
    }
    expect(heard).toEqual([])
    go.give()
    const answers = await Promise.all(asked)
    expect(answers[0]?.body).toMatchObject({ verdict: 'allow', sequence: sequence + 1 })
    expect(answers[1]?.text).toBe(answers[0]?.text)
  },
)

test.each<Operation>(['write segment', 'datasync segment'])(
  'while the disk is at “%s” a halt holds already and is not shown yet; it is shown with the record that has it',
  async (operation) => {
    const reached = await startHeld(operation)
    const before = await rig.get('/v1/state')
    const halted = rig.post('/v1/halts', 'operator-1', {
      scope: { kind: 'everything' },
      state: 'halted',
      reason: 'now',
    })
    await until('the disk is reached', reached)
    const registered = rig.post('/v1/agents', 'operator-1', { agent: 'alpha' })
    const asked = rig.post('/v1/actions', 'alpha', rig.request(order()))
    await until('all are on their way', () => rig.running.sidecar.pending === 3)
    expect(rig.running.sidecar.state.ledger.halts.size).toBe(1)
    expect((await rig.get('/v1/state')).text).toBe(before.text)
    const { listening } = rig.running
    const headers = { authorization: `Bearer ${rig.token('auditor')}` }
    expect((await callSocket(listening.socket ?? '', 'GET', '/v1/state', { headers })).text).toBe(before.text)
    go.give()
    const { body } = await halted
    await registered
    expect((await asked).body).toMatchObject({ verdict: 'deny', reasons: [{ code: 'HALTED' }] })
    expect((await rig.get('/v1/state')).body).toMatchObject({
      sequence: Number(before.body.sequence) + 3,
      halts: [{ halt: body.halt }],
      agents: 1,
    })
  },
)

test('a halt that the disk did not take is never shown', async () => {
  await startWith((operation) => {
    if (operation === 'datasync segment') throw systemError('EIO')
  })
  const halting = { scope: { kind: 'everything' }, state: 'halted', reason: 'now' }
  expectProblem(await rig.post('/v1/halts', 'operator-1', halting), 'JOURNAL_FAILED', 'EIO')
  expect((await rig.get('/v1/state')).body.halts).toEqual([])
})

test('more inputs than the queue holds are refused as overload, and are not remembered', async () => {
  let held = false
  rig = new Rig({ limits: '{ queue: 10 }' })
  await rig.start({
    io: interceptedIo((operation) => (held && operation === 'datasync segment' ? go.given : undefined)),
  })
  await rig.observe(...quietMarket(OPEN))
  held = true
  const requests = Array.from({ length: 30 }, () => rig.request(order()))
  const answers = requests.map((request) => rig.post('/v1/actions', 'alpha', request))
  const settled: number[] = []
  for (const answer of answers) void answer.then(({ status }) => settled.push(status))
  await until('twenty are refused', () => settled.length === 20)
  go.give()
  const all = await Promise.all(answers)
  const refused = all.filter(({ status }) => status !== 200)
  expect(refused).toHaveLength(20)
  for (const answer of refused) expectProblem(answer, 'OVERLOADED', '10 inputs')
  const index = all.findIndex(({ status }) => status === 503)
  expect((await rig.post('/v1/actions', 'alpha', requests[index])).body.verdict).toBe('allow')
})
