/** Values that agents share, over HTTP. */
import { z } from 'zod'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import { MergedAnswer, MergeWord, valueOf, type Merged } from '../protocol/merged.ts'
import {
  LeaseAnswer,
  LeaseGive,
  LeaseGiven,
  LeaseTake,
  SharedAnswer,
  SharedKey,
  SharedPut,
  SharedWritten,
} from '../protocol/shared.ts'
import { ANYONE, caller } from './auth.ts'
import { route, type RouteContext } from './routes.ts'

const KeyPath = z.strictObject({ key: SharedKey })
const keyIn = (request: { readonly params: unknown }): string =>
  (request.params as z.infer<typeof KeyPath>).key

const schema = SCHEMA_VERSION
const tags = ['agents']
const params = KeyPath

export function sharedRoutes({ app, shared }: RouteContext): void {
  const get = route(ANYONE, { summary: 'A shared value', tags, params, response: { 200: SharedAnswer } })
  app.get('/v1/shared/:key', get, async (request, reply) => {
    const key = keyIn(request)
    return reply.send({ schema, key, ...(await shared.get(key)) })
  })

  const put = route(['agent', 'operator'], {
    summary: 'Write a shared value, over one version or any',
    tags,
    params,
    body: SharedPut,
    response: { 200: SharedWritten },
  })
  app.put('/v1/shared/:key', put, async (request, reply) => {
    const key = keyIn(request)
    return reply.send({
      schema,
      key,
      version: await shared.put(key, request.body as SharedPut, caller(request).name),
    })
  })

  const lease = route(['agent'], {
    summary: 'Take the lease of a key, or hold it for longer',
    tags,
    params,
    body: LeaseTake,
    response: { 200: LeaseAnswer },
  })
  app.post('/v1/shared/:key/lease', lease, async (request, reply) => {
    const key = keyIn(request)
    const { name: holder } = caller(request)
    const { ttlMs } = request.body as z.infer<typeof LeaseTake>
    const { token, leftMs } = await shared.lease(key, holder, ttlMs)
    return reply.send({ schema, key, holder, token, leftMs })
  })

  const give = route(['agent'], {
    summary: 'Give a lease up',
    tags,
    params,
    body: LeaseGive,
    response: { 200: LeaseGiven },
  })
  app.delete('/v1/shared/:key/lease', give, async (request, reply) => {
    const key = keyIn(request)
    const { token } = request.body as z.infer<typeof LeaseGive>
    return reply.send({ schema, key, released: await shared.release(key, token, caller(request).name) })
  })

  const told = (key: string, found: { state: Merged | undefined; shared: boolean }): object => ({
    schema,
    key,
    kind: found.state?.kind ?? null,
    value: found.state === undefined ? null : valueOf(found.state),
    shared: found.shared,
  })
  const merged = route(ANYONE, {
    summary: 'A value that many write and that merges',
    tags,
    params,
    response: { 200: MergedAnswer },
  })
  app.get('/v1/shared/:key/merge', merged, async (request, reply) => {
    const key = keyIn(request)
    return reply.send(told(key, await shared.merged(key)))
  })

  const word = route(['agent', 'operator'], {
    summary: 'Say a word on a value that many write and that merges',
    tags,
    params,
    body: MergeWord,
    response: { 200: MergedAnswer },
  })
  app.post('/v1/shared/:key/merge', word, async (request, reply) => {
    const key = keyIn(request)
    return reply.send(told(key, await shared.say(key, request.body as MergeWord)))
  })
}
