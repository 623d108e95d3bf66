/** Verifies a sidecar's journal and derives its verdicts again: what `ephor log verify` and the end of the demo share. */
import { join } from 'node:path'
import type { RefusalCode } from '../base/errors.ts'
import type { Program } from '../constitution/compile.ts'
import { createReference, type Reference } from '../constitution/reference.ts'
import { AcrossAudit } from '../engine/across-audit.ts'
import { ApprovalAudit } from '../engine/approval-audit.ts'
import { BarredAudit } from '../engine/barred-audit.ts'
import { GrantAudit } from '../engine/grant-audit.ts'
import { SignoffAudit } from '../engine/signoff-audit.ts'
import { OwnerAudit } from '../engine/owner-audit.ts'
import { PartitionAudit } from '../engine/partition-audit.ts'
import { TuningAudit } from '../engine/tuning-audit.ts'
import { RedemptionAudit } from '../engine/redemption-audit.ts'
import { RoutingAudit } from '../engine/routing-audit.ts'
import { refusalGrounds, type Ground } from '../engine/rederive-refusal.ts'
import { disagreement, readerOf, rederive } from '../engine/rederive.ts'
import { listCheckpoints } from '../journal/checkpoint-file.ts'
import { readRecords } from '../journal/read.ts'
import { verifyJournal } from '../journal/verify.ts'
import type { Decision } from '../protocol/decision.ts'
import { decisionOf } from '../protocol/evidence.ts'
import type { Event } from '../protocol/event.ts'
import { ConstitutionStore } from '../sidecar/constitutions.ts'
import { keyIdOf, readKeyRing, readPublicKey } from '../sidecar/key-ring.ts'
import { journalsOf } from './journals.ts'
import { printJson, printLine } from './output.ts'
import { verifyCheckpoints } from './verify-checkpoints.ts'

export interface VerifyOptions {
  /** The one public key to trust; else those in the sidecar's directory, the retired ones among them. */
  readonly key?: string
  readonly chainOnly: boolean
  readonly json?: boolean
}

/** Prints what verification finds of each journal; answers whether all is well. */
export async function verifyHome(home: string, options: VerifyOptions): Promise<boolean> {
  let ok = true
  const results: object[] = []
  const across = new AcrossAudit()
  for (const { partition, directory } of journalsOf(home)) {
    if (partition !== undefined && options.json !== true) printLine(`${partition}:`)
    const verified = await verifyOne(
      home,
      directory,
      options,
      partition === undefined ? undefined : { partition, across },
    )
    ok &&= verified.ok
    results.push(partition === undefined ? verified : { partition, ...verified })
  }
  // Each by itself, and then all of them together.
  const problems = across.problems()
  if (options.json === true)
    printJson(
      results.length === 1 ? results[0] : { ok: ok && problems.length === 0, problems, partitions: results },
    )
  else {
    for (const problem of problems) printLine(problem)
    if (results.length > 1 && !options.chainOnly)
      printLine(
        problems.length === 0 && ok
          ? `${results.length} partitions: what was followed is what p00 recorded, and no halt passed one by`
          : 'the partitions do not fit together',
      )
  }
  return ok && problems.length === 0
}

async function verifyOne(
  home: string,
  directory: string,
  options: VerifyOptions,
  among: Among | undefined,
): Promise<{ readonly ok: boolean }> {
  const ring = options.key === undefined ? readKeyRing(join(home, 'keys')) : undefined
  const trusted = options.key === undefined ? (id: string) => ring?.keys.get(id) : readPublicKey(options.key)
  // Before the journal is read: a sidecar at work writes records first.
  const files = await listCheckpoints(directory)
  const result = await verifyJournal(directory, trusted)
  const derived =
    options.chainOnly || !result.ok
      ? undefined
      : await rederiveAll(directory, home, result.headSequence ?? 0, among)
  const checkpoints =
    derived === undefined || result.journal === null
      ? undefined
      : await verifyCheckpoints(
          files,
          {
            directory,
            journal: result.journal,
            sequence: result.sequence,
            publicKeyOf:
              typeof trusted === 'function'
                ? trusted
                : (id) => (id === keyIdOf(trusted) ? trusted : undefined),
          },
          new ConstitutionStore(join(home, 'constitutions')),
        )
  const ok =
    result.ok &&
    (derived === undefined || derived.problems.length === 0) &&
    (checkpoints === undefined || checkpoints.every(({ found }) => found !== 'wrong'))
  const all = { ...result, ok, derived: derived ?? null, checkpoints: checkpoints ?? null }
  if (options.json === true) return all
  for (const { file, line, offset, message } of result.problems)
    printLine(`${file}:${line ?? 0}: byte ${offset ?? 0}: ${message}`)
  for (const problem of derived?.problems ?? []) printLine(problem)
  if (result.torn !== null)
    printLine(
      `${result.torn.file}: the last write was cut short behind the signed head; nothing of it was released`,
    )
  if (ring !== undefined && result.headKey !== null && result.headKey !== ring.current)
    printLine(
      `the head is signed by the retired key ${result.headKey}; the key that signs now is ${ring.current}`,
    )
  printLine(
    result.ok
      ? `${result.records} records in ${result.segments} ${result.segments === 1 ? 'segment' : 'segments'}: chain whole, head signed at ${result.headSequence ?? 0}, ${result.unsigned} not yet signed`
      : 'the journal does not verify',
  )
  if (derived !== undefined) {
    printLine(
      `${derived.same} of ${derived.decisions} verdicts derived again from their records, by the compiled rules and by json-rules-engine: the same`,
    )
    if (derived.certificates > 0)
      printLine(
        `${derived.certificates} ${derived.certificates === 1 ? 'certificate' : 'certificates'} counted again, and what drew on them held against them`,
      )
    if (derived.slices > 0)
      printLine(
        `${derived.slices} tuned ${derived.slices === 1 ? 'order' : 'orders'} chosen again from what was recorded, without asking a model`,
      )
    const refusals = describeRefusals(derived.refusals)
    if (refusals !== '') printLine(`refused by the engine itself: ${refusals}`)
  }
  for (const { name, detail } of checkpoints ?? []) printLine(`${name}: ${detail}`)
  return all
}

