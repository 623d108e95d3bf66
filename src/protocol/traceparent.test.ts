/** What of a `traceparent` is taken, and what is ignored, as the recommendation of the W3C says. */
import { expect, test } from 'vitest'
import { Envelope } from './envelope.ts'
import { readTraceparent } from './traceparent.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'

test.each([
  ['as it is', `00-${TRACE}-${PARENT}-01`, `00-${TRACE}-${PARENT}-01`],
  ['not sampled', `00-${TRACE}-${PARENT}-00`, `00-${TRACE}-${PARENT}-00`],
  ['with flags of the second level', `00-${TRACE}-${PARENT}-03`, `00-${TRACE}-${PARENT}-03`],
  ['of a later version', `cc-${TRACE}-${PARENT}-01`, `00-${TRACE}-${PARENT}-01`],
  ['of a later version that says more', `cc-${TRACE}-${PARENT}-01-what-else`, `00-${TRACE}-${PARENT}-01`],
  ['of a later version with flags that nobody knows', `01-${TRACE}-${PARENT}-fe`, `00-${TRACE}-${PARENT}-00`],
])('%s: taken', (_, header, read) => {
  expect(readTraceparent(header)).toBe(read)
})

test.each([
  ['nothing', undefined],
  ['empty', ''],
  ['twice, as headers that repeat are joined', `00-${TRACE}-${PARENT}-01, 00-${TRACE}-${PARENT}-01`],
  ['a list', [`00-${TRACE}-${PARENT}-01`]],
  ['a trace of zeros', `00-${'0'.repeat(32)}-${PARENT}-01`],
  ['a parent of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['the version that never will be', `ff-${TRACE}-${PARENT}-01`],
  ['more behind what the first version says', `00-${TRACE}-${PARENT}-01-more`],
  ['a later version that does not end its flags', `cc-${TRACE}-${PARENT}-01.more`],
  ['capitals', `00-${TRACE.toUpperCase()}-${PARENT}-01`],
  ['no hexadecimal digits', `00-${TRACE.replace('4', 'g')}-${PARENT}-01`],
  ['a short trace', `00-${TRACE.slice(1)}-${PARENT}-01`],
  ['no flags', `00-${TRACE}-${PARENT}`],
])('%s: ignored', (_, header) => {
  expect(readTraceparent(header)).toBeUndefined()
})

test('what is taken fits an envelope', () => {
  for (const header of [`00-${TRACE}-${PARENT}-01`, `cc-${TRACE}-${PARENT}-ff-more`])
    expect(Envelope.shape.traceparent.safeParse(readTraceparent(header)).success).toBe(true)
})
