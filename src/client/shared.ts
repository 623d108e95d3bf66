/** Topics and shared values: what agents tell each other through their sidecars. */
import type { IncomingMessage } from 'node:http'
import type { z } from 'zod'
import { MergedAnswer, MergeWord } from '../protocol/merged.ts'
import {
  LeaseAnswer,
  LeaseGive,
  LeaseGiven,
  LeaseTake,
  SharedAnswer,
  SharedPut,
  SharedWritten,
} from '../protocol/shared.ts'
import { Publication, PublishedAnswer, TopicMessage, type Topic } from '../protocol/topic.ts'
import { describeIssues } from '../protocol/issues.ts'
import { matchId } from './answer.ts'
import { ClientError } from './error.ts'
import { readTold } from './events.ts'
import { checked, segment, type CallSidecar } from './request.ts'

/** What to say: an id is made where it is left out. */
export type Said = Omit<Publication, 'id'> & Partial<Pick<Publication, 'id'>>

export interface Hearing {
  /** Begin behind this place; with what comes, where left out. */
  readonly after?: string
  /** Ends the listening. */
  readonly signal?: AbortSignal
}

export interface SharedCalls {
  /** Says something on a topic. */
  readonly publish: (topic: Topic, said: Said) => Promise<z.infer<typeof PublishedAnswer>>
  /** What is said on a topic from now on, or from behind a place. Does not begin again by itself: go on from the last `place`. */
  readonly hear: (topic: Topic, hearing?: Hearing) => Promise<AsyncIterable<TopicMessage>>
  readonly shared: (key: string) => Promise<z.infer<typeof SharedAnswer>>
  /** Writes a shared value. Never asked twice by itself. */
  readonly share: (key: string, put: SharedPut) => Promise<z.infer<typeof SharedWritten>>
  /** Takes the lease of a key for this agent, or holds it for longer. */
  readonly lease: (key: string, ttlMs: number) => Promise<z.infer<typeof LeaseAnswer>>
  readonly releaseLease: (key: string, token: number) => Promise<z.infer<typeof LeaseGiven>>
  readonly merged: (key: string) => Promise<z.infer<typeof MergedAnswer>>
  /** Says a word on a value that merges. Never asked twice by itself: a counter would count twice. */
  readonly sayMerged: (key: string, word: MergeWord) => Promise<z.infer<typeof MergedAnswer>>
}

/** The messages of `stream` until it ends. Throws `ClientError` when it breaks off, or says what is no message. */
export async function* readMessages(
  stream: IncomingMessage,
  bytesMax: number,
): AsyncGenerator<TopicMessage, void, undefined> {
  for await (const { data } of readTold(stream, bytesMax)) {
    const message = TopicMessage.safeParse(data)
    if (!message.success)
      throw new ClientError('ANSWER_INVALID', describeIssues(message.error), { status: 200 })
    yield message.data
  }
}

export function sharedCalls(
  call: CallSidecar,
  newId: () => string,
  listen: (path: string, hearing: Hearing) => Promise<AsyncIterable<TopicMessage>>,
): SharedCalls {
  const path = (key: string, more = ''): string => `/v1/shared/${segment(key)}${more}`
  return {
    publish: async (topic, said) => {
      const body = checked(Publication, { id: newId(), ...said })
      const answer = await call('POST', `/v1/topics/${segment(topic)}`, PublishedAnswer, body)
      matchId('id', body.id, answer.id)
      return answer
    },
    hear: (topic, hearing = {}) => listen(`/v1/topics/${segment(topic)}/events`, hearing),
    shared: (key) => call('GET', path(key), SharedAnswer),
    share: (key, put) => call('PUT', path(key), SharedWritten, checked(SharedPut, put), { twice: false }),
    lease: (key, ttlMs) => call('POST', path(key, '/lease'), LeaseAnswer, checked(LeaseTake, { ttlMs })),
    releaseLease: (key, token) =>
      call('DELETE', path(key, '/lease'), LeaseGiven, checked(LeaseGive, { token })),
    merged: (key) => call('GET', path(key, '/merge'), MergedAnswer),
    sayMerged: (key, word) =>
      call('POST', path(key, '/merge'), MergedAnswer, checked(MergeWord, word), { twice: false }),
  }
}
