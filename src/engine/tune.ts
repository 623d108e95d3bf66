/** Moves an allowed order inside the region that the rules leave: how much of it is best sent now. What is chosen is judged whole on the same snapshot. */
import { fromSteps, wholeSteps } from '../base/exact.ts'
import { sha256 } from '../base/hash.ts'
import { shifted } from '../optimizer/action-map.ts'
import { FEATURES, writeFeatures } from '../optimizer/features.ts'
import { refusedBy, regionOf, settle, withDeadline, type Asked, type Region } from '../optimizer/region.ts'
import { lotsNow, situationOf, stepAt, type Moment } from '../optimizer/slice.ts'
import { WARM_UP } from '../ledger/liquidity.ts'
import { keyOf, parentKey, type ParentState } from '../ledger/ledger.ts'
import type { LiquidityState } from '../ledger/slices.ts'
import { measure } from '../ledger/measure.ts'
import { PARENTS_MAX } from '../ledger/orders.ts'
import { subjectOf } from '../ledger/subject.ts'
import type { ActionRequest, Order } from '../protocol/action.ts'
import type { Headroom } from '../protocol/decision.ts'
import {
  HORIZON_LEAST,
  HORIZON_MOST,
  type Fallback,
  type Liquidity,
  type Plan,
  type Tuned,
  type Tuner,
  type Tuning,
  type Untuned,
} from '../protocol/optimizer.ts'
import { judgeWhole, withQuantity, type Court, type Judged } from './judgement.ts'
import { isModelStopped, isStopped, tunerOf, type Desk, type Guards } from './optimizer.ts'

/** What the rules alone decided. */
export interface Base {
  /** The action as asked, or made smaller by the rules; it passes. */
  readonly judged: Judged
  readonly decision: string
  /** Where the rules made it smaller. */
  readonly headroom: Headroom | null
  /** What the action as asked is worth at worst, in the constitution’s currency, exits too; `null` where nobody can say. */
  readonly worth: () => number | null
}

/** What became of it. `judged` is there where the verdict is about other lots than the rules alone would let pass. */
export interface Chosen {
  readonly tuning: Tuning
  readonly judged: Judged | undefined
}

const GUARDS: Guards = { region: regionOf, judge: judgeWhole }

/** Whether the optimizer is asked about a request at all: an order with a horizon, of an agent that takes less than it asks for. */
export function wantsTuning({ action, accept }: ActionRequest): boolean {
  return action.type === 'order' && action.execution !== undefined && accept?.includes('narrow') === true
}

/** What the optimizer makes of an order that passes; `undefined` where no policy is about it. */
export function tune(court: Court, desk: Desk, request: ActionRequest, base: Base): Chosen | undefined {
  const { order, instrument } = base.judged.subject
  const { action } = base.judged
  if (action.type !== 'order' || order === undefined || instrument === undefined) return undefined
  const tuner = tunerOf(desk.optimizer, action.account, instrument)
  if (tuner === undefined || tuner.mode === 'off') return undefined
  const by: TunedBy = {
    policy: desk.optimizer.policy?.hash ?? '',
    optimizer: tuner.id,
    mode: tuner.mode,
  }
  const { guards = GUARDS } = desk
  const tuning = choose(court, desk, tuner, by, request, base, action, guards)
  if ('why' in tuning) return untuned(by, tuning)
  if (!tuning.applied || tuning.lots === tuning.untuned) return { tuning, judged: undefined }
  const smaller = guards.judge(court, request.agent, withQuantity(action, fromSteps(tuning.lots, tuning.lot)))
  if (smaller.verdict !== 'allow') return untuned(by, { why: 'rejected', refused: tuning.lots })
  // The slice draws on what was approved for the order, whether or not the slice alone would have needed it.
  const { approvals } = base.headroom === null ? base.judged : smaller
  return { tuning, judged: approvals === smaller.approvals ? smaller : { ...smaller, approvals } }
}

/** Which entry of which policy tunes. */
type TunedBy = Pick<Tuned, 'policy' | 'optimizer' | 'mode'>

interface Left {
  readonly why: Untuned
  readonly rules?: readonly string[]
  readonly refused?: number
}

function untuned(by: TunedBy, { why, rules = [], refused }: Left): Chosen {
  return {
    tuning: {
      outcome: 'untuned',
      ...by,
      why,
      rules: [...rules],
      ...(refused === undefined ? {} : { refused }),
    },
    judged: undefined,
  }
}

