/** The core on a real journal: what was decided is there after a start, texts are kept by their hash, nothing unfit is activated. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { dump, idAt, NOW, PROGRAM, programWith, QUIET, request } from '../../test/support/engine.ts'
import { generateKeyPair } from '../base/ed25519.ts'
import { LAPSES_IDLE_MAX } from '../engine/permits.ts'
import { ConstitutionStore, loadConstitution, readFiles } from './constitutions.ts'
import { openHome } from './home.ts'
import { Sidecar } from './sidecar.ts'
import { speaksForTwo } from './tokens.ts'

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'ephor-sidecar-'))
  mkdirSync(join(home, 'texts'))
})
afterEach(() => {
  rmSync(home, { recursive: true })
})
const keys = generateKeyPair()
const turn = (): Promise<void> => new Promise((done) => setImmediate(done))

async function open(queueMax?: number, now = () => NOW): Promise<Sidecar> {
  const clock = { now, steadyMicros: () => 0 }
  const { sidecar } = await Sidecar.open({
    journalDirectory: join(home, 'journal'),
    constitutionsDirectory: join(home, 'texts'),
    keys,
    keyId: 'test',
    clock,
    ...(queueMax === undefined ? {} : { queueMax }),
  })
  return sidecar
}

describe('a sidecar', () => {
  test('knows after a start what it knew before, and answers the same', async () => {
    const first = await open()
    expect(first.unready).toMatch(/no constitution/)
    await first.activate(PROGRAM.constitution, 'author')
    await first.submit({ kind: 'observations', observations: QUIET, feeder: null })
    const answer = await first.submit({ kind: 'action', request: request() })
    expect(first.durableSequence).toBe(first.state.sequence)
    const before = dump(first.state)
    await first.close()
    const second = await open()
    expect(dump(second.state)).toBe(before)
    expect(second.unready).toBeUndefined()
    expect(await second.submit({ kind: 'action', request: request() })).toEqual({ ...answer, recalled: true })
    await second.close()
  })

  test('does not start without the text that its decisions rest on', async () => {
    const first = await open()
    await first.activate(PROGRAM.constitution, 'author')
    await first.close()
    writeFileSync(join(home, 'texts', `${PROGRAM.constitution.hash}.json`), `${PROGRAM.constitution.text} `)
    await expect(open()).rejects.toThrow(PROGRAM.constitution.hash)
  })

  test('holds back what was allowed once trading is halted', async () => {
    const sidecar = await open()
    await sidecar.activate(PROGRAM.constitution, 'author')
    await sidecar.submit({ kind: 'observations', observations: QUIET, feeder: null })
    const asked = sidecar.submit({ kind: 'action', request: request() })
    // Judged, and on its way to the disk.
    await turn()
    const halted = sidecar.submit({
      kind: 'halt',
      by: 'a',
      request: { scope: { kind: 'everything' }, state: 'halted', reason: 'now' },
    })
    await expect(asked).rejects.toMatchObject({ code: 'HALTED_SINCE' })
    await halted
    await sidecar.close()
  })

  const asks = (sidecar: Sidecar, count: number): ReturnType<Sidecar['submit']>[] =>
    Array.from({ length: count }, (_, at) =>
      sidecar.submit({ kind: 'action', request: request({ quantity: 1 }, { id: idAt(NOW, String(at)) }) }),
    )

  test('halts before it judges what waits in line, and keeps the line in order', async () => {
    const sidecar = await open()
    await sidecar.activate(PROGRAM.constitution, 'author')
    await sidecar.submit({ kind: 'observations', observations: QUIET, feeder: null })
    const happened: string[] = []
    sidecar.listen(({ event }) => {
      if (event.type === 'halted') happened.push('halted')
      if (event.type === 'decided') happened.push(event.decision.request.id)
    })
    const asked = asks(sidecar, 40)
    await sidecar.submit({
      kind: 'halt',
      by: 'a',
      request: { scope: { kind: 'everything' }, state: 'halted', reason: 'now' },
    })
    const outcomes = await Promise.allSettled(asked)
    const halt = happened.indexOf('halted')
    expect(halt).toBeLessThan(20)
    expect(happened.toSpliced(halt, 1)).toEqual(asked.map((_, at) => idAt(NOW, String(at))))
    expect(JSON.stringify(outcomes)).not.toContain('"verdict":"allow"')
    await sidecar.close()
  })

  test('decides nothing of what waits in line when it closes', async () => {
    const sidecar = await open()
    await sidecar.activate(PROGRAM.constitution, 'author')
    const asked = asks(sidecar, 40)
    await turn()
    const closed = sidecar.close()
    const outcomes = await Promise.allSettled(asked)
    await closed
    expect(outcomes[0]).toMatchObject({ status: 'fulfilled' })
    expect(outcomes.at(-1)).toMatchObject({ status: 'rejected', reason: { code: 'SHUTTING_DOWN' } })
    expect(sidecar.pending).toBe(0)
  })

  test('frees all that is over when time passes, a few in a turn', async () => {
    let now = NOW
    const sidecar = await open(undefined, () => now)
    await sidecar.activate(programWith([], {}, ['off-lot']).constitution, 'author')
    await sidecar.submit({ kind: 'observations', observations: QUIET, feeder: null })
    await Promise.all(asks(sidecar, 50))
    const given = sidecar.state.permits.open.size
    now += 5_000
    sidecar.tick(NOW)
    expect(sidecar.state.permits.open.size).toBeGreaterThan(0)
    await vi.waitFor(() => expect(sidecar.state.permits.open.size).toBe(0))
    expect(given).toBeGreaterThan(LAPSES_IDLE_MAX)
    await sidecar.close()
  })

  test('refuses more than it can queue, and everything once it closes', async () => {
    const sidecar = await open(1)
    await sidecar.activate(PROGRAM.constitution, 'author')
    const first = sidecar.submit({ kind: 'action', request: request() })
    await expect(
      sidecar.submit({ kind: 'action', request: request({}, { id: idAt(NOW, '1') }) }),
    ).rejects.toMatchObject({ code: 'OVERLOADED' })
    await first
    await sidecar.close()
    await expect(sidecar.submit({ kind: 'beat', agent: 'a' })).rejects.toMatchObject({
      code: 'SHUTTING_DOWN',
    })
    expect(sidecar.unready).toBe('shutting down')
  })

  test('refusals of the core are errors, and nothing is recorded', async () => {
    const sidecar = await open()
    await expect(sidecar.submit({ kind: 'action', request: request() })).rejects.toMatchObject({
      code: 'NOT_READY',
    })
    await expect(sidecar.submit({ kind: 'beat', agent: 'nobody' })).rejects.toMatchObject({
      code: 'AGENT_UNKNOWN',
    })
    expect(sidecar.state.sequence).toBe(0)
    await sidecar.close()
  })
})

describe('the store of texts', () => {
  test('keeps a text under its hash and reads it again', () => {
    new ConstitutionStore(join(home, 'texts')).keep(PROGRAM.constitution)
    const read = new ConstitutionStore(join(home, 'texts')).programOf(PROGRAM.constitution.hash)
    expect(read?.constitution.text).toBe(PROGRAM.constitution.text)
    expect(readdirSync(join(home, 'texts'))).toEqual([`${PROGRAM.constitution.hash}.json`])
  })

  test('knows no other', () => {
    const store = new ConstitutionStore(join(home, 'texts'))
    expect(store.programOf('0'.repeat(64))).toBeUndefined()
    const other = programWith([], { version: '2.0.0' }, ['off-lot']).constitution
    writeFileSync(join(home, 'texts', `${PROGRAM.constitution.hash}.json`), other.text)
    expect(store.programOf(PROGRAM.constitution.hash)).toBeUndefined()
  })
})

describe('a directory', () => {
  test('is read whole, with paths that any system writes alike', () => {
    mkdirSync(join(home, 'c', 'rules'), { recursive: true })
    writeFileSync(join(home, 'c', 'rules', 'a.yaml'), 'rules: []')
    expect([...readFiles(join(home, 'c'))]).toEqual([['rules/a.yaml', 'rules: []']])
    expect(loadConstitution(join(home, 'c')).constitution).toBeUndefined()
  })

  test('that is none is said to be none', () => {
    expect(() => readFiles(join(home, 'none'))).toThrow('none')
  })
})

describe('the sidecar’s own directory', () => {
  test('is made once, with keys and tokens that stay', () => {
    const first = openHome(join(home, 'own'), 'rules-here')
    const second = openHome(join(home, 'own'), undefined)
    expect([first.created, second.created]).toEqual([true, false])
    expect(second.keyId).toBe(first.keyId)
    expect(second.tokens).toEqual(first.tokens)
    expect(second.config).toMatchObject({ constitution: 'rules-here', port: 7411, host: '127.0.0.1' })
  })

  test('a key that nobody knows is named', () => {
    openHome(join(home, 'own'), undefined)
    writeFileSync(join(home, 'own', 'config.yaml'), 'constitution: c\nprot: 1\n')
    expect(() => openHome(join(home, 'own'), undefined)).toThrow(/config\.yaml:2:1: prot: unknown key$/)
  })

  const hashOf = (letter: string): string => letter.repeat(64)
  const HASH = hashOf('a')
  const tokens = (...lines: readonly string[]): (() => unknown) => {
    openHome(join(home, 'own'), undefined)
    writeFileSync(join(home, 'own', 'tokens.yaml'), ['tokens:', ...lines].join('\n'))
    return () => openHome(join(home, 'own'), undefined)
  }

  test('the feeder of a first start is bound to the sources it is made for', () => {
    const { tokens: first } = openHome(join(home, 'own'), undefined, ['one', 'two'])
    expect(first.filter(({ role }) => role === 'feeder')).toMatchObject([{ sources: ['one', 'two'] }])
    expect(first.filter(speaksForTwo).map(({ name }) => name)).toEqual(['feed'])
  })

  test('what a feeder is bound to is read, and who speaks for two sources is known', () => {
    const read = tokens(
      `  - { name: a, role: feeder, sha256: ${hashOf('a')}, sources: [nyse] }`,
      `  - { name: b, role: feeder, sha256: ${hashOf('b')}, sources: [], kinds: [account, portfolio] }`,
      `  - { name: c, role: feeder, sha256: ${hashOf('c')}, sources: [nyse, bats] }`,
      `  - { name: d, role: feeder, sha256: ${hashOf('d')}, sources: [nyse, nyse] }`,
      `  - { name: e, role: feeder, sha256: ${hashOf('e')}, sources: [nyse, bats], kinds: [bar] }`,
      `  - { name: f, role: agent, sha256: ${hashOf('f')} }`,
    )() as ReturnType<typeof openHome>
    expect(read.tokens[1]).toEqual({
      name: 'b',
      role: 'feeder',
      sha256: hashOf('b'),
      sources: [],
      kinds: ['account', 'portfolio'],
    })
    expect(read.tokens.filter(speaksForTwo).map(({ name }) => name)).toEqual(['c'])
  })

  test.each([
    [
      'a feeder without sources',
      `{ name: f, role: feeder, sha256: ${HASH} }`,
      '2:5: tokens.0.sources: a feeder names',
    ],
    [
      'an agent with sources',
      `{ name: f, role: agent, sha256: ${HASH}, sources: [x] }`,
      'tokens.0.sources: unknown key',
    ],
    [
      'a kind that is none',
      `{ name: f, role: feeder, sha256: ${HASH}, sources: [], kinds: [prise] }`,
      'tokens.0.kinds.0: expected one of',
    ],
    [
      'no kind at all',
      `{ name: f, role: feeder, sha256: ${HASH}, sources: [], kinds: [] }`,
      'tokens.0.kinds: ',
    ],
    ['a role that is none', `{ name: f, role: feder, sha256: ${HASH} }`, 'tokens.0.role: '],
    ['no hash', '{ name: f, role: agent, sha256: secret }', 'tokens.0.sha256: expected the SHA-256'],
  ])('%s is refused with the line and the field', (_, line, message) => {
    const read = tokens(`  - ${line}`, `  - { name: g, role: auditor, sha256: ${hashOf('b')} }`)
    expect(read).toThrow(/^CONFIG_INVALID: \S*tokens\.yaml:2:\d+: /)
    expect(read).toThrow(message)
  })

  test('all that is wrong is named at once', () => {
    const read = tokens('  - { name: f, role: feeder, sha256: x }', `  - { name: g, role: agent, sha256: x }`)
    expect(read).toThrow(/:2:.*tokens\.0\.sha256.*\n.*:2:.*tokens\.0\.sources.*\n.*:3:.*tokens\.1\.sha256/)
  })
})