/** One of several partitions, and what holds them against each other. */
interface Among {
  readonly partition: string
  readonly across: AcrossAudit
}

/** Derives every verdict again from its record: with the compiled rules, and with the second evaluator on json-rules-engine. */
async function rederiveAll(
  directory: string,
  home: string,
  last: number,
  among: Among | undefined,
): Promise<{
  decisions: number
  /** Decisions of which all comes out as recorded. */
  same: number
  certificates: number
  slices: number
  problems: string[]
  refusals: Refusals
}> {
  const store = new ConstitutionStore(join(home, 'constitutions'))
  const references = new Map<string, Reference>()
  const rejudge = async (decision: Decision, program: Program): Promise<string | undefined> => {
    const reference = references.get(decision.constitution) ?? createReference(program.constitution)
    references.set(decision.constitution, reference)
    return disagreement(
      decision,
      await reference.judge(decision.action.type, readerOf(decision), decision.at),
    )
  }
  const problems: string[] = []
  const refusals: Refusals = {}
  const audit = new GrantAudit()
  const approvals = new ApprovalAudit()
  const owners = new OwnerAudit()
  const partitions = new PartitionAudit()
  const signoffs = new SignoffAudit()
  const barred = new BarredAudit()
  const routes = new RoutingAudit((hash) => store.programOf(hash))
  const tunings = new TuningAudit()
  const redemptions = new RedemptionAudit((hash) => store.programOf(hash))
  let decisions = 0
  let same = 0
  let lastAt = 0
  for await (const record of readRecords(directory, { toSequence: last })) {
    const recorded = record.event as unknown as Event
    // What another partition recorded for all holds here as it does there.
    const said = recorded.type === 'followed' ? recorded.event : undefined
    const event: Event = said ?? recorded
    const timed = { at: Math.max(lastAt, record.at), event }
    lastAt = timed.at
    const misused = [
      audit.take(timed),
      approvals.take(timed, said !== undefined),
      owners.take(event),
      partitions.take(recorded),
      signoffs.take(timed),
      barred.take(event),
      routes.take(event),
      tunings.take(event),
      redemptions.take(recorded, record.at),
      among?.across.take(among.partition, { ...record, event: recorded }),
    ].find((problem) => problem !== undefined)
    if (event.type !== 'decided' && event.type !== 'proposed') {
      if (misused !== undefined) problems.push(`record ${record.sequence}: ${misused}`)
      continue
    }
    const isVerdict = event.type === 'decided'
    if (isVerdict) decisions += 1
    const decision = decisionOf(event)
    const program = store.programOf(decision.constitution)
    const problem = misused ?? rederive(decision, program) ?? (program && (await rejudge(decision, program)))
    if (problem !== undefined) {
      problems.push(`record ${record.sequence}: ${decision.decision}: ${problem}`)
      continue
    }
    if (!isVerdict) continue
    same += 1
    if (program !== undefined) countRefusals(decision, program, refusals)
  }
  const { certificates } = approvals
  return { decisions, same, certificates, slices: tunings.slices, problems, refusals }
}

/** How many refusals of each kind were derived again from their records, and how many their records only do not contradict. */
type Refusals = Partial<Record<RefusalCode, Record<Ground, number>>>

function countRefusals(decision: Decision, program: Program, refusals: Refusals): void {
  const facts = decision.proposed?.facts ?? decision.facts
  const grounds = refusalGrounds(decision, program, readerOf(decision, facts))
  if (typeof grounds === 'string') return
  for (const [code, ground] of grounds) {
    const count = (refusals[code] ??= { derived: 0, believed: 0 })
    count[ground] += 1
  }
}

function describeRefusals(refusals: Refusals): string {
  return Object.entries(refusals)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([code, { derived, believed }]) => [
      ...(derived > 0 ? [`${derived} ${code} derived again`] : []),
      ...(believed > 0 ? [`${believed} ${code} believed`] : []),
    ])
    .join(', ')
}
