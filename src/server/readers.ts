/** Who listens to a stream of events: so many at once, and no token more than its share. */
import type { ServerResponse } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { EphorError } from '../base/errors.ts'
import type { Token } from '../sidecar/tokens.ts'

/** Readers at one time. */
const READERS_MAX = 256
/** Of one token: the streams of one cannot keep voters and operators from hearing. */
const SHARE_MAX = 32

export class Readers {
  readonly #streams = new Set<ServerResponse>()
  readonly #taken = new Map<string, number>()
  #all = 0

  /** All are told to end when the server does. */
  constructor(app: FastifyInstance) {
    app.addHook('preClose', async () => {
      for (const stream of this.#streams) stream.end()
    })
  }

  /** Takes a place, from before anything is waited for until the answer ends; whether somebody is still there to have it. Throws `OVERLOADED`. */
  take({ sha256, name }: Token, stream: ServerResponse): boolean {
    // That he left was said before anybody listened.
    if (stream.destroyed) return false
    const own = this.#taken.get(sha256) ?? 0
    if (own >= SHARE_MAX) throw new EphorError('OVERLOADED', `\`${name}\` has ${SHARE_MAX} readers here`)
    if (this.#all >= READERS_MAX) throw new EphorError('OVERLOADED', `${READERS_MAX} readers listen`)
    this.#taken.set(sha256, own + 1)
    this.#all += 1
    this.#streams.add(stream)
    stream.once('close', () => {
      this.#streams.delete(stream)
      this.#all -= 1
      const left = (this.#taken.get(sha256) ?? 1) - 1
      if (left === 0) this.#taken.delete(sha256)
      else this.#taken.set(sha256, left)
    })
    return true
  }
}

/** Resolves when what was written has left, or the stream has ended. */
export function drained(stream: ServerResponse): Promise<void> {
  if (!stream.writableNeedDrain || stream.destroyed) return Promise.resolve()
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
