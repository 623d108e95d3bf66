/** The whole state as lines of text, and back: what a checkpoint holds. The constitution in force is named by its hash, and compiled again. */
import { EphorError } from '../base/errors.ts'
import { keepWindowsOf } from '../ledger/own-actions.ts'
import { EMPTY_STATE, type ProgramOf, type State } from './state.ts'
import type { StorableState } from './storable.ts'
import { readValue, valueLines } from './value-lines.ts'

/**
 * The meaning of a written state. Raise it with every change by which this version could misread what an earlier one wrote: a field that is new, gone or
 * called otherwise, and a fold that comes to something else. `state-lines.test.ts` holds the shapes of a state against it.
 */
export const STATE_SCHEMA = 23

/** The lines of `state`, each made when it is asked for: equal states give equal lines. Throws a `TypeError` at what cannot be written. */
export function stateLines(state: State): Generator<string, void> {
  return valueLines(written(state))
}

function written(state: State): StorableState {
  return { ...state, program: state.program?.constitution.hash }
}

/** The state that `lines` are of; what follows it is left in them. Throws when they are no state of this version, or its constitution is not kept. */
export function readState(lines: Iterator<string>, programOf: ProgramOf): State {
  const value = readValue(lines) as StorableState
  const missing = missingKey(EMPTY_STATE, value)
  if (missing !== undefined) throw new SyntaxError(`it has other fields: ${missing}`)
  const { program: hash } = value
  if (hash === undefined) return { ...value, program: undefined }
  const program = programOf(hash)
  if (program === undefined)
    throw new EphorError('CONSTITUTION_INVALID', `the text of constitution ${hash} is not kept`)
  // Tallies are told from others by the facts that they are of: those of this program, where they are the same.
  const windows = keepWindowsOf(value.ledger.windows, program.constitution, value.lastAt)
  return { ...value, program, ledger: { ...value.ledger, windows } }
}

/** The path of a field that only one of the two has. Only plain objects are looked into: what collections hold is not known from an empty state. */
function missingKey(known: object, value: unknown, path = ''): string | undefined {
  if (Object.getPrototypeOf(known) !== Object.prototype) return undefined
  if (typeof value !== 'object' || value === null) return path
  const found = value as Readonly<Record<string, unknown>>
  for (const key of new Set([...Object.keys(known), ...Object.keys(found)])) {
    if (!Object.hasOwn(known, key) || !Object.hasOwn(found, key)) return `${path}${key}`
    const part = (known as Readonly<Record<string, unknown>>)[key]
    const missing =
      typeof part === 'object' && part !== null ? missingKey(part, found[key], `${path}${key}.`) : undefined
    if (missing !== undefined) return missing
  }
  return undefined
}
