/** Says in words what does not fit a schema, and where. */
import type { z } from 'zod'
import { didYouMean } from '../base/issue.ts'

const ISSUES_MAX = 10

/** `/action/quantity: expected …`, one after another. */
export function describeIssues(error: z.ZodError): string {
  const lines = error.issues.slice(0, ISSUES_MAX).map((issue) => `${pointer(issue.path)}: ${describe(issue)}`)
  return lines.join('; ')
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
  if (issue.code === 'invalid_union' && 'discriminator' in issue)
    return `\`${String(issue.discriminator)}\` is none that is known`
  return issue.message
}
