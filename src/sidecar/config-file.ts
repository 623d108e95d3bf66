/** Reads a YAML file of the sidecar's directory; what does not fit is named with its line and field. */
import { readFileSync } from 'node:fs'
import type { z } from 'zod'
import { EphorError } from '../base/errors.ts'
import { Issues } from '../base/issue.ts'
import { placeOf, readYaml, yamlToJson } from '../base/yaml-source.ts'
import { listIssues } from '../protocol/issues.ts'

/** The value of the file at `path`. Throws `CONFIG_INVALID` with `file:line:column: field: message` for each thing that is wrong. */
export function readConfigFile<T extends z.ZodType>(path: string, schema: T): z.infer<T> {
  const issues = new Issues()
  const tree = readYaml(path, readText(path), issues)
  const result = tree && schema.safeParse(yamlToJson(tree))
  if (result?.success === true) return result.data
  if (tree !== undefined && result !== undefined) {
    for (const { path: field, message } of listIssues(result.error))
      issues.error(placeOf(tree, field), `${field.map(String).join('.') || 'file'}: ${message}`)
  }
  throw new EphorError(
    'CONFIG_INVALID',
    issues.list.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`).join('\n'),
  )
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new EphorError(
      'CONFIG_INVALID',
      `${path}: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}