function choose(
  court: Court,
  desk: Desk,
  tuner: Tuner,
  { policy, optimizer, mode }: TunedBy,
  request: ActionRequest,
  base: Base,
  action: Order,
  guards: Guards,
): Tuned | Left {
  const { ledger, now } = court
  const { subject, grants } = base.judged
  const lot = subject.instrument?.lot ?? Number.NaN
  if (isStopped(desk.optimizer)) return { why: 'stopped' }
  // An exception that operators made is not spread over other sizes.
  if (grants.length > 0) return { why: 'rests-on-grant' }
  const asked = wholeSteps(action.quantity, lot)
  if (asked === undefined) return { why: 'quantity-invalid' }
  const liquidity = liquidityOf(ledger.liquidity.get(action.instrument), now)
  const begun = beginning(court, request, action, tuner, base, lot, liquidity.figures)
  if ('why' in begun) return begun
  const { plan, step, left } = begun
  if (left < asked) return { why: 'parent-differs' }
  const question = askedOf(court, base, action, asked, lot)
  const found = guards.region(question)
  if ('untuned' in found) return { why: found.untuned, rules: found.rules }
  const bound: Region =
    base.headroom === null
      ? found
      : { ...found, hiBy: { kind: 'rules', rules: refusedBy(question, found.hi + 1) } }
  const region = withDeadline(bound, left, plan.steps - step - 1)
  if ('untuned' in region) return { why: region.untuned, rules: region.rules }
  const moment = { plan, step, left, liquidity: liquidity.figures }
  const scheduled = lotsNow(tuner.schedule, moment, region)
  if (scheduled === undefined) return { why: 'schedule-impossible' }
  const advice =
    tuner.model === undefined ? null : advise(court, desk, tuner, moment, region, scheduled, liquidity)
  const wanted = advice?.shift == null ? scheduled : (shifted(scheduled, region, advice.shift) ?? scheduled)
  const lots = settle(question, region, wanted)
  if (lots === undefined) return { why: 'no-lot-passes' }
  const { lo, hi, loBy, hiBy } = region
  // Written out, since V8 is slow at members that come after a spread.
  return {
    outcome: 'tuned',
    policy,
    optimizer,
    mode,
    applied: mode !== 'shadow',
    plan,
    step,
    lot,
    left,
    untuned: asked,
    region: { lo, hi, loBy: copied(loBy), hiBy: copied(hiBy) },
    schedule: { name: tuner.schedule, lots: scheduled },
    liquidity: liquidity.figures,
    advice,
    lots,
  }
}

function copied(binding: Region['hiBy']): Tuned['region']['hiBy'] {
  return binding.kind === 'rules' ? { kind: 'rules', rules: [...binding.rules] } : binding
}

/** What the region is asked for; of an order that the rules made smaller, what is left of it. */
function askedOf(
  { ledger, program, now, approvals = [] }: Court,
  base: Base,
  action: Order,
  lots: number,
  lot: number,
): Asked {
  const { subject, facts } = base.judged
  return {
    program,
    action: 'order',
    facts,
    readAt: (size) =>
      measure(
        ledger,
        subjectOf(ledger, subject.agent, withQuantity(action, fromSteps(size, lot))),
        program.constitution,
        now,
      ),
    remaining: lots,
    later: lots,
    ...(approvals.length === 0
      ? {}
      : { approved: { lots, rules: new Set(approvals.flatMap(({ rules }) => rules)) } }),
  }
}

