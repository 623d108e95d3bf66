/** A queue holds what an array holds, whichever version it goes on from. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Queue } from './queue.ts'

/** What the property needs of a queue. */
interface Persistent extends Iterable<number> {
  readonly size: number
  get(place: number): number | undefined
  first(): number | undefined
  last(): number | undefined
  push(value: number): Persistent
  drop(count: number): Persistent
}

/** One step: the version it goes on from, and how many values it puts behind or takes away in front. */
const step = fc.record({
  from: fc.nat(),
  push: fc.integer({ min: 0, max: 300 }),
  drop: fc.integer({ min: -1, max: 280 }),
})
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** The first difference from arrays after `steps`; looked for in all versions once all are made. */
function difference(empty: Persistent, steps: readonly Step[]): string | undefined {
  const versions: { real: Persistent; model: readonly number[] }[] = [{ real: empty, model: [] }]
  let value = 0
  for (const { from, push, drop } of steps) {
    const at = from % 3 === 0 ? from % versions.length : versions.length - 1
    let { real, model } = versions[at] as (typeof versions)[number]
    const added = Array.from({ length: push }, () => (value += 1))
    for (const one of added) real = real.push(one)
    model = [...model, ...added].slice(Math.max(0, drop))
    versions.push({ real: real.drop(drop), model })
  }
  for (const [number, { real, model }] of versions.entries()) {
    if (real.size !== model.length) return `version ${number} has ${real.size} values of ${model.length}`
    if ([...real].join() !== model.join()) return `version ${number} holds others`
    if (real.first() !== model[0] || real.last() !== model.at(-1)) return `version ${number} ends otherwise`
    for (const place of [-1, 0, 255, 256, model.length - 1, model.length])
      if (real.get(place) !== model[place]) return `version ${number} has another at ${place}`
  }
  return undefined
}

const steps = fc.array(step, { maxLength: 12 })

describe('a queue', () => {
  test('holds what an array holds, in every version', () => {
    fc.assert(
      fc.property(steps, (all) => {
        expect(difference(Queue.empty<number>(), all)).toBeUndefined()
      }),
    )
  })

  test('is made of values, gives up the oldest, and is empty in the end', () => {
    const queue = Queue.of([1, 2, 3])
    expect([...queue.shift()]).toEqual([2, 3])
    expect(queue.drop(0)).toBe(queue)
    expect(queue.drop(3)).toBe(Queue.empty())
    expect([...queue]).toEqual([1, 2, 3])
  })

  test('that changes what a version before it can see is caught', () => {
    /** Takes the free end of the row without looking whether it is free. */
    class Careless implements Persistent {
      readonly row: number[]
      readonly from: number
      readonly size: number
      constructor(row: number[] = [], from = 0, size = 0) {
        this.row = row
        this.from = from
        this.size = size
      }
      get = (place: number): number | undefined =>
        place < 0 || place >= this.size ? undefined : this.row[this.from + place]
      first = (): number | undefined => this.get(0)
      last = (): number | undefined => this.get(this.size - 1)
      push(value: number): Persistent {
        this.row[this.from + this.size] = value
        return new Careless(this.row, this.from, this.size + 1)
      }
      drop(count: number): Persistent {
        const gone = Math.min(Math.max(0, count), this.size)
        return new Careless(this.row, this.from + gone, this.size - gone)
      }
      *[Symbol.iterator](): Generator<number> {
        for (let place = 0; place < this.size; place += 1) yield this.get(place) as number
      }
    }
    expect(() =>
      fc.assert(fc.property(steps, (all) => difference(new Careless(), all) === undefined)),
    ).toThrow('Property failed')
  })
})
