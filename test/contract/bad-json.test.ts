/** Bodies that are no JSON that Ephor accepts: each refused by name, none repaired, none recorded, none a hang. */
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { expectProblem } from '../support/http.ts'
import { order, quietMarket } from '../support/market.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

const rig = new Rig()
let recorded = 0

beforeAll(async () => {
  await rig.start()
  await rig.observe(...quietMarket(OPEN))
  recorded = rig.running.sidecar.durableSequence
})
afterAll(async () => {
  // Nothing of this file may have become a record, and the sidecar still decides.
  expect(rig.running.sidecar.durableSequence).toBe(recorded)
  expect((await rig.judge(order())).verdict).toBe('allow')
  await rig.end()
})

/** A body that would be allowed, as text, with its quantity written as `quantity`. */
const withQuantity = (quantity: string): string =>
  JSON.stringify(rig.request(order({ quantity: '@@' }))).replace('"@@"', quantity)

/** The same with `more` put in front of what is in the braces that open behind `where`. */
const withMember = (more: string, where = ''): string => {
  const text = JSON.stringify(rig.request(order({ parent: { id: 'p-1', quantity: 1000 } })))
  const at = text.indexOf('{', where === '' ? 0 : text.indexOf(where)) + 1
  return `${text.slice(0, at)}${more},${text.slice(at)}`
}

test('what these cases are made from is allowed when nothing is wrong with it', async () => {
  const answer = await rig.postRaw('/v1/actions', 'alpha', withQuantity('100'))
  expect(answer.body.verdict).toBe('allow')
  recorded += 1
})

describe('syntax', () => {
  test.each([
    ['an empty body', ''],
    ['blanks', '  \n'],
    ['a word', 'hello'],
    ['half an object', '{"id":'],
    ['a trailing comma', '{"id":"x",}'],
    ['a comment', '{/* */}'],
    ['single quotes', "{'id':'x'}"],
    ['two values', '{}{}'],
    ['a control character in a string', '{"id":"\u0001"}'],
    ['an unpaired escape', '{"id":"\\ud8"}'],
    ['a byte order mark', '\ufeff{}'],
  ])('%s', async (_, text) => {
    expectProblem(await rig.postRaw('/v1/actions', 'alpha', text), 'BODY_MALFORMED', /^\/: is not JSON/)
  })

  test('a body cut at any place', async () => {
    const whole = withQuantity('100')
    for (let length = 1; length < whole.length; length += 13)
      expectProblem(
        await rig.postRaw('/v1/actions', 'alpha', whole.slice(0, length)),
        'BODY_MALFORMED',
        'is not JSON',
      )
  })
})

describe('numbers', () => {
  test.each(['NaN', 'Infinity', '-Infinity', '+1', '01', '1.', '.5', '0x10', '1e', '--1', '1_000'])(
    '%s is no JSON',
    async (number) => {
      const answer = await rig.postRaw('/v1/actions', 'alpha', withQuantity(number))
      expectProblem(answer, 'BODY_MALFORMED', /^\/: is not JSON/)
    },
  )

  test.each([
    ['-0', 'minus zero'],
    ['-0.0', 'minus zero'],
    ['-0e5', 'minus zero'],
    ['-1e-400', 'minus zero'],
    ['1e309', 'too large'],
    ['-1e309', 'too large'],
    ['1e999999999', 'too large'],
    [`1${'0'.repeat(400)}`, 'too large'],
    ['1e-400', 'too small'],
    ['0.000000000000000000000000000001e-400', 'too small'],
    ['9007199254740993', 'more digits'],
    ['100000000000000000000000001', 'more digits'],
    ['0.1000000000000000055511151231257827', 'more digits'],
    ['100.00000000000000001', 'more digits'],
    ['2.2250738585072011e-308', 'more digits'],
  ])('%s is refused at its place: %s', async (number, words) => {
    const answer = await rig.postRaw('/v1/actions', 'alpha', withQuantity(number))
    expectProblem(answer, 'BODY_MALFORMED', '/action/quantity: ')
    expect(answer.body.detail).toContain(words)
  })

  test.each([
    ['9007199254740992', '2^53 is held exactly and is past what can be counted'],
    ['1e22', 'a double holds it'],
    ['1e-17', 'smaller than any lot'],
    ['0', 'nothing'],
    ['-100', 'a short way to sell'],
  ])('%s reads as a number and does not fit: %s', async (number) => {
    const answer = await rig.postRaw('/v1/actions', 'alpha', withQuantity(number))
    expectProblem(answer, 'BODY_INVALID', '/action/quantity: ')
  })

  test.each(['100.0', '1e2', '1E+2', '100.000000000000000000000', '0.1e3'])('%s is 100', async (number) => {
    const answer = await rig.postRaw('/v1/actions', 'alpha', withQuantity(number))
    expect(answer.body).toMatchObject({ verdict: 'allow', action: { quantity: 100 } })
    recorded += 1
  })

  test('a number of a million digits is refused as fast as any other', async () => {
    for (const number of [
      `0.1${'0'.repeat(900_000)}1`,
      `1${'0'.repeat(900_000)}`,
      `0.${'0'.repeat(900_000)}1`,
    ]) {
      const started = performance.now()
      const answer = await rig.postRaw('/v1/actions', 'alpha', withQuantity(number))
      expectProblem(answer, 'BODY_MALFORMED', '/action/quantity: ')
      expect(performance.now() - started).toBeLessThan(5000)
    }
  })
})

