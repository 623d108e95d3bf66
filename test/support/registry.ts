/** A registry of models in memory, as the commands would write it. */
import type { KeyObject } from 'node:crypto'
import { generateKeyPair, publicKeyToPem, signText } from '../../src/base/ed25519.ts'
import {
  follow,
  headText,
  lineOf,
  NO_ALIASES,
  sealEntry,
  statementOf,
  type AliasState,
  type Approval,
  type Proposed,
} from '../../src/optimizer/registry/alias-log.ts'
import { sealEvaluation, type Evaluation } from '../../src/optimizer/registry/evaluation.ts'
import type { RegistryFiles } from '../../src/optimizer/registry/registry.ts'
import { sealSchedule } from '../../src/optimizer/registry/schedule-artifact.ts'
import { CONSTITUTION, PLAN } from './models.ts'

export interface Registry {
  readonly log: string
  readonly head?: string | undefined
  readonly artifacts: ReadonlyMap<string, string>
  readonly evaluations: ReadonlyMap<string, string>
}

export function filesOf({ log, head, artifacts, evaluations }: Registry): RegistryFiles {
  const bytes = (text: string | undefined): Uint8Array | undefined =>
    text === undefined ? undefined : Buffer.from(text)
  return {
    log,
    head,
    artifact: (hash) => bytes(artifacts.get(hash)),
    evaluation: (hash) => bytes(evaluations.get(hash)),
  }
}

const good = { value: 0.05, low: 0.04, high: 0.06 }

/** An evaluation that passes all gates. */
export function passing(artifact: string): Omit<Evaluation, 'hash'> {
  return {
    schema: 1,
    kind: 'ephor-evaluation',
    artifact,
    constitution: CONSTITUTION,
    data: [],
    known: Array.from({ length: 10 }, () => 0.99),
    comparisons: [{ market: 'made', orders: 100, cost: 1.4, ofReceding: good, ofSchedule: good, late: 0 }],
    controls: { positive: good, negative: { value: 0, low: -0.01, high: 0.01 } },
    regions: { checked: 1_000_000, violations: 0 },
    steps: { checked: 1000, violations: 0 },
    versions: { node: '20' },
  }
}

export const hashIn = (text: string): string => (JSON.parse(text) as { hash: string }).hash

/** The entries, chained from nothing on, with the log and the head that they make. */
export function logOf(entries: readonly ((state: AliasState) => Proposed)[]): {
  log: string
  head: string
  state: AliasState
} {
  let state = NO_ALIASES
  for (const make of entries) state = follow(state, sealEntry(make(state)))
  return { log: state.entries.map(lineOf).join(''), head: headText(state.head), state }
}

/** What every entry says of where it stands. */
export const placeIn = ({ head, entries }: AliasState) => ({
  schema: 1 as const,
  sequence: head.sequence + 1,
  previous: head.hash,
  at: 1000 + entries.length,
})

export interface Person {
  readonly name: string
  readonly key: KeyObject
  readonly publicKey: string
}

export function person(name: string): Person {
  const { privateKey, publicKey } = generateKeyPair()
  return { name, key: privateKey, publicKey: publicKeyToPem(publicKey) }
}

/** The entry with the signed words of `people`. */
export function approvedBy<Entry extends Proposed>(entry: Entry, people: readonly Person[]): Entry {
  const approvals = people.map(({ name, key }): Approval => {
    const word = { name, reason: `${name} looked at it`, at: 500 }
    return { ...word, signature: signText(key, statementOf(entry, word)) }
  })
  return { ...entry, approvals }
}

export const SCHEDULE = sealSchedule(PLAN, [])

/** A registry in which a schedule was shipped as champion. */
export function aRegistry(): Registry {
  const hash = hashIn(SCHEDULE)
  const evaluation = sealEvaluation(passing(hash))
  const { log, head } = logOf([
    (state) => ({
      ...placeIn(state),
      kind: 'shipped',
      alias: 'champion',
      artifact: hash,
      evaluation: hashIn(evaluation),
      reason: 'Made for a test.',
    }),
  ])
  return {
    log,
    head,
    artifacts: new Map([[hash, SCHEDULE]]),
    evaluations: new Map([[hashIn(evaluation), evaluation]]),
  }
}
