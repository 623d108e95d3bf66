/** Topics on which agents tell each other what they know: nothing is decided by them. */
import { z } from 'zod'
import { Millis, Name, SchemaVersion, TimeOrderedId } from './common.ts'
import { Priority } from './envelope.ts'
import { Traceparent } from './traceparent.ts'

/** Each with who may publish on it. All roles may read. */
export const TOPICS = {
  market_insights: ['agent', 'feeder'],
  risk_warnings: ['agent', 'operator'],
  execution_status: ['agent', 'feeder'],
  emergency_signals: ['agent', 'operator'],
} as const
export type Topic = keyof typeof TOPICS
export const TOPIC_NAMES = Object.keys(TOPICS) as readonly Topic[]
export const TopicName = z.enum(TOPIC_NAMES as [Topic, ...Topic[]])

/** Characters of what is said, as JSON. */
export const TELLING_MAX = 65_536
const TTL_MS_MAX = 86_400_000
const Reference = z.string().min(1).max(128)
const Telling = z
  .record(z.string().max(128), z.json())
  .refine(
    (value) => JSON.stringify(value).length <= TELLING_MAX,
    `expected at most ${TELLING_MAX} characters`,
  )

/** The body of `POST /v1/topics/{topic}`. */
export const Publication = z.strictObject({
  schema: SchemaVersion.optional(),
  id: TimeOrderedId.describe(
    'Chosen by the sender; sent again under the same id within ten seconds it is told once',
  ),
  data: Telling.describe('What is said; its shape is the agents’ affair'),
  priority: Priority.optional().describe('`normal` where left out'),
  ttlMs: z
    .int()
    .min(1)
    .max(TTL_MS_MAX)
    .optional()
    .describe('Milliseconds after which nobody is told any more; an hour where left out'),
  correlation: Reference.optional().describe('What belongs together, as a decision'),
  causation: Reference.optional().describe('The message that led to this one'),
  traceparent: Traceparent.optional(),
})
export type Publication = z.infer<typeof Publication>

export const Place = z.string().regex(/^\d{1,16}-\d{1,16}$/, 'expected a place such as 1790000000000-0')

export const PublishedAnswer = z.strictObject({
  schema: SchemaVersion,
  topic: TopicName,
  id: z.string(),
  place: Place.describe('Where it stands in its topic'),
  expires: Millis,
})

/** What an envelope on a topic has in its `data`. A later version may say more. */
export const TopicData = z.object({
  topic: TopicName,
  role: z.enum(['agent', 'feeder', 'operator']),
  said: z.record(z.string(), z.unknown()).describe('As its sender was let say it'),
})

/** What is told of a message: the data of an event of `GET /v1/topics/{topic}/events`. */
export const TopicMessage = z.strictObject({
  schema: SchemaVersion,
  topic: TopicName,
  place: Place,
  id: z.string(),
  from: Name.describe('By its token'),
  role: z.enum(['agent', 'feeder', 'operator']),
  sidecar: Name.describe('Whose caller it was'),
  at: Millis,
  expires: Millis,
  priority: Priority,
  correlation: Reference.optional(),
  causation: Reference.optional(),
  traceparent: z.string().optional(),
  data: z.record(z.string(), z.json()),
})
export type TopicMessage = z.infer<typeof TopicMessage>
