/** Has json-rules-engine judge what the optimizer may choose, against the full constitution: a count of violations that is worth something. */
import { EphorError } from '../base/errors.ts'
import { fromSteps } from '../base/exact.ts'
import { seeded } from '../base/random.ts'
import { z } from 'zod'
import { compile, gather, type Program } from '../constitution/compile.ts'
import type { Constitution, Read } from '../constitution/model.ts'
import { exportRules } from '../constitution/export.ts'
import { runExport, type Reference } from '../constitution/reference.ts'
import { measure } from '../ledger/measure.ts'
import { subjectOf } from '../ledger/subject.ts'
import { ACTION_MAP_VERSION, lotsOf } from '../optimizer/action-map.ts'
import { regionOf, settle, type Asked, type NoRegion, type Region } from '../optimizer/region.ts'
import { seedOf } from '../optimizer/train/chance.ts'
import { Hash } from '../protocol/common.ts'
import { describeIssues } from '../protocol/issues.ts'
import { drawWorld, type DrawnOrder, type DrawnWorld } from './drawn-worlds.ts'

/** Worlds of one batch, after which one may stop and go on. */
const BATCH_WORLDS = 20
const ORDERS_PER_WORLD = 8

const Count = z.int().nonnegative()
const CheckedRegions = z.strictObject({
  schema: z.literal(1),
  constitution: Hash,
  actionMap: z.literal(ACTION_MAP_VERSION),
  seed: Count,
  batches: Count,
  drawn: Count.describe('Orders in states'),
  waiting: Count.describe('A region was there, and what was chosen is to send nothing now'),
  checked: Count.describe('A region was there, lots were chosen, and both evaluators judged them'),
  violations: Count.describe('Of these, what json-rules-engine would not let pass'),
  untuned: z.record(z.string().max(40), Count).describe('Where there was no region, by the reason'),
  bound: z.record(z.string().max(40), Count).describe('Regions, by what binds the upper end'),
  first: z.string().max(4000).nullable().describe('The first violation'),
})
export type CheckedRegions = z.infer<typeof CheckedRegions>

/** Nothing checked yet. */
export function noneChecked(constitution: string, seed: number): CheckedRegions {
  return {
    schema: 1,
    constitution,
    actionMap: ACTION_MAP_VERSION,
    seed,
    batches: 0,
    drawn: 0,
    waiting: 0,
    checked: 0,
    violations: 0,
    untuned: {},
    bound: {},
    first: null,
  }
}

/** Reads what was checked so far. Throws `CHECK_DIFFERS` where it is of other rules or of another seed. */
export function readChecked(text: string, constitution: string, seed: number): CheckedRegions {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new EphorError('CHECK_DIFFERS', 'what was checked before is no JSON')
  }
  const parsed = CheckedRegions.safeParse(value)
  if (!parsed.success) throw new EphorError('CHECK_DIFFERS', describeIssues(parsed.error))
  if (parsed.data.constitution !== constitution || parsed.data.seed !== seed)
    throw new EphorError(
      'CHECK_DIFFERS',
      `checked before was constitution ${parsed.data.constitution} from seed ${parsed.data.seed}; now it is ${constitution} from ${seed}`,
    )
  return parsed.data
}

/** What finds regions; a test plants faults here. */
export type Regions = (asked: Asked) => Region | NoRegion

/** Goes on from `so` until so many actions are checked; `told` hears of each batch. The same seed draws the same orders. */
export async function checkRegions(
  constitution: Constitution,
  so: CheckedRegions,
  count: number,
  told: (so: CheckedRegions) => void = () => undefined,
  regions: Regions = regionOf,
): Promise<CheckedRegions> {
  const program = compile(constitution)
  const court = { program, reference: refusingReference(constitution), regions }
  const escalating = new Set(
    constitution.rules.filter(({ effect }) => effect === 'escalate').map(({ id }) => id),
  )
  const sum: CheckedRegions = { ...so, untuned: { ...so.untuned }, bound: { ...so.bound } }
  while (sum.checked < count) {
    const chance = seeded(seedOf(sum.seed, sum.batches))
    for (let at = 0; at < BATCH_WORLDS; at += 1) {
      const world = drawWorld(constitution, chance, ORDERS_PER_WORLD)
      // One engine runs one judgement after the other, so nothing is gained by asking together.
      for (const order of world.orders) await checkOne(court, world, order, escalating, sum)
    }
    sum.batches += 1
    told(sum)
  }
  return sum
}

interface Court {
  readonly program: Program
  readonly reference: Reference
  readonly regions: Regions
}

async function checkOne(
  { program, reference, regions }: Court,
  { ledger, now, agent, lot }: DrawnWorld,
  { order, lots, later, approved, share }: DrawnOrder,
  escalating: ReadonlySet<string>,
  sum: CheckedRegions,
): Promise<void> {
  const { constitution } = program
  const readAt = (size: number): Read =>
    measure(ledger, subjectOf(ledger, agent, { ...order, quantity: fromSteps(size, lot) }), constitution, now)
  const asked: Asked = {
    program,
    action: 'order',
    facts: gather(program, 'order', readAt(lots), now),
    readAt,
    remaining: lots,
    later,
    ...(approved === undefined ? {} : { approved: { lots: approved, rules: escalating } }),
  }
  sum.drawn += 1
  const region = regions(asked)
  if ('untuned' in region) {
    count(sum.untuned, region.untuned)
    return
  }
  count(sum.bound, region.hiBy.kind)
  const wanted = lotsOf(share, region)
  const chosen = wanted === undefined ? undefined : settle(asked, region, wanted)
  if (chosen === undefined || chosen === 0) {
    sum.waiting += 1
    return
  }
  sum.checked += 1
  const refusing = await refusalsOf(reference, constitution, readAt(chosen), now)
  const against = refusing.filter((id) => approved === undefined || !escalating.has(id))
  if (against.length === 0) return
  sum.violations += 1
  sum.first ??= JSON.stringify({ batch: sum.batches, order, chosen, against, region }).slice(0, 4000)
}

/** json-rules-engine with every rule that could refuse an order: whether it is surely clear, and of an escalation whether it is surely one. */
export function refusingReference(constitution: Constitution): Reference {
  const exported = exportRules(constitution)
  const rules = exported.rules.filter(
    ({ event: { type, params } }) =>
      params.mode === 'enforce' &&
      params.effect !== 'warn' &&
      params.actions.includes('order') &&
      (type === 'clear' || params.effect === 'escalate'),
  )
  return runExport({ ...exported, rules })
}

/** The enforced rules that json-rules-engine does not find clear, for want of facts too; warnings aside. */
export async function refusalsOf(
  reference: Reference,
  { rules }: Constitution,
  read: Read,
  now: number,
): Promise<string[]> {
  const results = await reference.judge('order', read, now)
  return rules
    .filter(({ id, mode, effect, actions }) => {
      const result = results.get(id)
      // An unknown escalation refuses too, whatever is approved; here it counts as a rule of its own.
      return mode === 'enforce' && effect !== 'warn' && actions.includes('order') && result !== 'clear'
    })
    .map(({ id, effect }) => (effect === 'escalate' && results.get(id) === 'unknown' ? `${id}?` : id))
}

function count(counts: Record<string, number>, what: string): void {
  counts[what] = (counts[what] ?? 0) + 1
}
