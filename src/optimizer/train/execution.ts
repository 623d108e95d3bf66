/** One order being executed in a market of the past: what is known in each step, what may be sent, and what sending costs. */
import type { Span } from '../action-map.ts'
import type { Situation } from '../features.ts'
import { outlookOf, type Outlook, type Pending } from '../plan.ts'
import { kappaOf, partsHeld, ratioOf } from '../schedules/almgren-chriss.ts'
import { costOf, type Problem } from '../schedules/problem.ts'
import { hourOf } from '../usual.ts'
import type { Reversion, Track } from './track.ts'

/** What is left at the deadline is sent at once, at this many times the usual impact. */
const LEFT_FACTOR = 4

export interface Order {
  /** The bar that it begins in. */
  readonly start: number
  readonly steps: number
  readonly lots: number
  /** Of the most that the caps would allow over the horizon when it begins. */
  readonly share: number
  readonly urgency: number
}

/** What holds for all orders of a training or an evaluation. */
export interface Terms {
  readonly track: Track
  readonly reversion: Reversion
  /** The most that one may be of usual volume. */
  readonly participation: number
}

/** Costs are counted in what Almgren and Chriss’s schedule would cost, were all as usual and without caps: so every order weighs the same. */
export class Execution {
  readonly order: Order
  readonly #terms: Terms
  /** Volume of one lot. */
  readonly #lot: number
  /** λσ²τ²/η when it begins. */
  readonly #ratio: number
  readonly #unit: number
  #step = 0
  #left: number

  constructor(terms: Terms, order: Order) {
    const { track, participation } = terms
    this.order = order
    this.#terms = terms
    this.#left = order.lots
    const usual = track.usualVolume[order.start] as number
    this.#lot = (order.share * order.steps * participation * usual) / order.lots
    this.#ratio = ratioOf(order.urgency, order.steps)
    this.#unit = 1 / usualCost(order, this.#ratio)
  }

  get isDone(): boolean {
    return this.#step >= this.order.steps || this.#left === 0
  }

  get left(): number {
    return this.#left
  }

  get stepsLeft(): number {
    return this.order.steps - this.#step
  }

  /** The bar that the step takes place in. */
  get bar(): number {
    return this.order.start + this.#step
  }

  /** What usually trades in it, in lots of the order. */
  get usualLots(): number {
    return (this.#terms.track.usualVolume[this.bar] as number) / this.#lot
  }

  /** What is usual in the bar so many ahead, by what is known now. */
  #usualAhead(ahead: number): number {
    const { track } = this.#terms
    const { profile, at } = track
    const hour = (index: number): number => hourOf(at[index] as number)
    const now = this.bar
    // The clock of later bars is known, their volume is not.
    const seasonal = (profile[hour(now + ahead)] ?? 0) - (profile[hour(now)] ?? 0)
    return (track.usualVolume[now] as number) * Math.exp(seasonal)
  }

