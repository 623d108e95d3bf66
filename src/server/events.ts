/** `GET /v1/events`: what happens, as server-sent events, from where a reader left off. */
import type { ServerResponse } from 'node:http'
import { z } from 'zod'
import { EphorError } from '../base/errors.ts'
import { readRecords } from '../journal/read.ts'
import type { Event } from '../protocol/event.ts'
import type { Happened, Sidecar } from '../sidecar/sidecar.ts'
import type { Token } from '../sidecar/tokens.ts'
import { ANYONE, caller } from './auth.ts'
import { route, type RouteContext } from './routes.ts'
import { toldTo } from './sight.ts'

/** What is told, by the name of the server-sent event. */
const TOLD: Readonly<Partial<Record<Event['type'], string>>> = {
  proposed: 'proposal',
  asked: 'proposal',
  voted: 'vote',
  stopped: 'stop',
  certified: 'certificate',
  decided: 'verdict',
  halted: 'halt',
  resumed: 'resume',
  tuningStopped: 'tuning',
}

const SEQUENCE = /^\d{1,15}$/

const EventQuery = z.strictObject({
  after: z
    .string()
    .regex(SEQUENCE)
    .transform(Number)
    .optional()
    .describe(
      'Begin behind this sequence; the header `last-event-id` goes before it. Without either, with what comes',
    ),
})

/** Readers at one time. */
const READERS_MAX = 256
/** A reader that lets so much wait is let go; it can begin again where it was. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024
/** Records that are kept for a reader while it reads what is past; one that takes longer over it is let go. */
const HELD_MAX = 10_000
/** Records that a reader may be behind when it begins. */
const BEHIND_MAX = 1_000_000
/** Milliseconds between two signs of life. */
const ALIVE_MS = 15_000

export function eventRoutes({ app, sidecar, journalDirectory }: RouteContext): void {
  const readers = new Set<ServerResponse>()
  app.addHook('preClose', async () => {
    for (const reader of readers) reader.end()
  })
  const options = route(ANYONE, {
    summary: 'Proposals, votes, verdicts and halts, as server-sent events, as far as they concern who reads',
    tags: ['agents'],
    querystring: EventQuery,
    produces: ['text/event-stream'],
    response: { 200: z.string() },
  })
  app.get('/v1/events', options, async (request, reply) => {
    const who = caller(request)
    const { after } = request.query as z.infer<typeof EventQuery>
    const last = request.headers['last-event-id']
    if (last !== undefined && !(typeof last === 'string' && SEQUENCE.test(last)))
      throw new EphorError('QUERY_INVALID', `\`last-event-id\`: expected the \`id\` of an event`)
    const from = last === undefined ? after : Number(last)
    // It would hear nothing until there are so many, and take that for silence.
    if (from !== undefined && from > sidecar.durableSequence)
      throw new EphorError('QUERY_INVALID', `there is no record ${from} yet`)
    if (readers.size >= READERS_MAX) throw new EphorError('OVERLOADED', `${READERS_MAX} readers listen`)
    if (from !== undefined && sidecar.durableSequence - from > BEHIND_MAX)
      throw new EphorError('QUERY_INVALID', `\`after\` is more than ${BEHIND_MAX} records back`)
    reply.hijack()
    const stream = reply.raw
    readers.add(stream)
    stream.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    stream.write(': hello\n\n')
    const alive = setInterval(() => stream.write(': alive\n\n'), ALIVE_MS)
    const stop = follow(stream, who, sidecar, journalDirectory, from)
    stream.once('close', () => {
      clearInterval(alive)
      readers.delete(stream)
      stop()
    })
  })
}

/** Sends what the journal holds behind `from`, then what happens; the answer ends it. */
function follow(
  stream: ServerResponse,
  who: Token,
  sidecar: Sidecar,
  directory: string,
  from: number | undefined,
): () => void {
  let isEnded = false
  let sent = from ?? sidecar.durableSequence
  // Until what is past is read, what happens is kept.
  let held: Happened[] | undefined = []
  const send = (one: Happened): void => {
    if (isEnded || one.sequence <= sent) return
    sent = one.sequence
    const event = toldTo(who, one.event, (id) => sidecar.roundConcerns(id))
    const text = event && textOf({ ...one, event })
    if (text === undefined) return
    stream.write(text)
    if (stream.writableLength > WAITING_BYTES_MAX) stream.destroy()
  }
  const stop = sidecar.listen((one) => {
    if (held === undefined) send(one)
    else if (held.length < HELD_MAX) held.push(one)
    else stream.destroy()
  })
  const catchUp = async (): Promise<void> => {
    const to = sidecar.durableSequence
    if (sent < to)
      for await (const { sequence, at, event } of readRecords(directory, {
        fromSequence: sent + 1,
        toSequence: to,
      })) {
        if (isEnded) return
        send({ sequence, at, event: event as unknown as Event })
        if (stream.writableNeedDrain) await drained(stream)
      }
    for (const one of held ?? []) send(one)
    held = undefined
  }
  catchUp().catch(() => stream.destroy())
  return () => {
    isEnded = true
    stop()
  }
}

function drained(stream: ServerResponse): Promise<void> {
  return new Promise((done) => {
    const end = (): void => {
      stream.off('drain', end)
      stream.off('close', end)
      done()
    }
    stream.once('drain', end)
    stream.once('close', end)
  })
}

/** The text of one event; `undefined` where it is none that is told. */
function textOf({ sequence, at, event }: Happened): string | undefined {
  const kind = TOLD[event.type]
  if (kind === undefined) return undefined
  const { type: _, ...told } =
    event.type === 'decided' || event.type === 'proposed' ? { ...event, evidence: undefined } : event
  return `id: ${sequence}\nevent: ${kind}\ndata: ${JSON.stringify({ ...told, sequence, at })}\n\n`
}
