/** A small law for sidecars in chaos: an account may hold so many lots, open ones included, and not one more. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { emergencyText } from '../support/policy.ts'
import { FACTS, HALTED, longLimit } from '../support/small-law.ts'

/** Lots that may be held and open together. Small, so that agents run into it all the time. */
export const LOTS_MAX = 60

/** Policies have one monitor at least; this one has nothing to see. */
const MONITOR = { id: 'day-loss', watches: 'daily-loss', limit: '90%', state: 'reducing', scope: 'account' }

/** Directories of the law and of policies, as arguments of `ephor serve`, below one directory to remove. */
export function writeLaw(): { readonly directory: string; readonly args: readonly string[] } {
  const directory = mkdtempSync(join(tmpdir(), 'ephor-law-'))
  const [constitution, policies] = [join(directory, 'constitution'), join(directory, 'policies')]
  for (const each of [constitution, join(constitution, 'rules'), policies]) mkdirSync(each)
  const manifest = { name: 'chaos', version: '1.0.0', effectiveFrom: '2026-01-01T00:00:00Z', currency: 'USD' }
  writeFileSync(join(constitution, 'constitution.yaml'), JSON.stringify(manifest))
  writeFileSync(join(constitution, 'facts.yaml'), JSON.stringify(FACTS))
  writeFileSync(
    join(constitution, 'rules', 'all.yaml'),
    JSON.stringify({ rules: [HALTED, longLimit(LOTS_MAX)] }),
  )
  writeFileSync(join(policies, 'emergency.yaml'), emergencyText(MONITOR))
  return { directory, args: ['--constitution', constitution, '--policies', policies] }
}
