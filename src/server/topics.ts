/** Agents' topics over HTTP: say something, and hear what is said. */
import { z } from 'zod'
import { EphorError } from '../base/errors.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import { Place, Publication, PublishedAnswer, TopicName, TOPICS } from '../protocol/topic.ts'
import type { TopicReader } from '../sidecar/topics.ts'
import { ANYONE, caller } from './auth.ts'
import { drained, Readers } from './readers.ts'
import { route, STREAM, type RouteContext } from './routes.ts'

const TopicPath = z.strictObject({ topic: TopicName })
const TopicQuery = z.strictObject({
  after: Place.optional().describe(
    'Begin behind this place; the header `last-event-id` goes before it. Without either, with what comes',
  ),
})

/** A reader that lets so much wait is let go; it can begin again where it was. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024
/** Milliseconds between two signs of life. */
const ALIVE_MS = 15_000

export function topicRoutes({ app, topics }: RouteContext): void {
  const readers = new Readers(app)

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
    const stream = reply.raw
    if (!readers.take(caller(request), stream)) return void reply.hijack()
    const from = last === undefined ? after : String(last)
    let isLive = false
    const reader: TopicReader = {
      begin: () => {
        reply.hijack()
        stream.writeHead(200, {
          'content-type': 'text/event-stream',
          'cache-control': 'no-store',
          'x-accel-buffering': 'no',
        })
        stream.write(': hello\n\n')
      },
      tell: (message) => {
        stream.write(`id: ${message.place}\nevent: message\ndata: ${JSON.stringify(message)}\n\n`)
        if (isLive && stream.writableLength > WAITING_BYTES_MAX) stream.destroy()
      },
      room: () => drained(stream),
      isGone: () => stream.destroyed,
    }
    const stop = await topics.follow(topic, from, reader).catch((error: unknown) => {
      if (!stream.headersSent) throw error
      stream.destroy()
    })
    // Who left while it was looked up is told no more: that he did was said before anybody listened.
    if (stop === undefined || stream.destroyed) return stop?.()
    isLive = true
    const alive = setInterval(() => stream.write(': alive\n\n'), ALIVE_MS)
    stream.once('close', () => {
      clearInterval(alive)
      stop()
    })
  })
}
