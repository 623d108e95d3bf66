/** The file of an evaluation: what was found about one artifact, and whether that passes the gates. */
import { z } from 'zod'
import { canonicalJson } from '../../base/canonical-json.ts'
import { EphorError } from '../../base/errors.ts'
import { digestOf } from '../../base/hash.ts'
import { parseStrictJsonBytes } from '../../base/strict-json.ts'
import { Hash } from '../../protocol/common.ts'
import { describeIssues } from '../../protocol/issues.ts'
import { DataManifest, SEAL } from '../artifact.ts'
import { YARDSTICK, type Schedule } from '../plan.ts'

/** Bytes. */
export const EVALUATION_MAX = 1_000_000
/** Gate a: of the way to the known optimum, in this part of the seeds, of which there are so many. */
const KNOWN_MIN = 0.95
const KNOWN_SEEDS_PART = 0.9
export const SEEDS_MIN = 10
/** Gate c: actions that were checked, at least. */
export const CHECKED_MIN = 1_000_000

const Count = z.int().nonnegative()
const Part = z.number().min(-1e6).max(1e6)
const Estimate = z
  .strictObject({ value: Part, low: Part, high: Part })
  .refine(({ value, low, high }) => low <= high && value >= low - 1 && value <= high + 1, {
    message: 'expected a 95 % interval around the value',
  })
const Words = z.string().max(400)

const Comparison = z.strictObject({
  market: Words,
  orders: Count,
  cost: z.number().nonnegative().max(1e9),
  ofReceding: Estimate.describe('Saved against receding AC, as a part of its cost'),
  ofSchedule: Estimate.describe('Saved against the schedule that it moves; of a schedule, nothing'),
  late: z.number().min(0).max(1).describe('Part of the orders not done in time'),
})

const Checked = z.strictObject({
  checked: Count.describe('Actions that json-rules-engine judged against the full constitution'),
  violations: Count,
})

const Evaluation = z.strictObject({
  schema: z.literal(1),
  kind: z.literal('ephor-evaluation'),
  hash: SEAL,
  artifact: Hash,
  constitution: Hash.describe('The rules that actions were checked against'),
  data: DataManifest,
  known: z
    .array(Part)
    .max(1000)
    .describe('Of the way from TWAP to the optimum where it is known, for each seed'),
  comparisons: z
    .array(Comparison)
    .min(1)
    .max(64)
    .describe('The first decides: later bars of the market that was learned from'),
  controls: z
    .strictObject({ positive: Estimate, negative: Estimate })
    .nullable()
    .describe('Whether the measuring sees a gain that is there, and none where none is'),
  regions: Checked.describe('Random regions and states'),
  steps: Checked.describe('Every step of every evaluation'),
  versions: z.record(z.string().max(100), z.string().max(100)),
})
export type Evaluation = z.infer<typeof Evaluation>

/** The text of an evaluation’s file. */
export function sealEvaluation(content: Omit<Evaluation, 'hash'>): string {
  return canonicalJson({ ...content, hash: digestOf(content) })
}

/** Reads an evaluation. Throws `MODEL_EVALUATION_INVALID` on anything else, and where its hash differs. */
export function readEvaluation(bytes: Uint8Array): Evaluation {
  const refuse = (why: string): EphorError => new EphorError('MODEL_EVALUATION_INVALID', why)
  if (bytes.length > EVALUATION_MAX)
    throw refuse(`${bytes.length} bytes; an evaluation has at most ${EVALUATION_MAX}`)
  const json = parseStrictJsonBytes(bytes)
  if (!json.ok) throw refuse(`${json.path || '/'} ${json.message}`)
  const parsed = Evaluation.safeParse(json.value)
  if (!parsed.success) throw refuse(describeIssues(parsed.error))
  const { hash, ...content } = parsed.data
  const digest = digestOf(content)
  if (digest !== hash) throw refuse(`/hash is ${hash}, the content has ${digest}`)
  return parsed.data
}

/** One gate, and what was found. */
export interface Gate {
  readonly gate: 'a' | 'b' | 'c' | 'controls'
  readonly asks: string
  readonly passed: boolean
  readonly found: string
}

/** What is judged: a model that moves a schedule, or a schedule. */
export interface Judged {
  readonly kind: 'model' | 'schedule'
  readonly schedule: Schedule
}

/** The gates, each with what was found. */
export function gatesOf({ kind, schedule }: Judged, evaluation: Evaluation): Gate[] {
  const { known, comparisons, controls, regions, steps } = evaluation
  const far = known.filter((part) => part >= KNOWN_MIN).length
  const [first] = comparisons as [Evaluation['comparisons'][number]]
  const checked = regions.checked + steps.checked
  const violations = regions.violations + steps.violations
  const isYardstick = kind === 'schedule' && schedule === YARDSTICK
  return [
    {
      gate: 'a',
      asks: `Where the optimum is known, at least ${percent(KNOWN_MIN, 0)} of the way from TWAP to it in ${percent(KNOWN_SEEDS_PART, 0)} of ${SEEDS_MIN} seeds or more`,
      passed: known.length >= SEEDS_MIN && far >= KNOWN_SEEDS_PART * known.length,
      found: `${far} of ${known.length} seeds${known.length === 0 ? '' : `, the least ${percent(Math.min(...known), 1)}`}`,
    },
    {
      gate: 'b',
      asks:
        kind === 'model'
          ? `Cheaper on later bars than ${YARDSTICK} and than the schedule that it moves, 95 % intervals above nothing`
          : `Cheaper on later bars than ${YARDSTICK}, 95 % interval above nothing, or ${YARDSTICK} itself`,
      passed: isYardstick || (first.ofReceding.low > 0 && (kind === 'schedule' || first.ofSchedule.low > 0)),
      found:
        kind === 'model'
          ? `${interval(first.ofReceding)} and ${interval(first.ofSchedule)}`
          : interval(first.ofReceding),
    },
    {
      gate: 'c',
      asks: `No action against a rule among ${CHECKED_MIN.toLocaleString('en-US')} or more, by the second evaluator`,
      passed: checked >= CHECKED_MIN && violations === 0,
      found: `${violations} of ${checked.toLocaleString('en-US')}${violations === 0 && checked > 0 ? `; with 95 % confidence below ${boundOf(checked).toExponential(1)} an action` : ''}`,
    },
    {
      gate: 'controls',
      asks: 'The measuring sees a gain that is there, and none where none is',
      passed:
        kind === 'schedule' || (controls !== null && controls.positive.low > 0 && controls.negative.low <= 0),
      found:
        controls === null
          ? kind === 'schedule'
            ? 'not needed: nothing was learned'
            : 'not measured'
          : `${interval(controls.positive)} and ${interval(controls.negative)}`,
    },
  ]
}

/** The rule of three: where none of so many was seen, 95 % confidence that fewer than this part are. */
export function boundOf(checked: number): number {
  return 3 / checked
}

const percent = (part: number, digits = 2): string => `${(100 * part).toFixed(digits)} %`
const interval = ({ value, low, high }: z.infer<typeof Estimate>): string =>
  `${percent(value)} (${percent(low)} to ${percent(high)})`