/** The plan of the order, which step it is in, and the lots that are left of it. */
function beginning(
  { ledger, now }: Court,
  request: ActionRequest,
  action: Order,
  tuner: Tuner,
  base: Base,
  lot: number,
  liquidity: Liquidity | null,
): { readonly plan: Plan; readonly step: number; readonly left: number } | Left {
  const { execution, parent } = action
  if (execution === undefined) return { why: 'execution-differs' }
  const { horizonMs, urgency } = execution
  if (horizonMs < HORIZON_LEAST || horizonMs > HORIZON_MOST) return { why: 'horizon-out-of-range' }
  const name = parent?.id ?? base.decision
  const known = ledger.parents.get(parentKey(action.account, request.agent, name))
  const lots = known?.quantity ?? wholeOf(request, parent?.quantity, lot)
  if (lots === undefined || lots === 0) return { why: 'quantity-invalid' }
  if (known === undefined && ledger.parents.size >= PARENTS_MAX) return { why: 'parents-full' }
  const asked = wholeOf(request, undefined, lot) ?? 0
  if (tuner.mode === 'canary' && !isInCanary(tuner, base, known, lots / asked))
    return { why: 'outside-canary' }
  const schedule = known?.schedule
  const plan = schedule?.plan ?? {
    parent: name,
    lots,
    steps: Math.min(tuner.steps, lots),
    horizonMs,
    urgency,
    begun: now,
    usualVolume: liquidity?.usualNow ?? null,
    usualVariance: liquidity?.usualVarianceNow ?? null,
  }
  if (plan.horizonMs !== horizonMs || plan.urgency !== urgency) return { why: 'execution-differs' }
  const reached = stepAt(plan, now)
  if (reached >= plan.steps) return { why: 'horizon-over' }
  // Who asks again within a step gets the slice of the next one, and at the end all that is left.
  const step = Math.min(Math.max(reached, schedule?.next ?? 0), plan.steps - 1)
  return { plan, step, left: lots - (known?.committed ?? 0) }
}

function wholeOf({ action }: ActionRequest, declared: number | undefined, lot: number): number | undefined {
  const quantity = declared ?? (action.type === 'order' ? action.quantity : undefined)
  return quantity === undefined ? undefined : wholeSteps(quantity, lot)
}

const UNIT = 2 ** 32

/** Whether an order, `times` what was asked now, is among the share that is tuned: its first decision says, and what was begun goes on. */
function isInCanary(
  { canary }: Tuner,
  { decision, worth }: Base,
  known: ParentState | undefined,
  times: number,
): boolean {
  if (known !== undefined) return known.schedule?.applied === true
  if (canary === undefined) return false
  const notional = worth()
  if (notional === null || !(notional * times <= canary.notional)) return false
  return Number.parseInt(sha256(keyOf('canary', decision)).slice(0, 8), 16) < canary.share * UNIT
}

interface Known {
  readonly figures: Liquidity | null
  readonly missing: Fallback
}

/** What the bars say by now. The last one must be over, and no older than two of its lengths. */
function liquidityOf(state: LiquidityState | undefined, now: number): Known {
  if (state === undefined || state.count < WARM_UP || state.run < 2)
    return { figures: null, missing: 'bars-missing' }
  const barMs = state.to - state.from
  if (state.to > now || now - state.to > 2 * barMs) return { figures: null, missing: 'bars-stale' }
  const figures = {
    barMs,
    volume: state.volume,
    previousVolume: state.previousVolume,
    usualThen: state.usualVolume,
    usualNow: Math.exp(state.level),
    variance: state.variance,
    usualVarianceThen: state.usualVariance,
    usualVarianceNow: Math.exp(state.risk),
  }
  const { usualThen, usualNow, variance, usualVarianceThen, usualVarianceNow } = figures
  const isUsable =
    isAbove(barMs) &&
    isAbove(figures.volume) &&
    isAbove(figures.previousVolume) &&
    isAbove(usualThen) &&
    isAbove(usualNow) &&
    isAbove(variance) &&
    isAbove(usualVarianceThen) &&
    isAbove(usualVarianceNow)
  return isUsable ? { figures, missing: 'outside-support' } : { figures: null, missing: 'bars-missing' }
}

function isAbove(figure: number): boolean {
  return figure > 0 && figure < Number.POSITIVE_INFINITY
}

const features = new Float64Array(FEATURES.length)

/** What the model says of the step, or why it says nothing. */
function advise(
  { program }: Court,
  desk: Desk,
  tuner: Tuner,
  moment: Moment,
  region: Region,
  scheduled: number,
  { missing }: Known,
): Tuned['advice'] {
  const model = tuner.model ?? ''
  const nothing = (fallback: Fallback): Tuned['advice'] => ({ model, shift: null, fallback })
  if (isModelStopped(desk.optimizer, tuner.id)) return nothing('model-stopped')
  const known = desk.modelOf(model)
  if (known === undefined) return nothing('model-missing')
  if (known.artifact.constitution !== program.constitution.hash) return nothing('constitution-differs')
  const situation = situationOf(moment, region, scheduled)
  if (situation === undefined) return nothing(missing)
  writeFeatures(situation, features)
  const shift = known.infer(features)
  return shift === undefined || !Number.isFinite(shift)
    ? nothing('outside-support')
    : { model, shift, fallback: null }
}
