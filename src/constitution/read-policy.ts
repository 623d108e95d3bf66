/** Reads a policy file: a map with one list of entries, each with an id of its own. What an entry says is its policy's own affair. */
import type { Issues } from '../base/issue.ts'
import { readYaml, type YamlMap } from '../base/yaml-source.ts'
import { asMap, Fields } from '../base/fields.ts'

/**
 * What `read` makes of each entry of the list under `key`, sorted by id. Answers `undefined` after reporting to `issues` when any part of the file
 * does not fit: a policy holds whole or not at all.
 */
export function readPolicy<T extends { readonly id: string }>(
  path: string,
  text: string,
  key: string,
  read: (entry: YamlMap, issues: Issues) => T | undefined,
  issues: Issues,
): readonly T[] | undefined {
  const node = readYaml(path, text, issues)
  const map = node && asMap(node, path, issues)
  if (map === undefined) return undefined
  const fields = new Fields(map, path, [key], issues)
  const list = fields.required(key)
  if (list?.kind !== 'list') {
    if (list !== undefined) issues.error(list.place, `\`${key}\` is a list`)
    return undefined
  }
  const entries = new Map<string, T>()
  for (const item of list.items) {
    const entry = asMap(item, `an entry of \`${key}\``, issues)
    const made = entry && read(entry, issues)
    if (made === undefined) continue
    if (entries.has(made.id)) issues.error(item.place, `the id \`${made.id}\` is taken`)
    entries.set(made.id, made)
  }
  if (list.items.length === 0) issues.error(list.place, `\`${key}\` lists nothing`)
  return issues.failed ? undefined : [...entries.values()].toSorted((a, b) => (a.id < b.id ? -1 : 1))
}
