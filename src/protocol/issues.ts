/** Says in words what does not fit a schema, and where. */
import type { z } from 'zod'
import { didYouMean } from '../base/issue.ts'

const ISSUES_MAX = 10

/** `/action/quantity: expected …`, one after another. */
export function describeIssues(error: z.ZodError): string {
  return issuesOf(error)
    .map((issue) => `${pointer(issue.path)}: ${describe(issue)}`)
    .join('; ')
}

/** The same one by one, each unknown key by itself, for a file in which every field has its place. */
export function listIssues(error: z.ZodError): { path: PropertyKey[]; message: string }[] {
  return issuesOf(error).flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ path: [...issue.path, key], message: 'unknown key' }))
      : [{ path: issue.path, message: describe(issue) }],
  )
}

function issuesOf(error: z.ZodError): z.core.$ZodIssue[] {
  return error.issues.flatMap((issue) => innermost(issue)).slice(0, ISSUES_MAX)
}

/** What a union says is only that none of its members fit; the member that came furthest says why. */
function innermost(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue]
  const [closest] = issue.errors.toSorted((a, b) => nearness(b) - nearness(a))
  if (closest === undefined || nearness(closest) === 0) return [issue]
  return closest.flatMap((inner) => innermost({ ...inner, path: [...issue.path, ...inner.path] }))
}

/** How far into a value a member of a union came: by depth; at one depth, another type than wanted is furthest off. */
function nearness(issues: readonly z.core.$ZodIssue[]): number {
  return Math.max(0, ...issues.map(({ path, code }) => 2 * path.length + (code === 'invalid_type' ? 0 : 1)))
}

function pointer(path: readonly PropertyKey[]): string {
  return path.length === 0 ? '/' : path.map((part) => `/${String(part)}`).join('')
}

function describe(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => `unknown key \`${key}\``).join(', ')
  if (issue.code === 'invalid_value') {
    const values = issue.values.map(String)
    return `expected one of ${values.join(', ')}${typeof issue.input === 'string' ? didYouMean(issue.input, values) : ''}`
  }
  if (issue.code === 'invalid_union' && 'options' in issue && Array.isArray(issue.options))
    return `expected one of ${issue.options.map(String).join(', ')}`
  return issue.message
}
