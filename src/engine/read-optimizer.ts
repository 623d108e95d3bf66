/** Reads `policies/optimizer.yaml`: of which orders the optimizer says how much is sent now, how, and whether what it says holds. */
import { digestOf } from '../base/hash.ts'
import { Issues, type Issue } from '../base/issue.ts'
import type { YamlMap } from '../base/yaml-source.ts'
import { asMap, Fields } from '../base/fields.ts'
import { readCount, readShare } from '../constitution/read-expression.ts'
import { readPolicy } from '../constitution/read-policy.ts'
import { Name, SCHEMA_VERSION } from '../protocol/common.ts'
import { ASSET_CLASSES } from '../protocol/observation.ts'
import {
  OPTIMIZERS_MAX,
  SCHEDULES,
  STEPS_LEAST,
  STEPS_MOST,
  TUNING_MODES,
  type OptimizerPolicy,
  type Tuner,
  type TuningSelection,
} from '../protocol/optimizer.ts'
import { isAbout } from './optimizer.ts'
import { readNames } from './read-names.ts'

const KEYS = ['id', 'title', 'why', 'mode', 'canary', 'only', 'except', 'schedule', 'steps', 'model']
const SELECTORS = ['accounts', 'assetClasses'] as const

export interface CheckedOptimizer {
  /** Present when no issue is an error. */
  readonly policy: { readonly hash: string; readonly content: OptimizerPolicy } | undefined
  readonly issues: readonly Issue[]
}

/** What a policy names: a schedule, and the hash of the model that moves it, where one does. */
interface Found {
  readonly schedule: Tuner['schedule']
  readonly hash?: string
  readonly reference?: Tuner['reference']
}

/** Finds what a policy names, or says what is wrong with it. */
export type FindModel = (name: string) => Found | { readonly problem: string }

/** Reads and checks the text of the file at `path`. */
export function checkOptimizer(path: string, text: string, find: FindModel): CheckedOptimizer {
  const issues = new Issues()
  const places = new Map<string, Fields['place']>()
  const read = (map: YamlMap): Tuner | undefined => {
    const tuner = readTuner(map, issues, find)
    if (tuner !== undefined) places.set(tuner.id, map.place)
    return tuner
  }
  const tuners = readPolicy(path, text, 'optimizers', read, issues)
  if (tuners !== undefined && tuners.length > OPTIMIZERS_MAX)
    issues.error({ file: path, line: 1, column: 1 }, `at most ${OPTIMIZERS_MAX} optimizers are kept`)
  for (const { a, b, about } of overlaps(tuners ?? []))
    issues.error(
      places.get(b) ?? { file: path, line: 1, column: 1 },
      `\`${a}\` and \`${b}\` are both about ${about}; narrow one with \`only\` or \`except\``,
    )
  if (tuners === undefined || issues.failed) return { policy: undefined, issues: issues.list }
  const content: OptimizerPolicy = { schema: SCHEMA_VERSION, optimizers: [...tuners] }
  return { policy: { hash: digestOf(content), content }, issues: issues.list }
}

function readTuner(map: YamlMap, issues: Issues, find: FindModel): Tuner | undefined {
  const fields = new Fields(map, 'an optimizer', KEYS, issues)
  const id = fields.text('id', 'required')
  const title = fields.text('title', 'required')
  const why = fields.text('why', 'required')
  const mode = fields.choice('mode', TUNING_MODES, 'required')
  const steps = readSteps(fields, issues)
  const only = readSelection(fields, 'only', issues)
  const except = readSelection(fields, 'except', issues)
  const canary = readCanary(fields, mode, issues)
  const mover = readMover(fields, mode, issues, find)
  if (id !== undefined && !Name.safeParse(id).success)
    issues.error(fields.placeOf('id'), `\`${id}\` is no id; write it as equities`)
  if (id === undefined || title === undefined || why === undefined || mode === undefined) return undefined
  if (mover === undefined || steps === undefined) return undefined
  return {
    id,
    title,
    why,
    mode,
    ...(canary === undefined ? {} : { canary }),
    ...(only === undefined ? {} : { only }),
    ...(except === undefined ? {} : { except }),
    ...mover,
    steps,
  }
}

