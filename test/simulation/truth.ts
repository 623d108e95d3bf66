/** Holds what the venue knows against the limits and against the ledger, without asking the ledger what it thinks. */
import { weightOf } from '../../src/ledger/exposure.ts'
import { must } from './broken.ts'
import { committedOf } from './compare.ts'
import { ACCOUNTS, GROSS_MICRO_MAX, INSTRUMENTS, POSITION_LOTS_MAX } from './constitution.ts'
import { magnitude, most, sum, worthAtReference } from './lots.ts'
import { findEntry } from './model-rules.ts'
import type { Sized, Word } from './venue.ts'
import type { World } from './world.ts'

/** Fills that were reported in one sum: when they were, and when they count as. */
interface Lump {
  readonly account: string
  readonly filled: number
  readonly counted: number
}

export class Truth {
  readonly #world: World
  readonly #lumps: Lump[] = []
  /** What each limit stood at after the last input: nothing but what is exempt may take it further beyond. */
  #before = new Map<string, bigint>()

  constructor(world: World) {
    this.#world = world
  }

  /** Takes note of fills that a later report counted at its own time, since theirs had not arrived. */
  attribute({ root, execution }: Word, before: bigint): void {
    const { model, venue } = this.#world
    const entry = findEntry(model, root)
    const order = venue.orders.get(root)
    if (entry === undefined || order === undefined || entry.filled === before) return
    let total = 0n
    for (const { at, lots } of order.fills) {
      total += lots
      if (total > before && total <= entry.filled && at !== execution.at)
        this.#lumps.push({ account: entry.account, filled: at, counted: execution.at })
    }
  }

  /** Whether fills fell together across the moment from which the account's positions are counted. */
  #blurred(account: string): boolean {
    const from = this.#world.model.began.get(account)?.at ?? 0
    return this.#lumps.some((lump) => lump.account === account && lump.filled < from && lump.counted >= from)
  }

  #sendable(root: string): Sized[] {
    const { model, permitted, time, now } = this.#world
    return permitted
      .filter((one) => one.root === root && one.kind !== 'cancel')
      .filter(({ decision }) => model.sendable(decision, Math.min(now, time)))
      .map(({ sized }) => sized)
  }

  /** Every invariant that rests on what really happened. `exempt`: what happened last is under no limit. */
  hold(exempt = false): void {
    const { permitted, venue, state } = this.#world
    if (permitted.length === 0) return
    const roots = permitted.filter(({ kind }) => kind === 'order')
    const could = roots.map((one) => {
      const sendable = this.#sendable(one.root)
      const order = venue.orders.get(one.root)
      return {
        ...one,
        account: 'account' in one.action ? one.action.account : '',
        instrument:
          one.action.type === 'transfer'
            ? one.action.asset
            : 'instrument' in one.action
              ? one.action.instrument
              : '',
        side: one.action.type === 'order' ? one.action.side : 'sell',
        lots: venue.couldFill(one.root, sendable),
        worth: venue.couldCost(one.root, sendable),
        filled: order?.filled ?? 0n,
        over: order?.over ?? 0n,
      }
    })
    for (const { root, lots, filled, over } of could) {
      const order = state.ledger.orders.get(root)
      const counted = order === undefined ? -1n : BigInt(order.filled + weightOf(order).lots)
      must(
        over > 0n || counted >= filled + lots,
        'reservation lost',
        () => `${root} could come to ${filled + lots} and counts as ${counted}`,
      )
    }
    const next = new Map<string, bigint>()
    for (const account of ACCOUNTS) {
      const own = could.filter((one) => one.account === account)
      this.#holdMoney(account, own)
      let gross = 0n
      for (const { name } of INSTRUMENTS) {
        const held = venue.position(account, name)
        const of = (side: string) => own.filter((one) => one.instrument === name && one.side === side)
        const beyond = (side: string): bigint => sum(of(side).map(({ over }) => over))
        const long = held + sum(of('buy').map(({ lots }) => lots)) - beyond('buy')
        const short = sum(of('sell').map(({ lots }) => lots)) - held - beyond('sell')
        next.set(`long ${account} ${name}`, long - POSITION_LOTS_MAX)
        next.set(`short ${account} ${name}`, short - POSITION_LOTS_MAX)
        gross += worthAtReference(name, most(magnitude(long), magnitude(short)))
      }
      if (own.every(({ over }) => over === 0n)) next.set(`gross ${account}`, gross - GROSS_MICRO_MAX)
    }
    for (const [key, { lots }] of this.#world.model.parents) {
      const children = could.filter(({ root }) => findEntry(this.#world.model, root)?.parent === key)
      const beyond = sum(children.map((child) => child.filled + child.lots - child.over)) - lots
      if (!this.#hasExits(children)) next.set(`parent ${key}`, beyond)
    }
    for (const [key, { micro }] of this.#world.model.baskets) {
      const orders = could.filter(
        ({ account, agent, action }) =>
          action.type === 'order' && `${account} ${agent} ${action.basket?.id}` === key,
      )
      if (this.#hasExits(orders) || orders.some(({ over }) => over > 0n)) continue
      const worths = orders.map(({ root, worth }) => worth + venue.spent(root, 0))
      next.set(`basket ${key}`, sum(worths) - micro)
    }
    this.#holdLimits(next, exempt)
  }

  /** Whether an exit was let out of it, which is held to no size. */
  #hasExits(orders: readonly { readonly root: string }[]): boolean {
    const { permitted, model } = this.#world
    return permitted.some(
      (one) =>
        orders.some(({ root }) => root === one.root) &&
        (model.passes.get(one.decision)?.reducing ?? one.reducing),
    )
  }

  /** What is open and spent at the venue is never more than what the ledger has committed. */
  #holdMoney(
    account: string,
    own: readonly { readonly root: string; readonly worth: bigint; readonly over: bigint }[],
  ): void {
    const { model, venue, state } = this.#world
    const since = model.credit.get(account)
    const plain = own.filter(({ over }) => over === 0n)
    const spent = sum(plain.map(({ root }) => venue.spent(root, since?.at ?? 0)))
    const total = sum(plain.map(({ worth }) => worth)) + spent
    const committed = committedOf(state.ledger, account) ?? 0n
    must(
      total <= committed,
      'reservation lost',
      () => `${total} of ${account} is out, and ${committed} committed`,
    )
  }

  /** Past a limit nothing goes further, but for what no limit is on: transfers and adoptions. */
  #holdLimits(next: Map<string, bigint>, exempt: boolean): void {
    for (const [limit, beyond] of next) {
      const before = this.#before.get(limit)
      if (exempt || before === undefined || this.#blurred(limit.split(' ')[1] ?? '')) continue
      must(
        beyond <= 0n || beyond <= before,
        'limit',
        () => `${limit}: beyond by ${beyond}, before by ${before}`,
      )
    }
    this.#before = next
  }

  /** What filled of the children of a parent. */
  ofParent(key: string): bigint {
    return sum(
      [...this.#world.venue.orders.values()]
        .filter(({ parent }) => parent === key)
        .map(({ filled }) => filled),
    )
  }

  /** With every report delivered, each position is the opening and the sum of all fills. */
  settled(): void {
    for (const account of ACCOUNTS) {
      if (this.#blurred(account)) continue
      for (const { name } of INSTRUMENTS) {
        const [found, real] = [this.#world.held(account, name), this.#world.venue.position(account, name)]
        must(
          found === undefined || found === real,
          'counted twice',
          () => `${account} ${name}: ${found}, really ${real}`,
        )
      }
    }
  }
}
