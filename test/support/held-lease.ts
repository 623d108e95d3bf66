/** A home that nobody hears: it renews the lease of a partition, and does nothing else. */
import type { Redis } from 'ioredis'

const RENEW_MS = 50
const LIVES_MS = 400

/** Takes the lease of `partition` under an epoch that nobody reaches, until what it resolves with is called. */
export async function holdLease(redis: Redis, partition: string): Promise<() => Promise<void>> {
  const key = `ephor:{${partition}}:lease`
  const before = await redis.hgetall(key)
  const mine = { epoch: 1_000, holder: 'somebody', process: 'x' }
  const renew = (): Promise<number> => redis.hset(key, { ...mine, until: Date.now() + LIVES_MS })
  await renew()
  const timer = setInterval(() => void renew(), RENEW_MS)
  return async () => {
    clearInterval(timer)
    await redis.hset(key, { ...before, epoch: mine.epoch, until: 0, process: '' })
  }
}
