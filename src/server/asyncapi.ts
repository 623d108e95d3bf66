/** What the sidecar tells and takes as messages, as an AsyncAPI 3 document: made from the schemas that hold them. */
import { z } from 'zod'
import { VERSION } from '../base/version.ts'
import { Millis } from '../protocol/common.ts'
import { Event } from '../protocol/event.ts'
import { jsonSchemaOf } from '../protocol/json-schema.ts'
import { Publication, TopicMessage, TOPIC_NAMES, TOPICS } from '../protocol/topic.ts'
import { TOLD } from './events.ts'

const ref = (path: string): { $ref: string } => ({ $ref: `#/${path}` })

/** The record of an event as `GET /v1/events` tells it: what it was derived from stays in the journal. */
function payloadOf(type: Event['type']): z.ZodType | undefined {
  const option = Event.options.find(({ shape }) => shape.type.value === type)
  if (option === undefined) return undefined
  const { type: _, ...shape } = option.shape as Record<string, z.ZodType>
  delete shape.evidence
  return z.strictObject({ ...shape, sequence: z.int().positive(), at: Millis })
}

let made: Record<string, unknown> | undefined

/** The document, which is the same for every server. */
export const asyncApi = (): Record<string, unknown> => (made ??= make())

function make(): Record<string, unknown> {
  const events = Object.entries(TOLD).flatMap(([type, name]) => {
    const payload = payloadOf(type as Event['type'])
    return payload === undefined ? [] : [{ type, name, payload }]
  })
  const messages = Object.fromEntries([
    ...events.map(({ type, name, payload }) => [
      type,
      { name, contentType: 'application/json', payload: jsonSchemaOf(payload, 'output') },
    ]),
    [
      'said',
      { name: 'message', contentType: 'application/json', payload: jsonSchemaOf(TopicMessage, 'output') },
    ],
    [
      'publication',
      { name: 'publication', contentType: 'application/json', payload: jsonSchemaOf(Publication, 'input') },
    ],
  ]) as Record<string, unknown>
  const topics = TOPIC_NAMES.map((topic) => ({ topic, speakers: TOPICS[topic].join(' and ') }))
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Ephor',
      version: VERSION,
      description: 'What is told as server-sent events, and what agents say to each other.',
    },
    defaultContentType: 'application/json',
    channels: {
      events: {
        address: '/v1/events',
        description: 'Proposals, votes, verdicts and halts, in the order of the journal',
        messages: Object.fromEntries(events.map(({ type }) => [type, ref(`components/messages/${type}`)])),
      },
      ...Object.fromEntries(
        topics.flatMap(({ topic, speakers }) => [
          [
            topic,
            {
              address: `/v1/topics/${topic}/events`,
              description: `What is said by ${speakers}s`,
              messages: { said: ref('components/messages/said') },
            },
          ],
          [
            `${topic}.say`,
            {
              address: `/v1/topics/${topic}`,
              messages: { publication: ref('components/messages/publication') },
            },
          ],
        ]),
      ),
    },
    operations: {
      tellEvents: { action: 'send', channel: ref('channels/events') },
      ...Object.fromEntries(
        topics.flatMap(({ topic }) => [
          [`tell.${topic}`, { action: 'send', channel: ref(`channels/${topic}`) }],
          [`take.${topic}`, { action: 'receive', channel: ref(`channels/${topic}.say`) }],
        ]),
      ),
    },
    components: { messages },
  }
}
