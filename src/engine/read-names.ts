/** Reads which accounts, instruments or others a policy is about: what its `only` and `except` list. */
import { choiceOf, type Fields } from '../base/fields.ts'
import type { Issues } from '../base/issue.ts'
import { Name } from '../protocol/common.ts'
import { NAMES_MAX } from '../protocol/emergency.ts'
import { ASSET_CLASSES } from '../protocol/observation.ts'

/** The names that `selector` lists, each once and in order. Asset classes are held against their list. */
export function readNames(listed: Fields, selector: string, issues: Issues): string[] {
  const names = listed.texts(selector, 'required') ?? []
  if (listed.isEmpty(selector) || names.length > NAMES_MAX)
    issues.error(listed.placeOf(selector), `\`${selector}\` lists 1 to ${NAMES_MAX} names`)
  for (const name of names) {
    if (selector === 'assetClasses') choiceOf(name, selector, ASSET_CLASSES, issues)
    else if (!Name.safeParse(name.value).success)
      issues.error(name.place, `\`${name.value}\` is no name of ${selector}`)
  }
  return [...new Set(names.map(({ value }) => String(value)))].toSorted()
}
