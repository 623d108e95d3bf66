import { beforeEach, describe, expect, test } from 'vitest'
import type { Acquired, LogEnd } from '../cluster/cluster.ts'
import { Abreast } from './abreast.ts'

const endOf = (sequence: number, hash = `h${sequence}`): LogEnd => ({ sequence, hash })
const held = (end: LogEnd, run = 'a'): Acquired => ({ kind: 'held', holder: 'other', leftMs: 100, run, end })

let abreast: Abreast
const look = (asked: Acquired, journal: LogEnd, sent = 0): void => abreast.look(asked, journal, sent)
const isSure = (durable: number, now = 0, silentMs = 0): boolean => abreast.isSure(durable, now, silentMs)
beforeEach(() => {
  abreast = new Abreast()
})

test('a journal is abreast once it has all that the log had when that was seen first', () => {
  expect(isSure(50)).toBe(false)
  look(held(endOf(40)), endOf(10))
  // What is not on the disk yet was not read.
  look(held(endOf(45)), endOf(40))
  expect(isSure(39)).toBe(false)
  expect(isSure(40)).toBe(true)
})

test('it has what the log had at the look before the last, at least', () => {
  look(held(endOf(40)), endOf(40))
  look(held(endOf(1000)), endOf(41))
  expect(isSure(41)).toBe(true)
  look(held(endOf(2000)), endOf(41))
  expect([isSure(41), isSure(999), isSure(1000)]).toEqual([false, false, true])
})

test('a look is no older than what was heard of halts, but for a little: a cut ends both', () => {
  look(held(endOf(40)), endOf(40), 10_000)
  expect([isSure(40, 10_500), isSure(40, 10_501)]).toEqual([true, false])
  expect([isSure(40, 70_000, 59_500), isSure(40, 70_000, 59_499)]).toEqual([true, false])
})

test('in another run of the server it is so once it has all that the log has there', () => {
  look(held(endOf(40)), endOf(40))
  look(held(endOf(60), 'b'), endOf(41))
  expect(isSure(59)).toBe(false)
  expect(isSure(60)).toBe(true)
})

describe('after a doubt it is so again only by a look without one, and with all that the log has then', () => {
  const DOUBTS: [string, Acquired, LogEnd][] = [
    ['a log that ends before it', held(endOf(39)), endOf(40)],
    ['a log that ends elsewhere', held(endOf(40, 'other')), endOf(40)],
    ['a home that is gone', { kind: 'orphaned', holder: 'other' }, endOf(40)],
    ['a lease that is its own now', { kind: 'acquired', epoch: 8, end: endOf(40) }, endOf(40)],
  ]
  test.each(DOUBTS)('%s', (_, asked, journal) => {
    look(held(endOf(40)), endOf(40))
    expect(isSure(40)).toBe(true)
    look(asked, journal)
    expect(isSure(40)).toBe(false)
    look(held(endOf(50)), endOf(45))
    expect(isSure(45)).toBe(false)
    expect(isSure(50)).toBe(true)
  })
})
