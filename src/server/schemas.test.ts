/** What is taken once for nothing is what the schema makes of nothing, and nothing is still refused where something is asked for. */
import { expect, test } from 'vitest'
import { z } from 'zod'
import { validatorOf } from './schemas.ts'

const Paging = z.strictObject({
  limit: z.string().transform(Number).default(50),
  after: z.string().optional(),
})

test('without a query there is what the schema makes of none, and nobody can change it', () => {
  const read = validatorOf(Paging, 'QUERY_INVALID')
  // As Fastify gives it: an object without a prototype.
  const none = read(Object.create(null))
  expect(none).toEqual({ value: { limit: 50 } })
  expect(Object.isFrozen((none as { value: unknown }).value)).toBe(true)
  expect(read({ limit: '7' })).toEqual({ value: { limit: 7 } })
  expect(read({})).toEqual({ value: { limit: 50 } })
})

test('what does not fit is refused, a query that is left out too', () => {
  const refused = { error: expect.objectContaining({ code: 'QUERY_INVALID' }) as unknown }
  expect(validatorOf(Paging, 'QUERY_INVALID')({ limit: '7', more: '1' })).toEqual(refused)
  expect(validatorOf(z.strictObject({ at: z.string() }), 'QUERY_INVALID')({})).toEqual(refused)
  expect(validatorOf(Paging, 'QUERY_INVALID')(undefined)).toEqual(refused)
})

test('a body is looked at each time', () => {
  const read = validatorOf(z.object({ list: z.array(z.string()).default([]) }), 'BODY_INVALID')
  const [one, other] = [read({}), read({})] as { value: { list: string[] } }[]
  expect(one).toEqual({ value: { list: [] } })
  expect(one?.value).not.toBe(other?.value)
  expect(read(null)).toEqual({ error: expect.objectContaining({ code: 'BODY_INVALID' }) as unknown })
})