describe('keys', () => {
  test.each([
    ['at the top', withMember('"agent":"hedger"'), '/agent: is there twice'],
    ['in the action', withMember('"quantity":1', '"action"'), '/action/quantity: is there twice'],
    ['two levels down', withMember('"quantity":1', '"parent"'), '/action/parent/quantity: is there twice'],
    ['escaped', withMember('"qu\\u0061ntity":1', '"action"'), '/action/quantity: is there twice'],
    ['with the same value', withMember('"agent":"alpha"'), '/agent: is there twice'],
  ])('twice %s', async (_, text, detail) => {
    expectProblem(await rig.postRaw('/v1/actions', 'alpha', text), 'BODY_MALFORMED', detail)
  })

  test('twice in a list of observations: the place in the list is named', async () => {
    const text = `[{"kind":"fx"},{"kind":"price","price":1,"price":2}]`
    expectProblem(
      await rig.postRaw('/v1/observations', 'feed', text),
      'BODY_MALFORMED',
      '/1/price: is there twice',
    )
  })

  test.each([
    '__proto__',
    'constructor',
    'prototype',
    '\\u005f_proto__',
    '_\\u005fproto_\\u005f',
    '\\u0063onstructor',
  ])('%s reaches no prototype', async (key) => {
    for (const where of ['', '"action"', '"parent"'])
      for (const value of ['{"verdict":"allow"}', 'null', '1']) {
        const text = withMember(`"${key}":${value}`, where)
        expectProblem(
          await rig.postRaw('/v1/actions', 'alpha', text),
          'BODY_MALFORMED',
          'is not a key that Ephor accepts',
        )
      }
    expect(({} as Record<string, unknown>).verdict).toBeUndefined()
  })
})

describe('depth', () => {
  test.each([
    ['lists', '['.repeat(10_000) + ']'.repeat(10_000)],
    ['objects', '{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000)],
    ['lists that are never closed', '['.repeat(100_000)],
  ])('10,000 levels of %s', async (_, text) => {
    expectProblem(
      await rig.postRaw('/v1/actions', 'alpha', text),
      'BODY_MALFORMED',
      'nests deeper than 32 levels',
    )
  })

  test('brackets in a string are no levels', async () => {
    const answer = await rig.post('/v1/actions', 'alpha', rig.request(order(), { reason: '[{'.repeat(100) }))
    expect(answer.body.verdict).toBe('allow')
    recorded += 1
  })
})

describe('encodings', () => {
  test.each([
    [
      'UTF-16, little end first',
      (text: string) => Buffer.from(text.replace('é', 'e'), 'utf16le'),
      'is not JSON',
    ],
    ['UTF-16 with its mark', (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le'), 'is not UTF-8'],
    ['Latin-1', (text: string) => Buffer.from(text, 'latin1'), 'is not UTF-8'],
    [
      'UTF-8 cut in a character',
      (text: string) => Buffer.from(text).subarray(0, text.indexOf('é') + 1),
      'is not UTF-8',
    ],
    [
      'an overlong slash',
      (text: string) => Buffer.concat([Buffer.from(text), Buffer.from([0xc0, 0xaf])]),
      'is not UTF-8',
    ],
    ['UTF-8 with a byte order mark', (text: string) => Buffer.from(`\ufeff${text}`), 'is not JSON'],
  ])('%s', async (_, encode, words) => {
    const text = JSON.stringify(rig.request(order(), { reason: 'é' }))
    expectProblem(await rig.postRaw('/v1/actions', 'alpha', encode(text)), 'BODY_MALFORMED', words)
  })

  test.each([
    ['text/plain'],
    ['application/x-www-form-urlencoded'],
    ['application/problem+json'],
    ['application/json; charset=utf-16'],
    ['application/json; charset="latin1"'],
    ['application/json;CHARSET=UTF-7'],
    ['nonsense'],
  ])('content type %s', async (type) => {
    const answer = await rig.postRaw('/v1/actions', 'alpha', withQuantity('100'), type)
    expectProblem(answer, 'MEDIA_TYPE_UNSUPPORTED', /./)
  })

  test('no content type', async () => {
    const answer = await rig.call('POST', '/v1/actions', 'alpha', { raw: Buffer.from(withQuantity('100')) })
    expectProblem(answer, 'MEDIA_TYPE_UNSUPPORTED', /./)
  })

  test.each(['gzip', 'deflate', 'br', 'identity'])('content encoding %s', async (encoding) => {
    const raw = encoding === 'gzip' ? gzipSync(withQuantity('100')) : withQuantity('100')
    const headers = { 'content-type': 'application/json', 'content-encoding': encoding }
    const answer = await rig.call('POST', '/v1/actions', 'alpha', { raw, headers })
    expectProblem(answer, 'MEDIA_TYPE_UNSUPPORTED', encoding)
  })

  test.each(['application/json; charset=utf-8', 'application/json;charset="UTF-8"', 'Application/JSON'])(
    '%s is what it should be',
    async (type) => {
      const answer = await rig.postRaw('/v1/actions', 'alpha', withQuantity('100'), type)
      expect(answer.body.verdict).toBe('allow')
      recorded += 1
    },
  )
})
