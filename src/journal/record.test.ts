import { describe, expect, it } from 'vitest'
import { sha256 } from '../base/hash.ts'
import { Batch } from './batch.ts'
import { GENESIS, assertEntry, checkLine, lineBytesBound, parseLine } from './record.ts'

function encoded(...entries: { at: number; eventText: string; timingText?: string }[]): string[] {
  const batch = new Batch(GENESIS)
  for (const entry of entries) batch.add(entry)
  return batch.bytes.toString('utf8', 0, batch.length).split('\n').slice(0, -1)
}

describe('a record', () => {
  it('has exactly the documented bytes', () => {
    const [line] = encoded({ at: 12, eventText: '{"a":1}', timingText: '[2]' })
    const hashed = `"previous":"${'0'.repeat(64)}","sequence":1,"schema":1,"at":12,"event":{"a":1},"timing":[2]}`
    expect(line).toBe(`{"hash":"${sha256(hashed)}",${hashed}`)
  })

  it('names the hash of the one before, and null for a timing left out', () => {
    const [first, second] = encoded({ at: 1, eventText: '1' }, { at: 2, eventText: '"é😀"' }).map(parseLine)
    expect(second).toMatchObject({ sequence: 2, at: 2, event: 'é😀', timing: null, previous: first?.hash })
  })

  it('fits the bound that room is made by, whatever its characters', () => {
    for (const character of ['a', 'é', '€', '😀', '\ud800']) {
      const entry = { at: Number.MAX_SAFE_INTEGER, eventText: JSON.stringify(character.repeat(999)) }
      const [line] = encoded(entry)
      expect(Buffer.byteLength(`${line}\n`)).toBeLessThanOrEqual(lineBytesBound(entry))
    }
  })

  it('outgrows the buffer of its batch without harm', () => {
    const texts = Array.from({ length: 40 }, (_, index) => JSON.stringify(String(index).repeat(50_000)))
    const lines = encoded(...texts.map((eventText) => ({ at: 1, eventText })))
    expect(lines.map((line) => JSON.stringify(parseLine(line).event))).toEqual(texts)
  })

  it.each([
    [{ at: 1.5, eventText: '1' }, 'not a time'],
    [{ at: -1, eventText: '1' }, 'not a time'],
    [{ at: 1, eventText: '' }, 'empty'],
    [{ at: 1, eventText: '{\n}' }, 'newline'],
    [{ at: 1, eventText: '1', timingText: '[\n]' }, 'newline'],
    [{ at: 1, eventText: 'x'.repeat(6_000_000) }, 'could pass'],
  ])('is refused when it cannot be one line (%#)', (entry, message) => {
    expect(() => assertEntry(entry)).toThrow(message)
  })
})

const check = (line: string, sequence = 0, hash = GENESIS.hash) =>
  checkLine(Buffer.from(line), 0, Buffer.byteLength(line), { sequence, hash })

describe('the check of a line', () => {
  const [line = ''] = encoded({ at: 1, eventText: '{}' })

  it('gives the end of the chain after a good one', () => {
    expect(check(line)).toEqual({ sequence: 1, hash: parseLine(line).hash })
  })

  it('says which check failed', () => {
    expect(check(line.replace('"event":{}', '"event":[]'))).toMatch(/^hash: /)
    expect(check(line, 0, 'f'.repeat(64))).toMatch(/^previous: /)
    expect(check(line, 7)).toMatch(/^sequence: the line states 1, 8 comes next/)
    expect(check(line.replace('"schema":1', '"schema":2'))).toMatch('not laid out')
    expect(check('')).toMatch('not laid out')
  })
})
