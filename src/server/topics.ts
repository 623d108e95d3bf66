/** Agents' topics over HTTP: say something, and hear what is said. */
import type { ServerResponse } from 'node:http'
import { z } from 'zod'
import { EphorError } from '../base/errors.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import { Place, Publication, PublishedAnswer, TopicName, TOPICS } from '../protocol/topic.ts'
import { ANYONE, caller } from './auth.ts'
import { route, STREAM, type RouteContext } from './routes.ts'

const TopicPath = z.strictObject({ topic: TopicName })
const TopicQuery = z.strictObject({
  after: Place.optional().describe(
    'Begin behind this place; the header `last-event-id` goes before it. Without either, with what comes',
  ),
})

/** Readers at one time. */
const READERS_MAX = 256
/** A reader that lets so much wait is let go; it can begin again where it was. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024
/** Milliseconds between two signs of life. */
const ALIVE_MS = 15_000

export function topicRoutes({ app, topics }: RouteContext): void {
  const readers = new Set<ServerResponse>()
  app.addHook('preClose', async () => {
    for (const reader of readers) reader.end()
  })

  const publish = route(['agent', 'feeder', 'operator'], {
    summary: 'Say something on a topic',
    tags: ['agents'],
    params: TopicPath,
    body: Publication,
    response: { 200: PublishedAnswer },
  })
  app.post('/v1/topics/:topic', publish, async (request, reply) => {
    const { topic } = request.params as z.infer<typeof TopicPath>
    const { name, role } = caller(request)
    const may: readonly string[] = TOPICS[topic]
    if (!may.includes(role))
      throw new EphorError(
        'ROLE_FORBIDDEN',
        `\`${name}\` is ${role}; on \`${topic}\` speak: ${may.join(' or ')}`,
      )
    const said = request.body as Publication
    const speaker = { name, role: role as 'agent' | 'feeder' | 'operator' }
    const { place, expires } = await topics.publish(topic, said, speaker)
    return reply.send({ schema: SCHEMA_VERSION, topic, id: said.id, place, expires })
  })

  const listen = route(ANYONE, {
    summary: 'What is said on a topic, as server-sent events',
    tags: ['agents'],
    params: TopicPath,
    querystring: TopicQuery,
    produces: ['text/event-stream'],
    response: { 200: z.string() },
  })
  app.get('/v1/topics/:topic/events', { ...listen, ...STREAM }, async (request, reply) => {
    const { topic } = request.params as z.infer<typeof TopicPath>
    const { after } = request.query as z.infer<typeof TopicQuery>
    const last = request.headers['last-event-id']
    if (last !== undefined && !Place.safeParse(last).success)
      throw new EphorError('QUERY_INVALID', '`last-event-id`: expected the `id` of an event')
    if (readers.size >= READERS_MAX) throw new EphorError('OVERLOADED', `${READERS_MAX} readers listen`)
    const stream = reply.raw
    const early: string[] = []
    let isOpen = false
    const write = (text: string): void => {
      if (!isOpen) return void early.push(text)
      stream.write(text)
      if (stream.writableLength > WAITING_BYTES_MAX) stream.destroy()
    }
    const from = last === undefined ? after : String(last)
    const stop = await topics.follow(topic, from, (message) =>
      write(`id: ${message.place}\nevent: message\ndata: ${JSON.stringify(message)}\n\n`),
    )
    reply.hijack()
    // Who left while it was looked up is told no more: that he did was said before anybody listened.
    if (stream.destroyed) return stop()
    readers.add(stream)
    stream.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    isOpen = true
    for (const text of [': hello\n\n', ...early]) write(text)
    const alive = setInterval(() => stream.write(': alive\n\n'), ALIVE_MS)
    stream.once('close', () => {
      clearInterval(alive)
      readers.delete(stream)
      stop()
    })
  })
}
