/** Reads a log when all is over, by nothing but the lines themselves, and says what is wrong in it. */
import { parseLine } from '../../src/journal/record.ts'
import { ApprovalAudit } from '../../src/engine/approval-audit.ts'
import { RedemptionAudit } from '../../src/engine/redemption-audit.ts'
import { rederive } from '../../src/engine/rederive.ts'
import { decisionOf } from '../../src/protocol/evidence.ts'
import { dump } from '../support/engine.ts'
import type { Event } from '../../src/protocol/event.ts'
import { must } from '../simulation/broken.ts'
import { foldOf } from './book.ts'
import { LOTS_MAX, PROGRAM } from './law.ts'

interface Open {
  readonly side: 'buy' | 'sell'
  readonly quantity: number
}

/** Holds the chain, epochs, inputs taken, rounds, limits and verdicts; throws `Broken`. Answers what there was. */
export function examine(lines: readonly string[]): Record<string, number> {
  const audit = new ApprovalAudit()
  const redemptions = new RedemptionAudit(() => PROGRAM)
  const wrong: string[] = []
  const counts: Record<string, number> = { records: lines.length, decided: 0, certified: 0, approved: 0 }
  const count = (what: string): void => {
    counts[what] = (counts[what] ?? 0) + 1
  }
  const decided = new Set<string>()
  const certified = new Set<string>()
  const taken = { inbox: 0, critical: 0, halts: 0 }
  const open = new Map<string, Open>()
  let [epoch, held] = [0, 0]
  for (const [place, line] of lines.entries()) {
    const record = parseLine(line)
    const event = record.event as unknown as Event
    must(record.sequence === place + 1, 'chains are equal', () => `record ${record.sequence} at ${place + 1}`)
    const problem = audit.take({ at: record.at, event })
    must(problem === undefined, 'approvals are proved', () => `${problem}`)
    const others = [
      redemptions.take(event, record.at),
      event.type === 'decided' || event.type === 'proposed'
        ? rederive(decisionOf(event), PROGRAM)
        : undefined,
    ]
    for (const other of others) if (other !== undefined) wrong.push(`record ${place + 1}: ${other}`)
    if (event.type === 'promoted') {
      must(event.epoch > epoch, 'epochs never regress', () => `${event.epoch} after ${epoch}`)
      epoch = event.epoch
    }
    if (event.type === 'taken') {
      const entry = Number(event.entry.split('-')[0])
      must(entry > taken[event.lane], 'an input is taken once', () => `${event.lane} ${event.entry}`)
      taken[event.lane] = entry
      count('taken')
    }
    if (event.type === 'certified') {
      const { proposal, outcome } = event.certificate
      must(!certified.has(proposal.proposal), 'one outcome a round', () => proposal.proposal)
      certified.add(proposal.proposal)
      count('certified')
      if (outcome === 'approved') count('approved')
    }
    if (event.type === 'decided') {
      const { decision, verdict, action } = event.decision
      must(!decided.has(decision), 'one outcome an id', () => `${decision} was decided twice`)
      decided.add(decision)
      count('decided')
      if (verdict === 'allow' && action.type === 'order') open.set(decision, action)
    }
    if (event.type === 'lapsed') open.delete(event.decision)
    if (event.type === 'executed') {
      const { order, event: what } = event.execution
      const { side, quantity = 0 } = open.get(order) ?? {}
      if (what === 'filled') held += side === 'buy' ? quantity : -quantity
      open.delete(order)
    }
    const all = [...open.values()]
    const sumOf = (side: string): number =>
      all.filter((one) => one.side === side).reduce((sum, { quantity }) => sum + quantity, 0)
    const [most, least] = [held + sumOf('buy'), held - sumOf('sell')]
    must(
      most <= LOTS_MAX && least >= -LOTS_MAX,
      'no limit is exceeded',
      () => `at record ${place + 1} the position may come to ${most} and ${least}`,
    )
  }
  must(wrong.length === 0, 'the log verifies', () => wrong.join('; '))
  // A restart by the lines alone makes the state that a restart with a checkpoint makes.
  must(dump(foldOf(lines, new Map())).length > 0, 'folds', () => '')
  return counts
}
