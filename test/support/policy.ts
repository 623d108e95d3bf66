/** Emergency policies written inside a test, and the shipped one with less in it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { formatIssue } from '../../src/base/issue.ts'
import { checkEmergency } from '../../src/engine/read-emergency.ts'
import type { Input } from '../../src/engine/step.ts'
import { POLICIES } from './sidecar.ts'

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

const made: string[] = []
process.once('exit', () => {
  for (const directory of made) rmSync(directory, { recursive: true, force: true })
})

/** A directory of policies with `text` for its emergency policy. */
export function policyDirectory(text: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'ephor-policies-'))
  made.push(directory)
  writeFileSync(join(directory, 'emergency.yaml'), text)
  return directory
}

/** The shipped policies but for one monitor, for what is told by other means. */
export function policiesWithout(id: string): string {
  const shipped = readFileSync(join(POLICIES, 'emergency.yaml'), 'utf8')
  const blocks = shipped.split(/\n(?= {2}- id: )/)
  const kept = blocks.filter((block) => !block.startsWith(`  - id: ${id}\n`))
  if (kept.length !== blocks.length - 1) throw new Error(`there is no monitor ${id}`)
  return policyDirectory(kept.join('\n'))
}

/** The shipped policies, but that people alone decide on another constitution and other policies. */
export function policiesWithoutActivation(): string {
  const shipped = readFileSync(join(POLICIES, 'consensus.yaml'), 'utf8')
  const cut = shipped.replace(/\n {2}constitution-activation:\n(?: {4}.*\n|\n)+/, '\n')
  if (cut === shipped) throw new Error('there is no policy constitution-activation')
  const directory = policyDirectory(readFileSync(join(POLICIES, 'emergency.yaml'), 'utf8'))
  writeFileSync(join(directory, 'consensus.yaml'), cut)
  return directory
}
