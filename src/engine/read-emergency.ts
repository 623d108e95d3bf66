/** Reads `policies/emergency.yaml`: the monitors that stop trading by themselves. */
import { digestOf } from '../base/hash.ts'
import { Issues, type Issue } from '../base/issue.ts'
import type { YamlMap } from '../base/yaml-source.ts'
import { asMap, Fields } from '../base/fields.ts'
import { readCount, readDuration, readShare } from '../constitution/read-expression.ts'
import { readPolicy } from '../constitution/read-policy.ts'
import { SCOPE_KINDS } from '../protocol/action.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import { ASSET_CLASSES } from '../protocol/observation.ts'
import {
  MonitorId,
  MONITORS_MAX,
  SELECTORS,
  WATCH_NAMES,
  WATCHES,
  type EmergencyPolicy,
  type Monitor,
  type Selection,
  type Selector,
  type Watch,
} from '../protocol/emergency.ts'
import { readNames } from './read-names.ts'

const MONITOR_KEYS = ['id', 'title', 'why', 'watches', 'limit', 'window', 'only', 'except', 'state', 'scope']

/** What can be told apart in what a monitor is about. */
const SELECTABLE: Readonly<Record<(typeof WATCHES)[Watch]['about'], readonly Selector[]>> = {
  account: ['accounts'],
  instrument: ['instruments', 'assetClasses'],
  agent: ['agents'],
  actor: ['agents', 'strategies', 'accounts'],
}

const SECOND = 1_000
const HOUR = 3_600_000
/** Milliseconds: prices are kept an hour by the second, what agents did a day. */
const WINDOW_MAX = { 'price-move': HOUR, 'repeated-breaches': 24 * HOUR } as const
const HEARTBEAT_MAX = 24 * HOUR
/** More denials than a window can count. */
const COUNT_MAX = 10_000

export interface CheckedEmergency {
  /** Present when no issue is an error. */
  readonly policy: { readonly hash: string; readonly content: EmergencyPolicy } | undefined
  readonly issues: readonly Issue[]
}

/** Reads and checks the text of the file at `path`. */
export function checkEmergency(path: string, text: string): CheckedEmergency {
  const issues = new Issues()
  const monitors = readPolicy(path, text, 'monitors', readMonitor, issues)
  if (monitors !== undefined && monitors.length > MONITORS_MAX)
    issues.error({ file: path, line: 1, column: 1 }, `at most ${MONITORS_MAX} monitors are kept`)
  if (monitors === undefined || issues.failed) return { policy: undefined, issues: issues.list }
  const content: EmergencyPolicy = { schema: SCHEMA_VERSION, monitors: [...monitors] }
  return { policy: { hash: hashOfPolicy(content), content }, issues: issues.list }
}

/** SHA-256 of the policy's canonical JSON: the same however it is ordered, spaced or commented. */
export function hashOfPolicy(content: EmergencyPolicy): string {
  return digestOf(content)
}

function readMonitor(map: YamlMap, issues: Issues): Monitor | undefined {
  const fields = new Fields(map, 'a monitor', MONITOR_KEYS, issues)
  const id = fields.text('id', 'required')
  const title = fields.text('title', 'required')
  const why = fields.text('why', 'required')
  const watches = fields.choice('watches', WATCH_NAMES, 'required')
  const state = fields.choice('state', ['reducing', 'halted'], 'required')
  const scope = fields.choice('scope', SCOPE_KINDS, 'required')
  if (id !== undefined && !MonitorId.safeParse(id).success)
    issues.error(fields.placeOf('id'), `\`${id}\` is no id; write it as day-loss, in 64 characters at most`)
  fields.required('limit')
  if (watches === undefined) return undefined
  const { about, scopes } = WATCHES[watches]
  if (scope !== undefined && !scopes.some((allowed) => allowed === scope)) {
    issues.error(
      fields.placeOf('scope'),
      `\`${watches}\` is about one ${about === 'actor' ? 'agent, strategy or account' : about}, so it stops ${scopes.join(' or ')}, not \`${scope}\``,
    )
  }
  const limit = readLimit(fields, watches, issues)
  const window = readWindow(fields, watches, issues)
  const only = readSelection(fields, 'only', watches, issues)
  const except = readSelection(fields, 'except', watches, issues)
  if (except !== undefined && leavesNothing(only, except))
    issues.error(fields.placeOf('except'), '`except` leaves nothing to watch; take the monitor out instead')
  if (id === undefined || title === undefined || why === undefined || limit === undefined) return undefined
  if (state === undefined || scope === undefined) return undefined
  return {
    id,
    title,
    why,
    watches,
    limit,
    ...(window === undefined ? {} : { window }),
    ...(only === undefined ? {} : { only }),
    ...(except === undefined ? {} : { except }),
    state,
    scope,
  }
}

function readLimit(fields: Fields, watches: Watch, issues: Issues): number | undefined {
  const { unit } = WATCHES[watches]
  if (unit === 'ratio') return readShare(fields, 'limit', issues)
  const [limit, low, high] =
    unit === 'count'
      ? [readCount(fields, 'limit', issues), 1, COUNT_MAX]
      : [readDuration(fields, 'limit', issues), SECOND, HEARTBEAT_MAX]
  return within(fields, 'limit', limit, low, high, issues)
}

function readWindow(fields: Fields, watches: Watch, issues: Issues): number | undefined {
  if (watches !== 'price-move' && watches !== 'repeated-breaches') {
    if (fields.has('window')) issues.error(fields.placeOf('window'), `\`window\` says nothing of ${watches}`)
    return undefined
  }
  fields.required('window')
  return within(fields, 'window', readDuration(fields, 'window', issues), SECOND, WINDOW_MAX[watches], issues)
}

function within(
  fields: Fields,
  key: string,
  value: number | undefined,
  low: number,
  high: number,
  issues: Issues,
): number | undefined {
  if (value === undefined || (Number.isInteger(value) && value >= low && value <= high)) return value
  const isTime = low === SECOND
  const range = isTime ? `1s to ${high / HOUR}h` : `${low} to ${high}`
  issues.error(fields.placeOf(key), `\`${key}\` lies within ${range}`)
  return undefined
}

function readSelection(
  fields: Fields,
  key: 'only' | 'except',
  watches: Watch,
  issues: Issues,
): Selection | undefined {
  const node = fields.node(key)
  const map = node && asMap(node, `\`${key}\``, issues)
  if (map === undefined) return undefined
  const selectable = SELECTABLE[WATCHES[watches].about]
  const listed = new Fields(map, `\`${key}\``, SELECTORS, issues)
  const selection: { -readonly [S in Selector]?: string[] } = {}
  for (const selector of SELECTORS) {
    if (!listed.has(selector)) continue
    if (!selectable.includes(selector)) {
      issues.error(
        listed.placeOf(selector),
        `\`${watches}\` is not told apart by ${selector}; by ${selectable.join(', ')}`,
      )
    }
    selection[selector] = readNames(listed, selector, issues)
  }
  if (map.entries.size === 0) issues.error(map.place, `\`${key}\` names nothing; leave it out for all`)
  // The asset classes were held against their list above.
  return selection as Selection
}

/** Whether nothing that `only` lists, or that there can be, is left. */
function leavesNothing(only: Selection | undefined, except: Selection): boolean {
  const isExcept = (selector: Selector, name: string): boolean =>
    except[selector]?.some((each) => each === name) === true
  if (ASSET_CLASSES.every((name) => isExcept('assetClasses', name))) return true
  return (
    only !== undefined &&
    SELECTORS.every((selector) => only[selector]?.every((name) => isExcept(selector, name)) ?? true)
  )
}
