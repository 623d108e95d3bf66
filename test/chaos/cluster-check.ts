/** Reads journals and the log after chaos, by nothing of Ephor's own but the layout of a line, and says what is wrong. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Cluster, Redis } from 'ioredis'
import { LOTS_MAX } from './cluster-law.ts'

/** A verdict as an agent heard it. */
export interface HeardVerdict {
  readonly decision: string
  readonly verdict: string
  readonly sequence: number
  readonly permit: string | null
}

export interface Findings {
  readonly violations: readonly string[]
  readonly records: number
  readonly decisions: number
  readonly denied: number
  readonly promotions: number
  readonly taken: number
  /** The most lots that were held at any record. */
  readonly lotsMost: number
}

interface Chain {
  readonly sequence: number
  readonly event: { readonly type: string }
}

/** The lines of a journal's segments. */
export function journalLines(journal: string): string[] {
  return readdirSync(journal)
    .filter((name) => name.startsWith('segment-'))
    .toSorted()
    .flatMap((name) => readFileSync(join(journal, name), 'utf8').split('\n').filter(Boolean))
}

/** Lines of the log in Redis, and the epochs that they were appended under. */
export async function logLines(
  redis: Redis | Cluster,
  partition = 'p00',
): Promise<{ lines: string[]; epochs: number[] }> {
  const entries = await redis.xrange(`ephor:{${partition}}:log`, '-', '+')
  return {
    lines: entries.map(([, fields]) => fields[fields.indexOf('line') + 1] ?? ''),
    epochs: entries.map(([, fields]) => Number(fields[fields.indexOf('epoch') + 1])),
  }
}

/** Holds the log, the journals and what was heard against each other and against the law. */
export function check(
  log: { readonly lines: readonly string[]; readonly epochs: readonly number[] },
  journals: Readonly<Record<string, readonly string[]>>,
  heard: readonly HeardVerdict[],
): Findings {
  const violations: string[] = []
  for (const [name, lines] of Object.entries(journals))
    if (lines.length !== log.lines.length || lines.some((line, place) => line !== log.lines[place]))
      violations.push(
        `the journal of ${name} has ${lines.length} lines and is not the log of ${log.lines.length}`,
      )
  const chain = chainOf(log.lines, violations)
  log.epochs.forEach((epoch, place) => {
    if (epoch < (log.epochs[place - 1] ?? 0)) violations.push(`epoch ${epoch} at ${place + 1} goes back`)
  })
  const found = follow(chain, violations)
  const bySequence = new Map(chain.map(({ sequence, event }) => [sequence, event]))
  for (const { decision, verdict, sequence, permit } of heard) {
    const record = bySequence.get(sequence) as
      { decision?: { decision: string; verdict: string } } | undefined
    if (record?.decision?.decision !== decision || record.decision.verdict !== verdict)
      violations.push(`${decision} was heard as ${verdict} of record ${sequence}, which says otherwise`)
    if (permit !== null && verdict !== 'allow') violations.push(`${decision} is ${verdict} and has a permit`)
  }
  return { violations, records: chain.length, ...found }
}

function chainOf(lines: readonly string[], violations: string[]): Chain[] {
  let previous = '0'.repeat(64)
  return lines.map((line, place) => {
    const record = JSON.parse(line) as Chain & { hash: string; previous: string }
    const hash = createHash('sha256').update(line.slice(75)).digest('hex')
    if (record.hash !== hash || record.previous !== previous || record.sequence !== place + 1)
      violations.push(`record ${place + 1} is not linked to the one before`)
    previous = record.hash
    return record
  })
}

/** What operators say of a halt, or agents with a certificate. */
interface Said {
  readonly type: string
  readonly halt: string
  readonly certificate?: string
}

/** Follows what is held, who is home and what was taken, from record to record. */
function follow(chain: readonly Chain[], violations: string[]): Omit<Findings, 'violations' | 'records'> {
  const open = new Map<string, number>()
  const decided = new Map<string, string>()
  const takenLast: Record<string, number[]> = {}
  const lifting = new Map<string, number>()
  let [lots, lotsMost, epoch, promotions, taken, denied] = [0, 0, 0, 0, 0, 0]
  for (const { sequence, event } of chain) {
    const { type, ...rest } = event
    if (type === 'promoted') {
      const next = (rest as unknown as { epoch: number }).epoch
      if (next <= epoch) violations.push(`epoch ${next} at ${sequence} does not come after ${epoch}`)
      epoch = next
      promotions += 1
    }
    if (type === 'taken') {
      const { lane, entry } = rest as unknown as { lane: string; entry: string }
      const place = entry.split('-').map(Number)
      const [millis = 0, number = 0] = place
      const [lastMillis = 0, lastNumber = 0] = takenLast[lane] ?? []
      if (millis < lastMillis || (millis === lastMillis && number <= lastNumber))
        violations.push(`${lane} ${entry} at ${sequence} was taken again`)
      takenLast[lane] = place
      taken += 1
    }
    if (type === 'halted') {
      const { halt, replaces } = rest as unknown as { halt: string; replaces?: string }
      lifting.set(halt, 0)
      if (replaces !== undefined) lifting.delete(replaces)
    }
    // What all partitions were halted by is lifted in the first, and the others follow it.
    const said = type === 'followed' ? (rest as unknown as { event?: Said }).event : (event as Said)
    const asked = said?.type === 'resumed' ? lifting.get(said.halt) : undefined
    const isLast = asked === 1 || said?.certificate !== undefined
    if (said !== undefined && asked !== undefined)
      if (isLast) lifting.delete(said.halt)
      else lifting.set(said.halt, 1)
    if (type === 'decided') {
      const { decision } = rest as unknown as {
        decision: { decision: string; verdict: string; action: { side: string; quantity: number } }
      }
      if (decided.has(decision.decision)) violations.push(`${decision.decision} was decided twice`)
      decided.set(decision.decision, decision.verdict)
      if (decision.verdict === 'deny') denied += 1
      else if (lifting.size > 0) violations.push(`${decision.decision} was allowed under a halt`)
      if (decision.verdict === 'allow' && decision.action.side === 'buy') {
        open.set(decision.decision, decision.action.quantity)
        lots += decision.action.quantity
      }
    }
    if (type === 'lapsed') {
      const { decision } = rest as unknown as { decision: string }
      lots -= open.get(decision) ?? 0
      open.delete(decision)
    }
    lotsMost = Math.max(lotsMost, lots)
    if (lots > LOTS_MAX) violations.push(`${lots} lots are held at ${sequence}`)
  }
  return { decisions: decided.size, denied, promotions, taken, lotsMost }
}
