/** What `/asyncapi.json` says of messages is what is sent. */
import { get } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { order, quietMarket } from '../support/market.ts'
import { until } from '../support/http.ts'
import { OPEN, Rig } from '../support/sidecar.ts'

const rig = new Rig()
beforeAll(async () => {
  await rig.start()
  await rig.observe(...quietMarket(OPEN))
})
afterAll(() => rig.end())

interface Document {
  readonly asyncapi: string
  readonly channels: Record<string, { address: string; messages: Record<string, { $ref: string }> }>
  readonly components: {
    messages: Record<string, { name: string; payload: Parameters<typeof z.fromJSONSchema>[0] }>
  }
}

/** Server-sent events as they come, by their name. */
function listenTo(path: string): { readonly heard: [string, unknown][]; readonly end: () => void } {
  const heard: [string, unknown][] = []
  const headers = { authorization: `Bearer ${rig.token('auditor')}` }
  const request = get(`${rig.base}${path}`, { headers }, (response) => {
    let text = ''
    response.setEncoding('utf8').on('data', (part: string) => {
      const blocks = (text + part).split('\n\n')
      text = blocks.pop() ?? ''
      for (const block of blocks) {
        const [, name, data] = /^id: .*\nevent: (.*)\ndata: (.*)$/.exec(block) ?? []
        if (name !== undefined && data !== undefined) heard.push([name, JSON.parse(data)])
      }
    })
    response.on('error', () => undefined)
  })
  request.on('error', () => undefined)
  return { heard, end: () => request.destroy() }
}

test('each message that is sent fits one that is described, and a changed one does not', async () => {
  const document = (await rig.get('/asyncapi.json', null)).body as unknown as Document
  expect(document.asyncapi).toBe('3.0.0')
  const events = listenTo('/v1/events')
  const said = listenTo('/v1/topics/risk_warnings/events')
  const publication = { id: rig.request({}).id, data: { text: 'x' }, priority: 'high' }
  await until('somebody listens', async () => {
    await rig.judge(order({ quantity: 1 }))
    await rig.post('/v1/topics/risk_warnings', 'alpha', { ...publication, id: rig.request({}).id })
    return events.heard.length > 0 && said.heard.length > 0
  })
  await rig.post('/v1/halts', 'operator-1', {
    scope: { kind: 'account', name: 'other' },
    state: 'halted',
    reason: 'test',
  })
  await until('the halt is told', () => events.heard.some(([name]) => name === 'halt'))
  events.end()
  said.end()
  const schemasOf = (channel: string, name: string): z.ZodType[] =>
    Object.values(document.channels[channel]?.messages ?? {})
      .map(({ $ref }) => document.components.messages[$ref.split('/').at(-1) ?? ''])
      .flatMap((message) => (message?.name === name ? [z.fromJSONSchema(message.payload)] : []))
  const fits = (channel: string, name: string, data: unknown): boolean =>
    schemasOf(channel, name).some((schema) => schema.safeParse(data).success)
  for (const [channel, { heard }] of [
    ['events', events],
    ['risk_warnings', said],
  ] as const)
    for (const [name, data] of heard) {
      expect(fits(channel, name, data), `${channel} ${name}: ${JSON.stringify(data)}`).toBe(true)
      expect(fits(channel, name, { ...(data as object), more: 1 })).toBe(false)
    }
  expect(fits('risk_warnings.say', 'publication', publication)).toBe(true)
  expect(fits('risk_warnings.say', 'publication', { ...publication, id: 'x' })).toBe(false)
  expect(new Set(events.heard.map(([name]) => name))).toEqual(new Set(['verdict', 'halt']))
})
