/** Cases: examples beside a constitution that must hold. Reads them, judges them, and says which rules they never try. */
import { z } from 'zod'
import { EphorError } from '../base/errors.ts'
import { instantOf } from '../base/instant.ts'
import { didYouMean, Issues, type Issue, type Place } from '../base/issue.ts'
import { placeOf, readYaml, yamlToJson, type YamlNode } from '../base/yaml-source.ts'
import type { Program } from '../constitution/compile.ts'
import { parseExpression } from '../constitution/expression.ts'
import type { Files } from '../constitution/draft.ts'
import { Action } from '../protocol/action.ts'
import { describeIssues, listIssues } from '../protocol/issues.ts'
import { Coverage } from './coverage.ts'
import { judgeWhole, reasonsBeside, type Judged } from './judgement.ts'
import { buildWorld, withAgent } from './world.ts'

const Loose = z.record(z.string(), z.unknown())
const Codes = z.array(z.string())
const World = z.strictObject({
  now: z.union([z.string(), z.number()]),
  observations: z.array(Loose),
  facts: Loose.default({}),
  action: Loose.optional(),
})
const Case = z.strictObject({
  note: z.string().min(1),
  now: z.union([z.string(), z.number()]).optional(),
  with: z.array(Loose).default([]),
  without: z.array(Loose).default([]),
  add: z.array(Loose).default([]),
  facts: Loose.default({}),
  action: Loose.default({}),
  expect: z.strictObject({
    verdict: z.enum(['allow', 'deny', 'pending']),
    codes: Codes.default([]),
    unknown: Codes.default([]),
    granted: Codes.default([]),
    raise: z.strictObject({ state: z.string(), scope: z.string() }).optional(),
  }),
})
const CaseFile = z.strictObject({
  about: Codes.min(1),
  world: z.string(),
  base: Loose.optional(),
  facts: Loose.default({}),
  cases: z.array(Case).min(1),
})

type World = z.infer<typeof World>
type Case = z.infer<typeof Case>
type CaseFile = z.infer<typeof CaseFile>

export interface CaseResult {
  readonly place: Place
  readonly note: string
  /** What did not come out as expected; empty when the case holds. */
  readonly failures: readonly string[]
}

export interface CasesReport {
  readonly results: readonly CaseResult[]
  /** Files that could not be read, and rules that no case tries. */
  readonly issues: readonly Issue[]
}

/** Runs every case among `files` against the compiled constitution. */
export function runCases(files: Files, program: Program): CasesReport {
  const steps = caseSteps(files, program)
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
  }
}

/** The same a file and a case at a time, for whoever has other things to do meanwhile. */
export function* caseSteps(files: Files, program: Program): Generator<undefined, CasesReport> {
  const issues = new Issues()
  const coverage = new Coverage(program)
  const worlds = new Map<string, World>()
  for (const [path, text] of files) {
    const name = /^cases\/worlds\/([^/]+)\.yaml$/.exec(path)?.[1]
    const world = name === undefined ? undefined : readAs(path, text, World, issues)
    if (name !== undefined && world !== undefined) worlds.set(name, world.value)
    yield
  }
  const results: CaseResult[] = []
  for (const [path, text] of files) {
    if (!/^cases\/[^/]+\.yaml$/.test(path)) continue
    const file = readAs(path, text, CaseFile, issues)
    if (file === undefined) continue
    const place = (at?: YamlNode): Place => at?.place ?? file.node.place
    const known = new Set(program.constitution.rules.map((rule) => rule.code))
    for (const code of file.value.about)
      if (!known.has(code))
        issues.error(place(), `no rule has the code \`${code}\`${didYouMean(code, known)}`)
    const world = worlds.get(file.value.world)
    if (world === undefined) {
      issues.error(
        place(),
        `there is no \`cases/worlds/${file.value.world}.yaml\`${didYouMean(file.value.world, worlds.keys())}`,
      )
      continue
    }
    const list = file.node.kind === 'map' ? file.node.entries.get('cases')?.value : undefined
    for (const [index, one] of file.value.cases.entries()) {
      const at = place(list?.kind === 'list' ? list.items[index] : undefined)
      for (const code of [...one.expect.codes, ...one.expect.unknown, ...one.expect.granted]) {
        if (!known.has(code)) issues.error(at, `no rule has the code \`${code}\`${didYouMean(code, known)}`)
      }
      results.push({
        place: at,
        note: one.note,
        failures: runCase(one, file.value, world, program, coverage),
      })
      yield
    }
  }
  return { results, issues: [...issues.list, ...coverage.warnings()] }
}

