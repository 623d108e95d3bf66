/** `GET /v1/events`: what happens, as server-sent events, from where a reader left off. */
import type { ServerResponse } from 'node:http'
import { z } from 'zod'
import { EphorError } from '../base/errors.ts'
import { readRecords } from '../journal/read.ts'
import type { Event } from '../protocol/event.ts'
import type { Front } from '../sidecar/front.ts'
import type { Happened } from '../sidecar/sidecar.ts'
import type { Token } from '../sidecar/tokens.ts'
import { ANYONE, caller } from './auth.ts'
import { Places, placesIn, textOfPlaces } from './places.ts'
import { drained, Readers } from './readers.ts'
import { route, STREAM, type RouteContext } from './routes.ts'
import { toldTo } from './sight.ts'

/** What is told, by the name of the server-sent event. */
export const TOLD: Readonly<Partial<Record<Event['type'], string>>> = {
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

const EventQuery = z.strictObject({
  after: Places.optional().describe(
    'Begin behind this `id` of an event; the header `last-event-id` goes before it. Without either, with what comes',
  ),
})

/** A reader that lets so much wait is let go; it can begin again where it was. */
const WAITING_BYTES_MAX = 4 * 1024 * 1024
/** Records that are kept for a reader while it reads what is past; one that takes longer over it is let go. */
const HELD_MAX = 10_000
/** Records that a reader may be behind when it begins. */
const BEHIND_MAX = 1_000_000
/** Milliseconds between two signs of life. */
const ALIVE_MS = 15_000

export function eventRoutes({ app, sidecar }: RouteContext): void {
  const readers = new Readers(app)
  const options = route(ANYONE, {
    summary: 'Proposals, votes, verdicts and halts, as server-sent events, as far as they concern who reads',
    tags: ['agents'],
    querystring: EventQuery,
    produces: ['text/event-stream'],
    response: { 200: z.string() },
  })
  app.get('/v1/events', { ...options, ...STREAM }, async (request, reply) => {
    const who = caller(request)
    const { after } = request.query as z.infer<typeof EventQuery>
    const last = request.headers['last-event-id']
    const named = last === undefined ? after : Places.safeParse(last).data
    if (last !== undefined && named === undefined)
      throw new EphorError('QUERY_INVALID', `\`last-event-id\`: expected the \`id\` of an event`)
    const from = named && placesIn(named, sidecar.cores.length, '`id` of an event')
    from?.forEach((sequence, number) => assertInReach(sequence, sidecar.cores[number]))
    const stream = reply.raw
    const isThere = readers.take(who, stream)
    reply.hijack()
    if (!isThere) return
    stream.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    })
    stream.write(': hello\n\n')
    const alive = setInterval(() => stream.write(': alive\n\n'), ALIVE_MS)
    const stop = follow(stream, who, sidecar, from)
    stream.once('close', () => {
      clearInterval(alive)
      stop()
    })
  })
}

/** It would hear nothing until there are so many, and take that for silence. */
function assertInReach(from: number, core: Front['cores'][number] | undefined): void {
  const { partition, durableSequence = 0 } = core ?? {}
  const where = partition === undefined ? '' : `${partition}: `
  if (from > durableSequence) throw new EphorError('QUERY_INVALID', `${where}there is no record ${from} yet`)
  if (durableSequence - from > BEHIND_MAX)
    throw new EphorError('QUERY_INVALID', `${where}\`after\` is more than ${BEHIND_MAX} records back`)
}

/** Sends what the journals hold behind `from`, then what happens; the answer ends it. */
function follow(
  stream: ServerResponse,
  who: Token,
  sidecar: Front,
  from: readonly number[] | undefined,
): () => void {
  const { cores } = sidecar
  let isEnded = false
  const sent = cores.map(({ durableSequence }, number) => from?.[number] ?? durableSequence)
  const numbers = new Map(cores.map(({ partition }, number) => [partition, number]))
  // Until what is past is read, what happens is kept.
  let held: Happened[] | undefined = []
  const send = (one: Happened): void => {
    const place = numbers.get(one.partition) ?? 0
    if (isEnded || one.sequence <= (sent[place] ?? 0)) return
    sent[place] = one.sequence
    const event = toldTo(who, one.event, (id) => sidecar.roundConcerns(id))
    const text = event && textOf({ ...one, event }, textOfPlaces(sent))
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
    for (const [number, core] of cores.entries()) {
      const [after = 0, to] = [sent[number], core.durableSequence]
      if (after >= to) continue
      const past = { fromSequence: after + 1, toSequence: to }
      for await (const { sequence, at, event } of readRecords(core.journalDirectory, past)) {
        if (isEnded) return
        send(core.partitioned({ sequence, at, event: event as unknown as Event }))
        await drained(stream)
      }
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

/** The text of one event; `undefined` where it is none that is told. */
function textOf({ sequence, at, event, partition }: Happened, id: number | string): string | undefined {
  const kind = TOLD[event.type]
  if (kind === undefined) return undefined
  const { type: _, ...told } =
    event.type === 'decided' || event.type === 'proposed' ? { ...event, evidence: undefined } : event
  const where = partition === undefined ? {} : { partition }
  return `id: ${id}\nevent: ${kind}\ndata: ${JSON.stringify({ ...told, sequence, at, ...where })}\n\n`
}
