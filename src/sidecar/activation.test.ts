/** While the cases of a constitution are judged, a sidecar has its turn: a home that had none would lose its lease. */
import { appendFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { activateDirectory } from './activation.ts'
import type { Front } from './front.ts'

const SHIPPED = join(import.meta.dirname, '../../constitution')

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ephor-activation-'))
  cpSync(SHIPPED, directory, { recursive: true })
  // Files that were judged in this process before, by another test, are not judged again.
  appendFileSync(join(directory, 'constitution.yaml'), `# ${directory}\n`)
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(directory, { recursive: true })
})

test('cases are judged a few in a turn of the event loop', async () => {
  // Every look at the time finds that a turn has been long enough.
  let time = 0
  vi.spyOn(performance, 'now').mockImplementation(() => (time += 10))
  let turns = 0
  let isOver = false
  const count = (): void => {
    turns += 1
    if (!isOver) setImmediate(count)
  }
  setImmediate(count)
  let turnsBefore = 0
  const activate = vi.fn<Front['activate']>(async () => {
    turnsBefore = turns
    return { kind: 'done', body: { activated: true } }
  })
  const sidecar = { cores: [{ state: {} }], activate } as unknown as Front
  const logger = pino({ level: 'silent' })
  const person = { by: 'author' }
  const wanted = { sidecar, directory, logger, person, hash: undefined, acceptFailing: false }
  expect(await activateDirectory(wanted)).toMatchObject({ activated: true, casesFailed: 0 })
  isOver = true
  expect(activate).toHaveBeenCalledOnce()
  // More cases than this are shipped.
  expect(turnsBefore).toBeGreaterThan(100)
})
