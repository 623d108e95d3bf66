/** The shipped policies, with an emergency policy that lets reductions be set aside. */
import { appendFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { POLICIES } from './sidecar.ts'

export const ALLOTTING = mkdtempSync(join(tmpdir(), 'ephor-allotting-'))
cpSync(POLICIES, ALLOTTING, { recursive: true })
appendFileSync(join(ALLOTTING, 'emergency.yaml'), '\nallotments: { life: 4h, perAgent: 3 }\n')
process.once('exit', () => {
  rmSync(ALLOTTING, { recursive: true, force: true })
})