function readSteps(fields: Fields, issues: Issues): number | undefined {
  fields.required('steps')
  const steps = readCount(fields, 'steps', issues)
  if (steps === undefined || (steps >= STEPS_LEAST && steps <= STEPS_MOST)) return steps
  issues.error(fields.placeOf('steps'), `\`steps\` lies within ${STEPS_LEAST} to ${STEPS_MOST}`)
  return undefined
}

function readCanary(fields: Fields, mode: Tuner['mode'] | undefined, issues: Issues): Tuner['canary'] {
  const node = mode === 'canary' ? fields.required('canary') : fields.node('canary')
  const map = node && asMap(node, '`canary`', issues)
  if (map === undefined) return undefined
  const own = new Fields(map, '`canary`', ['share', 'notional'], issues)
  own.required('share')
  own.required('notional')
  const share = readShare(own, 'share', issues)
  const notional = readCount(own, 'notional', issues)
  if (share === 0)
    issues.error(own.placeOf('share'), '`share` is above 0; write `mode: shadow` to tune nothing')
  return share === undefined || share === 0 || notional === undefined ? undefined : { share, notional }
}

/** How far what bears a name in the registry may go: fewer answer for these than for a champion. */
const MOST_OF: ReadonlyMap<string, Tuner['mode']> = new Map([
  ['shadow', 'shadow'],
  ['challenger', 'canary'],
])

/** The schedule, and the model that moves it: named apart, or both by what has a name in the registry. */
function readMover(
  fields: Fields,
  mode: Tuner['mode'] | undefined,
  issues: Issues,
  find: FindModel,
): Pick<Tuner, 'schedule' | 'model' | 'reference'> | undefined {
  const said = fields.choice('schedule', SCHEDULES, fields.has('model') ? 'optional' : 'required')
  const name = fields.text('model', 'optional')
  if (name === undefined) return said && { schedule: said }
  const found = find(name)
  if ('problem' in found) {
    issues.error(fields.placeOf('model'), found.problem)
    return undefined
  }
  const most = MOST_OF.get(name)
  if (mode !== undefined && most !== undefined && TUNING_MODES.indexOf(mode) > TUNING_MODES.indexOf(most)) {
    issues.error(
      fields.placeOf('mode'),
      `what is \`${name}\` in the registry may go as far as \`mode: ${most}\`; promote it first`,
    )
    return undefined
  }
  const { schedule, hash: model, reference } = found
  if (said !== undefined && said !== schedule) {
    issues.error(
      fields.placeOf('schedule'),
      `\`${name}\` goes by \`${schedule}\`; write that, or leave \`schedule\` out`,
    )
    return undefined
  }
  return {
    schedule,
    ...(model === undefined ? {} : { model }),
    ...(reference === undefined ? {} : { reference }),
  }
}

function readSelection(fields: Fields, key: 'only' | 'except', issues: Issues): TuningSelection | undefined {
  const node = fields.node(key)
  const map = node && asMap(node, `\`${key}\``, issues)
  if (map === undefined) return undefined
  const listed = new Fields(map, `\`${key}\``, SELECTORS, issues)
  const selection: { -readonly [S in (typeof SELECTORS)[number]]?: string[] } = {}
  for (const selector of SELECTORS) {
    if (!listed.has(selector)) continue
    selection[selector] = readNames(listed, selector, issues)
  }
  if (map.entries.size === 0) issues.error(map.place, `\`${key}\` names nothing; leave it out for all`)
  // The asset classes were held against their list above.
  return selection as TuningSelection
}

/** Entries of which more than one would be about an order. Accounts that none names are all alike. */
function overlaps(tuners: readonly Tuner[]): { a: string; b: string; about: string }[] {
  const named = tuners.flatMap(({ only, except }) => [...(only?.accounts ?? []), ...(except?.accounts ?? [])])
  // No account can have a name with blanks in it.
  const accounts = [...new Set(named), 'any other account']
  const found = new Map<string, { a: string; b: string; about: string }>()
  for (const account of accounts)
    for (const assetClass of ASSET_CLASSES) {
      const [first, ...others] = tuners.filter((tuner) => isAbout(tuner, account, assetClass))
      for (const other of others) {
        const pair = `${first?.id} ${other.id}`
        const about = `${assetClass} in ${account.includes(' ') ? account : `\`${account}\``}`
        if (first !== undefined && !found.has(pair)) found.set(pair, { a: first.id, b: other.id, about })
      }
    }
  return [...found.values()]
}
