/** Emergency policies written inside a test. */
import { formatIssue } from '../../src/base/issue.ts'
import { checkEmergency } from '../../src/engine/read-emergency.ts'
import type { Input } from '../../src/engine/step.ts'

/** Puts in force the policy of `monitors`, each as a file would say it but for title and why. */
export function policyOf(...monitors: readonly object[]): Input & { kind: 'police' } {
  const text = emergencyText(...monitors)
  const { policy, issues } = checkEmergency('emergency.yaml', text)
  if (policy === undefined) throw new Error(issues.map((issue) => formatIssue(issue, () => text)).join('\n'))
  return { kind: 'police', ...policy, by: 'author' }
}

/** The file; JSON is YAML. */
export function emergencyText(...monitors: readonly object[]): string {
  return JSON.stringify({
    monitors: monitors.map((monitor) => ({ title: 'A monitor', why: 'For a test', ...monitor })),
  })
}