function readAs<T extends z.ZodType>(
  path: string,
  text: string,
  schema: T,
  issues: Issues,
): { node: YamlNode; value: z.infer<T> } | undefined {
  const node = readYaml(path, text, issues)
  if (node === undefined) return undefined
  const parsed = schema.safeParse(yamlToJson(node), { reportInput: true })
  if (parsed.success) return { node, value: parsed.data }
  for (const { path, message } of listIssues(parsed.error))
    issues.error(placeOf(node, path), `${path.map(String).join('.') || 'file'}: ${message}`)
  return undefined
}

function runCase(one: Case, file: CaseFile, world: World, program: Program, coverage: Coverage): string[] {
  let judged: Judged
  try {
    judged = judgeCase(one, file, world, program)
  } catch (error) {
    if (error instanceof EphorError) return [error.detail]
    throw error
  }
  coverage.add(judged)
  return compareOutcome(one, file, judged)
}

function judgeCase(one: Case, file: CaseFile, world: World, program: Program): Judged {
  const now = timeOf(one.now ?? world.now)
  const observations = applyWithout(applyWith(world.observations, one.with), one.without).concat(one.add)
  const facts = { ...world.facts, ...file.facts, ...one.facts }
  const values = Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [name, factValue(name, value, program)]),
  )
  const ledger = buildWorld(
    [...observations.map((observation) => withTimes(observation, now)), { kind: 'facts', facts: values }],
    program.constitution,
    now,
  )
  const { agent, action } = actionOf(file.base ?? world.action ?? {}, one.action)
  return judgeWhole({ ledger: withAgent(ledger, agent, action, now), program, now }, agent, action)
}

function timeOf(value: string | number): number {
  const time = typeof value === 'number' ? value : instantOf(value)
  if (time === undefined || Number.isNaN(time))
    throw new EphorError('BODY_INVALID', `\`${value}\` is no time such as 2026-12-01T15:00:00Z`)
  return time
}

const IDENTITY = ['kind', 'account', 'instrument', 'source', 'base', 'quote'] as const

/** `with` changes the one observation with the same identity; one that changes nothing is a mistake. */
function applyWith(
  observations: readonly Record<string, unknown>[],
  changes: readonly Record<string, unknown>[],
): Record<string, unknown>[] {
  let result = [...observations]
  for (const change of changes) {
    const same = (other: Record<string, unknown>): boolean =>
      IDENTITY.every((key) => change[key] === undefined || change[key] === other[key])
    const matched = result.filter(same)
    if (matched.length !== 1) {
      throw new EphorError(
        'BODY_INVALID',
        `\`with\` ${JSON.stringify(change)} matches ${matched.length} observations of the world; it must match one (\`add\` adds)`,
      )
    }
    result = result.map((other) => (same(other) ? { ...other, ...change } : other))
  }
  return result
}

function applyWithout(
  observations: readonly Record<string, unknown>[],
  removals: readonly Record<string, unknown>[],
): Record<string, unknown>[] {
  let result = [...observations]
  for (const removal of removals) {
    const left = result.filter(
      (other) => !Object.entries(removal).every(([key, value]) => other[key] === value),
    )
    if (left.length === result.length)
      throw new EphorError(
        'BODY_INVALID',
        `\`without\` ${JSON.stringify(removal)} matches nothing in the world`,
      )
    result = left
  }
  return result
}

/** Ages become times: `age: 300ms` is `at`, and so are a bar's `from: 5min` and `to: 0s`; a grant `lasts` from now. */
function withTimes(
  { age, lasts, ...observation }: Record<string, unknown>,
  now: number,
): Record<string, unknown> {
  const result: Record<string, unknown> = { ...observation }
  if (age !== undefined) result.at = now - durationOf(age)
  if (lasts !== undefined) result.until = now + durationOf(lasts)
  for (const key of ['from', 'to'])
    if (typeof result[key] === 'string') result[key] = now - durationOf(result[key])
  return result
}

