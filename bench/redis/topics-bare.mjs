/** What topics are held against: a loop that adds to a stream and reads it, with nothing between. */
export const TOLD = 'x'.repeat(200)

/** Milliseconds by a clock that all processes of a machine share. */
export const monotonicMs = () => Number(process.hrtime.bigint()) / 1e6

/** Adds a message that says when it was sent. */
export const addBare = (redis, at) =>
  redis.xadd('bare', 'MAXLEN', '~', 10_000, '*', 'text', JSON.stringify({ at, told: TOLD }))

/** Reads them until `over`; `hear` is told when each was sent. */
export async function readBare(redis, over, hear) {
  for (let last = '0-0'; !over.aborted;) {
    const reply = await redis.xread('COUNT', 500, 'BLOCK', 100, 'STREAMS', 'bare', last)
    for (const [id, [, text]] of reply?.[0]?.[1] ?? []) {
      last = id
      hear(JSON.parse(text).at)
    }
  }
}
