/** Constitutions for one test: a copy of the shipped one, edited. */
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

const made: string[] = []
afterAll(() => {
  for (const directory of made) rmSync(directory, { recursive: true, force: true })
})

/** A copy for one file of tests, edited; its cases are those of the original and are left out. */
export function copyOf(constitution: string, edit: (directory: string) => void): string {
  const directory = mkdtempSync(join(tmpdir(), 'ephor-incidents-'))
  made.push(directory)
  cpSync(constitution, directory, { recursive: true })
  rmSync(join(directory, 'cases'), { recursive: true, force: true })
  edit(directory)
  return directory
}

/** Replaces `what` in a file, which must be there. */
export function editFile(directory: string, file: string, what: string, by: string): void {
  const path = join(directory, file)
  const text = readFileSync(path, 'utf8')
  if (!text.includes(what)) throw new Error(`${file} does not say ${what}`)
  writeFileSync(path, text.replace(what, by))
}

/** Lets a rule speak without denying. */
export function shadow(directory: string, rule: string): void {
  const files = readdirSync(join(directory, 'rules')).map((name) => join('rules', name))
  const line = `- id: ${rule}\n`
  const holding = files.find((file) => readFileSync(join(directory, file), 'utf8').includes(line))
  editFile(directory, holding ?? 'no file', line, `${line}    mode: shadow\n`)
}
