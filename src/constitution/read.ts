/** The first stage: files become facts, rules and tables whose every part knows its place. */
import type { Json } from '../base/canonical-json.ts'
import { instantOf } from '../base/instant.ts'
import type { Issues } from '../base/issue.ts'
import { readYaml, yamlToJson, type YamlNode } from '../base/yaml-source.ts'
import type { Draft, Files, ReadRule } from './draft.ts'
import { asMap, Fields } from '../base/fields.ts'
import { readFacts } from './read-facts.ts'
import { readRules } from './read-rules.ts'
import { readTable, type Table } from './table.ts'

/** Reads a constitution's files (cases aside). Answers `undefined` after reporting to `issues` when a part is missing. */
export function readConstitution(files: Files, issues: Issues): Draft | undefined {
  for (const path of files.keys()) checkPath(path, issues)
  const manifestNode = readFile(files, 'constitution.yaml', issues)
  const factsNode = readFile(files, 'facts.yaml', issues)
  const manifest = manifestNode && readManifest(manifestNode, issues)
  const vocabulary = factsNode && readFacts(factsNode, issues)
  const rules = new Map<string, ReadRule>()
  const plainRules = new Map<string, Json>()
  const tables = new Map<string, Table>()
  for (const [path, text] of files) {
    if (/^rules\/[^/]+\.yaml$/.test(path)) {
      const node = readYaml(path, text, issues)
      if (node !== undefined) readRules(path, node, rules, plainRules, issues)
    } else if (/^tables\/[^/]+\.csv$/.test(path)) {
      const name = path.slice('tables/'.length, -'.csv'.length)
      const table = readTable(name, path, text, issues)
      if (table !== undefined) tables.set(name, table)
    }
  }
  if (manifest === undefined || vocabulary === undefined || issues.failed) return undefined
  if (rules.size === 0) {
    issues.error(
      { file: 'constitution.yaml', line: 1, column: 1 },
      'there is no rule in `rules/`; a constitution without rules would allow everything',
    )
    return undefined
  }
  const byId = [...rules.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1))
  return {
    ...manifest.value,
    ...vocabulary.value,
    rules: byId,
    tables: new Map([...tables].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    plain: { manifest: manifest.plain, facts: vocabulary.plain, rules: plainRules },
  }
}

function readFile(files: Files, path: string, issues: Issues): YamlNode | undefined {
  const text = files.get(path)
  if (text !== undefined) return readYaml(path, text, issues)
  issues.error({ file: path, line: 1, column: 1 }, 'this file is missing')
  return undefined
}

/** A rule in a file that is not read would silently not hold, so every file must be one that is. */
function checkPath(path: string, issues: Issues): void {
  const known =
    path === 'constitution.yaml' ||
    path === 'facts.yaml' ||
    /^rules\/[^/]+\.yaml$/.test(path) ||
    /^tables\/[^/]+\.csv$/.test(path) ||
    /^cases\/(?:worlds\/)?[^/]+\.yaml$/.test(path) ||
    path.endsWith('.md')
  if (known) return
  const renamed = path.replace(/\.yml$/, '.yaml')
  const fix = renamed === path ? 'move it out of the constitution' : `rename it to \`${renamed}\``
  issues.error({ file: path, line: 1, column: 1 }, `this file would not be read; ${fix}`)
}

const MANIFEST_KEYS = ['name', 'version', 'effectiveFrom', 'currency']

function readManifest(node: YamlNode, issues: Issues) {
  const map = asMap(node, 'constitution.yaml', issues)
  if (map === undefined) return undefined
  const fields = new Fields(map, 'constitution.yaml', MANIFEST_KEYS, issues)
  const name = fields.text('name', 'required')
  const version = fields.text('version', 'required')
  const effectiveFrom = fields.text('effectiveFrom', 'required')
  const currency = fields.text('currency', 'required')
  if (name === undefined || version === undefined || effectiveFrom === undefined || currency === undefined)
    return undefined
  if (!/^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/.test(version)) {
    issues.error(
      fields.node('version')?.place ?? fields.place,
      `\`${version}\` is no semantic version such as 1.0.0`,
    )
  }
  if (instantOf(effectiveFrom) === undefined) {
    issues.slip(
      fields.node('effectiveFrom')?.place ?? fields.place,
      `\`${effectiveFrom}\` is no time such as 2026-12-01T00:00:00Z; write \`Z\` or an offset such as +01:00, and a day that there is`,
    )
  }
  if (!/^[A-Z][A-Z0-9]{2,7}$/.test(currency)) {
    issues.error(fields.node('currency')?.place ?? fields.place, `\`${currency}\` is no currency such as USD`)
  }
  return { value: { name, version, effectiveFrom, currency }, plain: yamlToJson(map) }
}
