/** Reads server-sent events from an answer as they come. */
import type { IncomingMessage } from 'node:http'
import { parseStrictJson } from '../base/strict-json.ts'
import { ClientError } from './error.ts'

/** Something that happened, as `GET /v1/events` tells it. */
export interface SidecarEvent {
  /** Where to go on from: the sequence of its record, or, where there are several partitions, text with one for each. */
  readonly id: number | string
  /** What kind of thing: `proposal`, `vote`, `stop`, `certificate`, `verdict`, `halt` or `resume`. */
  readonly event: string
  /** The record, parsed; its shape is the sidecar's affair and not checked here. */
  readonly data: unknown
}

/** The events of the journal in `response`. Throws as `readTold` does. */
export async function* readEvents(
  response: IncomingMessage,
  bytesMax: number,
): AsyncGenerator<SidecarEvent, void, undefined> {
  for await (const { id, ...told } of readTold(response, bytesMax)) {
    if (!/^\d{1,15}(\.\d{1,15})*$/.test(id)) throw invalid(`\`${id}\` is no id of an event`)
    yield { id: id.includes('.') ? id : Number(id), ...told }
  }
}

/** Something that was told, under an id of its own kind. */
type Told = Omit<SidecarEvent, 'id'> & { readonly id: string }

/** The events of `response` until it ends. Throws `ClientError` when it breaks off, or says what is no event of the sidecar's. */
export async function* readTold(
  response: IncomingMessage,
  bytesMax: number,
): AsyncGenerator<Told, void, undefined> {
  response.setEncoding('utf8')
  let text = ''
  try {
    for await (const part of response as AsyncIterable<string>) {
      const blocks = (text + part).split('\n\n')
      text = blocks.pop() ?? ''
      if (text.length > bytesMax) throw invalid(`an event is longer than ${bytesMax} characters`)
      for (const block of blocks) {
        const event = eventOf(block)
        if (event !== undefined) yield event
      }
    }
  } catch (error) {
    if (error instanceof ClientError) throw error
    const { message } = error as Error
    throw new ClientError('SIDECAR_UNREACHABLE', `the events broke off: ${message}`, { cause: error })
  } finally {
    response.destroy()
  }
}

/** One event from its lines; `undefined` of a comment. */
function eventOf(block: string): Told | undefined {
  const lines = block.split('\n').filter((line) => !line.startsWith(':'))
  if (lines.length === 0) return undefined
  const match = /^id: (\d{1,16}(?:-\d{1,16}|(?:\.\d{1,15})+)?)\nevent: ([a-z]+)\ndata: (.*)$/.exec(
    lines.join('\n'),
  )
  const [, id, event, data = ''] = match ?? []
  if (id === undefined || event === undefined) throw invalid('something is no event')
  const parsed = parseStrictJson(data)
  if (!parsed.ok) throw invalid(`event ${id}: ${parsed.path || '/'}: ${parsed.message}`)
  return { id, event, data: parsed.value }
}

function invalid(detail: string): ClientError {
  return new ClientError('ANSWER_INVALID', detail, { status: 200 })
}