  /** The caps of the steps left, in lots: of now as it is, of later ones as they are expected. */
  caps(): number[] {
    const { track, participation } = this.#terms
    const factor = track.capFactor[this.bar] as number
    return Array.from({ length: this.stepsLeft }, (_, ahead) => {
      if (ahead === 0 && track.halted[this.bar] === 1) return 0
      return Math.floor((factor * participation * this.#usualAhead(ahead)) / this.#lot)
    })
  }

  /** What may be sent now: what the cap allows, and what must go for the rest to fit into later caps. */
  region(caps: readonly number[]): Span {
    const hi = Math.min(caps[0] as number, this.#left)
    let later = 0
    for (let ahead = 1; ahead < caps.length; ahead += 1) later += caps[ahead] as number
    return { lo: Math.min(hi, Math.max(0, this.#left - later)), hi }
  }

  /** The order as a schedule is asked about it. */
  pending(caps: readonly number[]): Pending {
    const { lots, steps } = this.order
    return { lots, left: this.#left, steps, ratio: this.#ratio, caps }
  }

  outlook(caps: readonly number[]): Outlook {
    const { track, reversion } = this.#terms
    const { start } = this.order
    const now = this.bar
    const market = {
      lastVolume: track.volume[now - 1] as number,
      lastUsualVolume: track.usualVolume[now - 1] as number,
      lastVariance: track.variance[now - 1] as number,
      lastUsualVariance: track.usualVariance[now - 1] as number,
      usualVolumes: caps.map((_, ahead) => this.#usualAhead(ahead)),
      usualVariance: track.usualVariance[now] as number,
      begunVolume: track.usualVolume[start] as number,
      begunVariance: track.usualVariance[start] as number,
    }
    return outlookOf(reversion, market, this.pending(caps), this.#unit)
  }

  /** What a model is shown, where the schedule would send `untuned` lots. */
  situation({ lo, hi }: Span, untuned: number): Situation {
    const { track } = this.#terms
    const { order, stepsLeft } = this
    const now = this.bar
    let ahead = 0
    for (let step = 0; step < stepsLeft; step += 1) ahead += this.#usualAhead(step)
    return {
      steps: order.steps,
      stepsLeft,
      lots: order.lots,
      lotsLeft: this.#left,
      lo,
      hi,
      untuned,
      ratio:
        (this.#ratio * (track.usualVariance[now] as number) * (track.usualVolume[now] as number)) /
        ((track.usualVariance[order.start] as number) * (track.usualVolume[order.start] as number)),
      volume: {
        last: track.volume[now - 1] as number,
        previous: track.volume[now - 2] as number,
        usualThen: track.usualVolume[now - 1] as number,
        usualNow: track.usualVolume[now] as number,
        usualAhead: ahead / stepsLeft,
      },
      volatility: {
        last: Math.sqrt(track.variance[now - 1] as number),
        usual: Math.sqrt(track.usualVariance[now - 1] as number),
      },
    }
  }

  /** ln of the volume of this very bar over its usual, which nobody knows before: for the control that leaks it. */
  get secret(): number {
    const { track } = this.#terms
    return Math.log((track.volume[this.bar] as number) / (track.usualVolume[this.bar] as number))
  }

  /** The problem as it turned out, whole: its solution is the best that hindsight could have done. */
  hindsight(): Problem {
    const { lots, steps, start } = this.order
    const [impact, risk, caps]: [number[], number[], number[]] = [[], [], []]
    for (let step = 0; step < steps; step += 1) {
      const at = this.#costsAt(start + step)
      impact.push(at.impact)
      risk.push(at.risk)
      caps.push(this.#capAt(start + step))
    }
    return { lots, impact, risk, caps }
  }

  #capAt(bar: number): number {
    const { track, participation } = this.#terms
    if (track.halted[bar] === 1) return 0
    return Math.floor(
      ((track.capFactor[bar] as number) * participation * (track.usualVolume[bar] as number)) / this.#lot,
    )
  }

  #costsAt(bar: number): { readonly impact: number; readonly risk: number } {
    const { track } = this.#terms
    const { start } = this.order
    return {
      impact: (this.#unit * (track.usualVolume[start] as number)) / (track.volume[bar] as number),
      risk:
        (this.#unit * this.#ratio * (track.variance[bar] as number)) / (track.usualVariance[start] as number),
    }
  }

  /** Sends lots within the region, and tells what that and holding the rest cost; after the last step, what is left over too. */
  send(lots: number): number {
    const { impact, risk } = this.#costsAt(this.bar)
    this.#left -= lots
    this.#step += 1
    const cost = impact * lots * lots + risk * this.#left * this.#left
    if (this.#step < this.order.steps) return cost
    return cost + LEFT_FACTOR * this.#unit * this.#left * this.#left
  }
}

/** What the closed form costs, where sending a lot² costs 1. */
function usualCost({ lots, steps, urgency }: Order, ratio: number): number {
  const held = partsHeld(kappaOf(ratioOf(urgency, steps)), steps).map((part) => part * lots)
  const sent = held.map((after, step) => (held[step - 1] ?? lots) - after)
  const same = (value: number): number[] => held.map(() => value)
  return costOf({ lots, impact: same(1), risk: same(ratio), caps: same(lots) }, sent)
}
