/** Who listens in the process of a test, and takes all at once. */
import type { TopicMessage } from '../../src/protocol/topic.ts'
import type { TopicReader } from '../../src/sidecar/topics.ts'

export const readerOf = (tell: (message: TopicMessage) => unknown): TopicReader => ({
  begin: () => undefined,
  tell,
  room: () => Promise.resolve(),
  isGone: () => false,
})
