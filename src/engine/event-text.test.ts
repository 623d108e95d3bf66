/** What is written straight from the columns is the JSON of what they hold. */
import { expect, test } from 'vitest'
import { ask, NOW, PROGRAM, programWith, ready, request, run } from '../../test/support/engine.ts'
import type { Program } from '../constitution/compile.ts'
import type { ActionRequest } from '../protocol/action.ts'
import { Event } from '../protocol/event.ts'
import { eventText } from './event-text.ts'

const ODD = programWith([
  {
    id: 'third',
    title: 'A third of equity, a grid and a text',
    applies: { actions: ['order', 'replace'] },
    forbid: 'order.value / 3 > account.equity',
    unless: 'action.reducing',
  },
  {
    id: 'grid',
    title: 'Grid',
    applies: { actions: ['order', 'replace'] },
    forbid: 'not multiple(order.quantity, instrument.lot)',
  },
  {
    id: 'state',
    title: 'State',
    applies: { actions: ['order', 'replace'] },
    forbid: 'trading.state == "halted"',
  },
])

test.each<[string, ActionRequest, Program]>([
  ['allowed', request(), PROGRAM],
  ['denied', request({ quantity: 5000 }), PROGRAM],
  ['narrowed', request({ quantity: 5000 }, { accept: ['narrow'] }), PROGRAM],
  ['refused before the rules', request({ instrument: 'MSFT' }), PROGRAM],
  ['with a quotient, a grid and a text', request(), ODD],
])('%s', (_, of, program) => {
  const [event] = run(ready(program), [ask(of)], NOW).events
  if (event?.type !== 'decided') throw new Error('expected a decision')
  const text = eventText(event)
  expect(text).toBe(JSON.stringify(event))
  expect(Event.safeParse(JSON.parse(text)).error).toBeUndefined()
})
