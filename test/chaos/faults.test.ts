/** Each fault into sidecars at work; afterwards an independent reader holds all journals, the log and what was heard against the law. Prints the table. */
import Table from 'cli-table3'
import { afterAll, describe, expect, test } from 'vitest'
import { provide } from '../support/programs.ts'
import { ClusterRig } from './cluster-rig.ts'
import { ELSEWHERE, FAULTS, type Fault } from './faults.ts'

const IS_LONG = process.env.EPHOR_CHAOS === '1' || process.env.EPHOR_LONG === '1'
/** How often each fault is injected. */
const TURNS = Number(process.env.EPHOR_CHAOS_TURNS ?? (IS_LONG ? 5 : 1))

interface Row {
  readonly fault: string
  readonly injections: number
  readonly decisions: number
  readonly heard: number
  readonly violations: number
}
const rows: Row[] = []

async function run(fault: Fault, rig: ClusterRig): Promise<string[]> {
  const before = rig.heard.length
  rig.load()
  await rig.hears(10)
  for (let turn = 0; turn < TURNS; turn += 1) await fault.inject(rig, turn)
  const { violations, decisions } = await rig.story()
  const all = [...violations, ...rig.contradictions]
  rows.push({
    fault: fault.name,
    injections: TURNS,
    decisions,
    heard: rig.heard.length - before,
    violations: all.length,
  })
  return all
}

for (const over of ['one', 'sentinels'] as const) {
  const faults = FAULTS.filter((fault) => fault.over === over && (IS_LONG || fault.isShort))
  describe.skipIf(faults.length === 0)(`over ${over}`, () => {
    let rig: ClusterRig
    test.for(faults)('$name', { timeout: 300_000 }, async (fault, { skip }) => {
      skip(fault.isTraced === true && !provide('strace'), 'no `strace` to inject it with')
      rig ??= await ClusterRig.start(over)
      expect(await run(fault, rig)).toEqual([])
    })
    afterAll(async () => rig?.end())
  })
}

afterAll(() => {
  const table = new Table({
    head: ['fault', 'injections', 'decisions so far', 'verdicts heard', 'violations'],
  })
  for (const { fault, injections, decisions, heard, violations } of rows)
    table.push([fault, injections, decisions, heard, violations])
  const others = new Table({ head: ['fault', 'injected by'] })
  for (const each of ELSEWHERE) others.push([...each])
  console.info(`${table.toString()}\n${others.toString()}`)
})
