/** The shipped policies, with an emergency policy that lets reductions be set aside. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { POLICIES } from './sidecar.ts'

/** A directory with them, gone with the process, where `change` may write its emergency policy otherwise. */
export function allottingPolicies(change: (yaml: string) => string = (yaml) => yaml): string {
  const directory = mkdtempSync(join(tmpdir(), 'ephor-allotting-'))
  cpSync(POLICIES, directory, { recursive: true })
  const path = join(directory, 'emergency.yaml')
  const yaml = `${readFileSync(path, 'utf8')}\nallotments: { life: 4h, perAgent: 3 }\n`
  writeFileSync(path, change(yaml))
  process.once('exit', () => {
    rmSync(directory, { recursive: true, force: true })
  })
  return directory
}

export const ALLOTTING = allottingPolicies()