function durationOf(value: unknown): number {
  if (value === 0) return 0
  try {
    const literal = parseExpression(String(value))
    if (
      literal.kind === 'number' &&
      (literal.unit === 'zero' || (typeof literal.unit === 'object' && 'duration' in literal.unit))
    )
      return literal.value
  } catch {
    // Named below, with the text.
  }
  throw new EphorError('BODY_INVALID', `\`${String(value)}\` is no duration such as 300ms or 5min`)
}

function factValue(name: string, value: unknown, program: Program): unknown {
  const type = program.constitution.facts.get(name)?.type
  const isDuration = type?.kind === 'number' && type.dimension.duration === 1
  return isDuration && typeof value === 'string' ? durationOf(value) : value
}

/** The base with the case's own fields over it; `absent` takes a field away, and another type keeps only the fields it has. */
function actionOf(
  base: Record<string, unknown>,
  change: Record<string, unknown>,
): { agent: string; action: Action } {
  const { agent, ...merged } = { ...base, ...change }
  const shape = Action.options.find((option) => option.shape.type.value === merged.type)?.shape ?? {}
  for (const [key, value] of Object.entries(change))
    if (value === 'absent' && !(key in shape))
      throw new EphorError('BODY_INVALID', `action: there is no \`${key}\` that could be absent`)
  const entries = Object.entries(merged).filter(
    ([key, value]) => value !== 'absent' && (key in shape || key in change),
  )
  const parsed = Action.safeParse(Object.fromEntries(entries))
  if (typeof agent !== 'string') throw new EphorError('BODY_INVALID', 'the action names no `agent`')
  if (!parsed.success) throw new EphorError('BODY_INVALID', `action: ${describeIssues(parsed.error)}`)
  return { agent, action: parsed.data }
}

/** All codes expected must be there; of the rules the file is about, no other may be. */
function compareOutcome({ expect }: Case, { about }: CaseFile, judged: Judged): string[] {
  const failures: string[] = []
  const found = (result: 'breach' | 'unknown'): string[] =>
    reasonsBeside(judged.reasons, judged.grants, [])
      .filter((reason) => reason.result === result)
      .map(({ code }) => code)
  const breached = found('breach')
  const unknown = found('unknown')
  if (judged.verdict !== expect.verdict) {
    const because = judged.reasons
      .map(({ code, result }) => (result === 'unknown' ? `${code} unknown` : code))
      .join(', ')
    failures.push(
      `expected ${expect.verdict}, got ${judged.verdict}${because === '' ? '' : ` because of ${because}`}`,
    )
  }
  for (const code of expect.codes) if (!breached.includes(code)) failures.push(`expected a breach of ${code}`)
  for (const code of expect.unknown)
    if (!unknown.includes(code)) failures.push(`expected ${code} to be unknown`)
  const granted = judged.reasons
    .filter(({ rule }) => judged.grants.some((use) => use.rule === rule))
    .map(({ code }) => code)
  for (const code of expect.granted)
    if (!granted.includes(code)) failures.push(`expected a grant to let a breach of ${code} through`)
  for (const code of granted)
    if (!expect.granted.includes(code))
      failures.push(`a grant let a breach of ${code} through, and none was expected to`)
  for (const code of about) {
    if (breached.includes(code) && !expect.codes.includes(code))
      failures.push(`${code} is breached and not expected to be`)
    if (unknown.includes(code) && !expect.unknown.includes(code))
      failures.push(`${code} is unknown and not expected to be`)
  }
  const { raise } = expect
  if (raise !== undefined) {
    const raised = judged.judgement.findings
      .notClear()
      .some(
        ({ rule, result }) =>
          result === 'breach' && rule.raise?.state === raise.state && rule.raise.scope === raise.scope,
      )
    if (!raised) failures.push(`expected ${raise.state} to be raised for the ${raise.scope}`)
  }
  return failures
}
