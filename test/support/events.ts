/** Reads server-sent events as a client would. */
import { get } from 'node:http'
import type { Rig } from './sidecar.ts'

export interface ReadEvent {
  readonly id: number
  /** The same as it was sent: where there are several partitions, a sequence for each. */
  readonly place: string
  readonly event: string
  readonly data: string
}

/** The events behind `lastEventId`, or from now on, until there are `enough`. */
export function eventsOf(
  rig: Rig,
  as: string,
  lastEventId: number | string | undefined,
  enough: (events: readonly ReadEvent[]) => boolean,
): Promise<ReadEvent[]> {
  return new Promise((done, failed) => {
    const headers = {
      authorization: `Bearer ${rig.token(as)}`,
      ...(lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) }),
    }
    const request = get(`${rig.base}/v1/events`, { headers }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part
        const events = [...text.matchAll(/^id: ([\d.]+)\nevent: (\w+)\ndata: (.*)\n\n/gm)].map(
          ([, id = '', event = '', data = '']) => ({ id: Number(id), place: id, event, data }),
        )
        if (!enough(events)) return
        done(events)
        request.destroy()
      })
    })
    request.once('error', failed)
  })
}
