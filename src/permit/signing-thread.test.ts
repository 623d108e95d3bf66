/** Signatures made elsewhere are those that would have been made here, each for its own text. */
import { describe, expect, test } from 'vitest'
import { generateKeyPair, signText } from '../base/ed25519.ts'
import { SigningThread } from './signing-thread.ts'

const { privateKey } = generateKeyPair()
const texts = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, at) => `text ${from + at} – é`)
const here = (of: readonly string[]): string[] => of.map((text) => `${text}.${signText(privateKey, text)}`)

describe.each([1, 3, 4, 200])('%i at once', (count) => {
  test('are signed, each its own', async () => {
    const thread = new SigningThread(privateKey)
    const wanted = texts(count)
    expect(await Promise.all(wanted.map((text) => thread.token(() => text)))).toEqual(here(wanted))
    thread.close()
  })
})

test('batch after batch, in any number', async () => {
  const thread = new SigningThread(privateKey)
  const signed: Promise<string>[] = []
  const all: string[] = []
  for (const count of [5, 1, 50, 2, 4]) {
    const batch = texts(count, all.length)
    all.push(...batch)
    signed.push(...batch.map((text) => thread.token(() => text)))
    await new Promise((done) => setImmediate(done))
  }
  expect(await Promise.all(signed)).toEqual(here(all))
  thread.close()
})

test('what was handed over when it is closed is signed all the same, and what comes after', async () => {
  const thread = new SigningThread(privateKey)
  const wanted = texts(20)
  const signed = wanted.map((text) => thread.token(() => text))
  await new Promise((done) => setImmediate(done))
  thread.close()
  expect(await Promise.all(signed)).toEqual(here(wanted))
  expect(await Promise.all(wanted.map((text) => thread.token(() => text)))).toEqual(here(wanted))
  thread.close()
})

test('what cannot be written down rejects, and the others are signed', async () => {
  const thread = new SigningThread(privateKey)
  const failing = thread.token(() => {
    throw new TypeError('no text')
  })
  const signed = thread.token(() => 'text')
  await expect(failing).rejects.toThrow('no text')
  expect([await signed]).toEqual(here(['text']))
  thread.close()
})
