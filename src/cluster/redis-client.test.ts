/** How the library's client behaves where nobody answers. */
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { clientFor } from './redis-client.ts'
import { readPlace } from './redis-place.ts'

/** Looks that are waited for: the last comes 50 + 100 + … + 350 ms after the first, or a little before by the rounding of timers. */
const LOOKS = 8
const NOT_BEFORE_MS = 1_300

test('Sentinels that are away are looked for more and more rarely', async () => {
  const looks: number[] = []
  let enough = (): void => undefined
  const all = new Promise<void>((done) => (enough = done))
  const server = createServer((socket) => {
    looks.push(performance.now())
    socket.destroy()
    if (looks.length === LOOKS) enough()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const place = readPlace(`redis+sentinel://127.0.0.1:${port}/ephor`)
  const client = clientFor(place, { purpose: 'test', waitMs: 0 })
  client.on('error', () => undefined)
  client.connect().catch(() => undefined)
  await all
  client.disconnect()
  server.close()
  const [first = 0] = looks
  expect((looks.at(-1) ?? 0) - first).toBeGreaterThanOrEqual(NOT_BEFORE_MS)
})
