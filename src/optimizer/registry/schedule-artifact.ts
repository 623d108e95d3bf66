/** The file of a schedule: the plan that it goes by, and the proof that the code still answers as it did when that was judged. */
import { z } from 'zod'
import { canonicalJson, type Json } from '../../base/canonical-json.ts'
import { EphorError } from '../../base/errors.ts'
import { digestOf } from '../../base/hash.ts'
import { seeded } from '../../base/random.ts'
import { Hash } from '../../protocol/common.ts'
import { describeIssues } from '../../protocol/issues.ts'
import { DataManifest, SEAL } from '../artifact.ts'
import { outlookOf, Plan, scheduledLots, type Market, type Pending } from '../plan.ts'
import { ratioOf } from '../schedules/almgren-chriss.ts'

/** How many orders a schedule is asked about at each load. */
const GOLDEN_COUNT = 64
const GOLDEN_STEPS = 12

const ScheduleArtifact = z.strictObject({
  schema: z.literal(1),
  kind: z.literal('ephor-schedule'),
  hash: SEAL,
  plan: Plan,
  data: DataManifest.describe('What the figures of the plan were read off'),
  golden: Hash.describe(`SHA-256 of what it sends in ${GOLDEN_COUNT} drawn situations`),
})
export type ScheduleArtifact = z.infer<typeof ScheduleArtifact>

/** The text of a schedule’s file. */
export function sealSchedule(plan: Plan, data: ScheduleArtifact['data']): string {
  const content = { schema: 1, kind: 'ephor-schedule', plan, data, golden: goldenOf(plan) } as const
  return canonicalJson({ ...content, hash: digestOf(content) })
}

/**
 * Reads a schedule. Throws `MODEL_INVALID` on what does not fit, `MODEL_ALTERED` where the hash differs, `MODEL_GOLDEN_DIFFERS` where the code would send something else
 * than it did.
 */
export function readSchedule(value: Json): ScheduleArtifact {
  const parsed = ScheduleArtifact.safeParse(value)
  if (!parsed.success) throw new EphorError('MODEL_INVALID', describeIssues(parsed.error))
  const artifact = parsed.data
  const { hash, ...content } = artifact
  const digest = digestOf(content)
  if (digest !== hash) throw new EphorError('MODEL_ALTERED', `/hash is ${hash}, the content has ${digest}`)
  const golden = goldenOf(artifact.plan)
  if (golden !== artifact.golden)
    throw new EphorError('MODEL_GOLDEN_DIFFERS', `/golden is ${artifact.golden}; what it sends has ${golden}`)
  return artifact
}

/** The hash of what a plan sends in situations drawn from one seed: whole lots, so that it is the same on every machine. */
function goldenOf(plan: Plan): string {
  const chance = seeded(GOLDEN_COUNT)
  const between = (low: number, high: number): number => low + (high - low) * chance()
  const sent = Array.from({ length: GOLDEN_COUNT }, () => {
    const stepsLeft = 1 + Math.floor(chance() * GOLDEN_STEPS)
    const lots = Math.ceil(between(100, 10_000))
    const left = Math.ceil(lots * chance())
    const caps = Array.from({ length: stepsLeft }, () => Math.floor(between(0, (3 * left) / stepsLeft)))
    const order: Pending = {
      lots,
      left,
      steps: GOLDEN_STEPS,
      ratio: ratioOf(between(0, 0.5), GOLDEN_STEPS),
      caps,
    }
    const market: Market = {
      lastVolume: between(200, 3000),
      lastUsualVolume: 1000,
      lastVariance: between(1e-5, 4e-4),
      lastUsualVariance: 1e-4,
      usualVolumes: caps.map(() => between(500, 2000)),
      usualVariance: between(5e-5, 2e-4),
      begunVolume: between(500, 2000),
      begunVariance: 1e-4,
    }
    const outlook = outlookOf(plan, market, order)
    return scheduledLots(plan.schedule, outlook, order, { lo: 0, hi: Math.min(left, caps[0] ?? 0) }) ?? null
  })
  return digestOf(sent)
}
