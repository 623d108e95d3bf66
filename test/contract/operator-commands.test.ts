/** `ephor halt` and `ephor resume`, by what an operator sees of them: the sidecar is real, and so is the command line. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { order, quietMarket } from '../support/market.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

let rig: Rig
beforeEach(async () => {
  rig = await new Rig().start()
  await rig.observe(...quietMarket(OPEN))
})
afterEach(() => rig.end())

interface Ended {
  readonly code: number
  readonly out: string
  readonly error: string
}

const ephor = (...words: string[]): Promise<Ended> =>
  new Promise((done) => {
    execFile(process.execPath, [CLI, ...words, '--home', rig.home], (error, out, stderr) => {
      done({ code: error === null ? 0 : Number(error.code), out, error: stderr })
    })
  })
const as = (name: string): [string, string] => ['--token', join(rig.home, 'tokens', name)]
const verdict = async (): Promise<unknown> => {
  const { body } = await rig.post('/v1/actions', 'alpha', rig.request(order()))
  return body.verdict
}

test('one operator stops everything, two let it go on, and both see how it stands', async () => {
  expect(await verdict()).toBe('allow')
  expect(await ephor('resume')).toEqual({ code: 0, out: 'nothing is halted\n', error: '' })
  const halted = await ephor('halt', '--reason', 'it trades too much')
  expect(halted).toMatchObject({ code: 0, error: '' })
  const [, halt = ''] = /^(h-\d+) is in force: everything, halted\n$/.exec(halted.out) ?? []
  expect(halt).not.toBe('')
  expect(await verdict()).toBe('deny')
  const listed = await ephor('resume')
  expect(listed.code).toBe(1)
  for (const word of [halt, 'everything', 'halted', 'operator-1', 'it trades too much'])
    expect(listed.out).toContain(word)
  const because = ['--reason', 'it was the feed']
  expect(await ephor('resume', halt, ...because)).toEqual({
    code: 1,
    out: `${halt} stays in force until another operator asks as well\n`,
    error: '',
  })
  expect(await ephor('resume', halt, ...because)).toMatchObject({
    code: 2,
    error: expect.stringContaining('HALT_SECOND_OPERATOR') as string,
  })
  expect(await verdict()).toBe('deny')
  expect(await ephor('resume', halt, ...because, ...as('operator-2'))).toEqual({
    code: 0,
    out: `${halt} is lifted\n`,
    error: '',
  })
  expect(await verdict()).toBe('allow')
})

test('one account, only as far as it reduces; printed for machines', async () => {
  const { code, out } = await ephor('halt', 'account', 'main', '--reducing', '--reason', 'test', '--json')
  expect(code).toBe(0)
  expect(JSON.parse(out)).toMatchObject({ state: 'reducing' })
  const { halts } = JSON.parse((await ephor('resume', '--json')).out) as { halts: unknown[] }
  expect(halts).toMatchObject([
    { scope: { kind: 'account', name: 'main' }, state: 'reducing', reason: 'test', by: 'operator-1' },
  ])
  expect(await verdict()).toBe('deny')
  expect((await rig.post('/v1/actions', 'alpha', rig.request(order({ side: 'sell' })))).body.verdict).toBe(
    'allow',
  )
})

test.each<[string, readonly string[], string]>([
  ['no reason', ['halt'], '--reason'],
  ['no name', ['halt', 'account', '--reason', 'x'], 'ephor halt account NAME'],
  ['a name of everything', ['halt', 'everything', 'main', '--reason', 'x'], 'takes no name'],
  ['an unknown scope', ['halt', 'all', '--reason', 'x'], 'everything, account, agent, strategy, instrument'],
  ['an id and no reason', ['resume', 'h-1'], '--reason'],
  ['a halt that is not in force', ['resume', 'h-1', '--reason', 'x'], 'no halt `h-1` is in force; none is'],
  ['a token that is not there', ['halt', '--reason', 'x', '--token', '/nobody'], '/nobody: cannot be read'],
  ['nobody who listens', ['halt', '--reason', 'x', '--url', 'http://127.0.0.1:1'], 'SIDECAR_UNREACHABLE'],
])('%s is refused by name, and nothing is halted or lifted', async (_, words, reason) => {
  const ended = await ephor(...words)
  expect(ended).toMatchObject({ code: 2, out: '', error: expect.stringContaining(reason) as string })
  expect(await verdict()).toBe('allow')
})

test('an agent halts nobody', async () => {
  expect(await ephor('halt', '--reason', 'x', ...as('alpha'))).toMatchObject({
    code: 2,
    error: expect.stringContaining('ROLE_FORBIDDEN') as string,
  })
  expect(await verdict()).toBe('allow')
})

test('the reasons of others are printed as text, whatever they hold', async () => {
  const reason = 'first\u001b[2Jsecond\u202Ethird'
  await rig.post('/v1/halts', 'operator-1', { scope: { kind: 'everything' }, state: 'halted', reason })
  const { out } = await ephor('resume')
  for (const char of ['\u001B', '\u202E']) expect(out).not.toContain(char)
  expect(out.replaceAll(/[\s│]/g, '')).toContain(String.raw`first\u{1b}[2Jsecond\u{202e}third`)
})

test('over a port, and with a word where the token could be read on its way', async () => {
  const { port } = rig.running.listening
  expect(await ephor('resume', '--url', `http://127.0.0.1:${port}`)).toEqual({
    code: 0,
    out: 'nothing is halted\n',
    error: '',
  })
  const far = await ephor('resume', '--url', 'http://ephor.invalid:1')
  expect([far.code, far.error]).toEqual([2, expect.stringContaining('is not encrypted')])
  for (const url of ['nowhere', 'ftp://host:1', 'http://:x'])
    expect(await ephor('resume', '--url', url)).toMatchObject({
      code: 2,
      error: expect.stringMatching(/CONFIG_INVALID.*expected http/) as string,
    })
})
