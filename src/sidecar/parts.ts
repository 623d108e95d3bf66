/** What several partitions are sent of one list, and what their answers come to. */
import type { State } from '../engine/state.ts'
import type { Input, RefusedObservation } from '../engine/step.ts'
import { ownerOfAccount } from '../ledger/owners.ts'
import { nameOfPartition, partitionOf } from '../protocol/partition.ts'
import type { Performed } from './sidecar.ts'

/** What one partition is sent of a list. */
export interface Part {
  readonly number: number
  readonly input: Input
  /** The place of each in the list. */
  readonly places: readonly number[]
}

/** What is said of an account goes to its owner's partition, and all else to each. Of one that nobody owns the first says so. */
export function partsOfObservations(
  { ledger }: Pick<State, 'ledger'>,
  input: Input & { kind: 'observations' },
  of: number,
): Part[] {
  const homes = input.observations.map((each) => {
    const owner = 'account' in each ? ownerOfAccount(ledger, each.account) : undefined
    if ('account' in each && owner === undefined) return 0
    return owner === undefined ? undefined : partitionOf(owner, of)
  })
  return Array.from({ length: of }, (_, number) => {
    const places = homes.flatMap((home, place) => (home === undefined || home === number ? [place] : []))
    return { number, places, input: { ...input, observations: chosen(input.observations, places) } }
  }).filter(({ places }) => places.length > 0)
}

/** Each goes where its order is: `homes`, by their places. */
export function partsOfExecutions(homes: readonly number[], input: Input & { kind: 'executions' }): Part[] {
  return [...new Set(homes)].map((number) => {
    const places = homes.flatMap((home, place) => (home === number ? [place] : []))
    return { number, places, input: { ...input, executions: chosen(input.executions, places) } }
  })
}

function chosen<T>(all: readonly T[], places: readonly number[]): T[] {
  const wanted = new Set(places)
  return all.filter((_, place) => wanted.has(place))
}

/** The answer to a list of which each got a part: an entry is accepted where all that got it took it. */
export function mergedLists(
  ended: readonly { readonly part: Part; readonly effect: Performed }[],
): Performed {
  const refused = new Map<number, RefusedObservation>()
  const sent = new Set<number>()
  let repeated = 0
  const anomalies: Extract<Performed, { kind: 'executed' }>['anomalies'][number][] = []
  for (const { part, effect } of ended) {
    const { number, places } = part
    for (const place of places) sent.add(place)
    if (effect.kind !== 'observed' && effect.kind !== 'executed') continue
    for (const { index, code, detail } of effect.refused) {
      const place = places[index] ?? index
      if (!refused.has(place))
        refused.set(place, { index: place, code, detail: `${nameOfPartition(number)}: ${detail}` })
    }
    if (effect.kind !== 'executed') continue
    repeated += effect.repeated
    anomalies.push(...effect.anomalies.map((each) => ({ ...each, index: places[each.index] ?? each.index })))
  }
  const list = [...refused.values()].toSorted((a, b) => a.index - b.index)
  const accepted = sent.size - list.length - repeated
  const [first] = ended
  return first?.effect.kind === 'executed'
    ? {
        kind: 'executed',
        accepted,
        repeated,
        anomalies: anomalies.toSorted((a, b) => a.index - b.index),
        refused: list,
      }
    : { kind: 'observed', accepted, refused: list }
}

type Body = Extract<Performed, { kind: 'done' }>['body']

/** The answer to what several were asked alike: what has to hold everywhere holds where it does in all, and it waits as long as it waits in one. */
export function merged(effects: readonly Performed[]): Performed {
  const [first] = effects
  if (first === undefined) throw new Error('invariant: somebody was asked')
  if (first.kind !== 'done') return first
  const bodies = effects.map((effect): Body => (effect.kind === 'done' ? effect.body : {}))
  const all: Record<string, string | number | boolean> = {}
  for (const body of bodies)
    for (const [key, value] of Object.entries(body)) {
      const known = all[key]
      if (known === undefined) all[key] = value
      else if (typeof known === 'boolean' && typeof value === 'boolean') all[key] = known && value
      else if (typeof known === 'number' && typeof value === 'number') all[key] = Math.min(known, value)
    }
  return { kind: 'done', body: all }
}
