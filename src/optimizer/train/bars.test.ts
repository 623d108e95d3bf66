import { describe, expect, test } from 'vitest'
import { joined, parseBars } from './bars.ts'

const header = 'timestamp,open,high,low,close,volume'
const minute = (at: number, row = '100,101,99,100,5'): string =>
  `2022-01-01 00:${String(at).padStart(2, '0')}:00.000000,${row}`
const bars = (...rows: string[]): string => [header, ...rows].join('\n')
const hundred = Array.from({ length: 59 }, (_, at) => minute(at))

test('bars are read, with gaps', () => {
  const read = parseBars('made', bars(minute(0), minute(1), minute(5)))
  expect([...read.volume]).toEqual([5, 5, 5])
  expect(read.stepMs).toBe(60_000)
  expect(read.at[0]).toBe(Date.parse('2022-01-01T00:00:00Z'))
  expect(read.dropped).toBe(0)
})

test('of two volumes the one in coins is taken, whichever column it stands in', () => {
  const read = parseBars(
    'made',
    [
      'unix,date,symbol,open,high,low,close,volume,Volume USD',
      '1526364000,x,BTC/USD,8733.86,8796.68,8707.28,8740.99,4906603.14,559.93',
      '1526367600,x,BTC/USD,8740.99,8766.0,8721.11,8739.0,273.58,2390398.89',
    ].join('\n'),
  )
  expect([...read.volume]).toEqual([559.93, 273.58])
})

describe('one bar is left out where', () => {
  test.each([
    ['it has no volume', '100,101,99,100,0'],
    ['a low is far off and the close has not moved', '100,101,60,100,5'],
    ['a high is far off and the close has not moved', '100,150,99,100,5'],
  ])('%s', (_, row) => {
    const read = parseBars(
      'made',
      bars(
        ...hundred,
        minute(59, row),
        ...Array.from({ length: 60 }, (_unused, at) => minute(at).replace(' 00:', ' 01:')),
      ),
    )
    expect(read.dropped).toBe(1)
    expect(read.at.length).toBe(119)
  })
})

describe('refused with file, line and what was expected:', () => {
  test.each([
    ['time going backwards', bars(minute(3), minute(2)), 'made:3: the time goes back'],
    ['a time twice', bars(minute(3), minute(3)), 'made:3: the time goes back'],
    [
      'swapped columns',
      bars(minute(0), minute(1, '100,99,101,100,5')),
      'made:3: low 101, open 100, close 100, high 99; columns swapped?',
    ],
    ['a price of zero', bars(minute(0), minute(1, '0,101,0,100,5')), 'made:3: low 0'],
    [
      'a price below zero',
      bars(minute(0), minute(1, '100,101,-1,100,5')),
      'made:3: `low` is `-1`; expected a number above zero',
    ],
    ['a volume that is none', bars(minute(0), minute(1, '100,101,99,100,NaN')), 'made:3: `volume` is `NaN`'],
    ['a volume that is missing', bars(minute(0), minute(1, '100,101,99,100,')), 'made:3: `volume` is ``'],
    [
      'an infinite price',
      bars(minute(0), minute(1, '100,Infinity,99,100,5')),
      'made:3: `high` is `Infinity`',
    ],
    ['a time that is none', bars(minute(0), 'noon,100,101,99,100,5'), 'made:3: `noon` is no time'],
    ['a row too short', bars(minute(0), '2022-01-01 00:01:00,100'), 'made: Invalid Record Length'],
    [
      'columns that are not there',
      'timestamp,open,close\n2022-01-01,1,1',
      'made:1: expected high, low, volume in timestamp, open, close',
    ],
    ['another file', 'a,b\n1,2', 'made:1: expected a first column of unix or timestamp in a, b'],
    ['nothing', '', 'made:1: expected a first column'],
    ['one bar', bars(minute(0)), 'made: 1 bars; expected two at least'],
    [
      'many bars without volume',
      bars(minute(0), minute(1), minute(2, '100,101,99,100,0')),
      'made: 1 of 3 bars have no volume',
    ],
  ])('%s', (_, text, why) => {
    expect(() => parseBars('made', text)).toThrow(`BARS_INVALID: ${why}`)
  })
})

test('five bars make one; where one is missing none is made', () => {
  const rows = Array.from({ length: 15 }, (_, at) =>
    minute(at, `100,${101 + at},${99 - at},100,${at}1`),
  ).filter((_, at) => at !== 7)
  const read = joined(parseBars('made', bars(...rows)), 5)
  expect([...read.at].map((at) => new Date(at).getUTCMinutes())).toEqual([0, 10])
  expect([...read.volume]).toEqual([1 + 11 + 21 + 31 + 41, 101 + 111 + 121 + 131 + 141])
  expect([read.high[0], read.low[0]]).toEqual([105, 95])
})
