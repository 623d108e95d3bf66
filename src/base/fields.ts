/** Takes the fields of a YAML map one by one, so that each unknown, missing or mistyped key is named where it stands. */
import { didYouMean, nearest, type Issues, type Place } from './issue.ts'
import type { YamlMap, YamlNode, YamlScalar } from './yaml-source.ts'

export class Fields {
  readonly place: Place
  readonly #map: YamlMap
  readonly #issues: Issues
  readonly #what: string
  /** For each unknown key the known one that it may be a slip of; nothing where it is like none. */
  readonly #slips: readonly (string | undefined)[]

  /** Reports every key of `map` that is not among `known`. `what` names the map in messages: `a rule`. */
  constructor(map: YamlMap, what: string, known: readonly string[], issues: Issues) {
    this.place = map.place
    this.#map = map
    this.#issues = issues
    this.#what = what
    this.#slips = checkKeys(map, what, known, issues)
  }

  /** Whether the complaint about an unknown key says already that one of `keys` was meant: one mistake is named once. */
  isMisspelt(...keys: readonly string[]): boolean {
    return this.#slips.some((slip) => slip !== undefined && keys.includes(slip))
  }

  /** Whether there is an unknown key like no other, in the place of which any key may have been meant. */
  get hasStranger(): boolean {
    return this.#slips.includes(undefined)
  }

  has(key: string): boolean {
    return this.#map.entries.has(key)
  }

  placeOf(key: string): Place {
    return this.#map.entries.get(key)?.place ?? this.place
  }

  node(key: string): YamlNode | undefined {
    return this.#map.entries.get(key)?.value
  }

  /** Whether a list of nothing stands under `key`. */
  isEmpty(key: string): boolean {
    const node = this.node(key)
    return node?.kind === 'list' && node.items.length === 0
  }

  /** What stands under `key`, or a complaint that it is missing. */
  required(key: string): YamlNode | undefined {
    const node = this.node(key)
    if (node === undefined) this.#missing(key)
    return node
  }

  /** The text under `key`; a number or boolean there is taken as it was written only where `loose`. */
  text(key: string, need: 'required' | 'optional'): string | undefined {
    const scalar = this.scalar(key, need)
    if (scalar === undefined) return undefined
    if (typeof scalar.value === 'string' && scalar.value.trim() !== '') return scalar.value
    this.#issues.error(scalar.place, `\`${key}\` is a text`)
    return undefined
  }

  flag(key: string): boolean | undefined {
    const scalar = this.scalar(key, 'optional')
    if (scalar === undefined) return undefined
    if (typeof scalar.value === 'boolean') return scalar.value
    this.#issues.error(scalar.place, `\`${key}\` is true or false`)
    return undefined
  }

  /** One of `values`. */
  choice<T extends string>(key: string, values: readonly T[], need: 'required' | 'optional'): T | undefined {
    const scalar = this.scalar(key, need)
    if (scalar === undefined) return undefined
    return choiceOf(scalar, key, values, this.#issues)
  }

  /** A list of texts, or nothing. */
  texts(key: string, need: 'required' | 'optional'): readonly YamlScalar[] | undefined {
    const node = need === 'required' ? this.required(key) : this.node(key)
    if (node === undefined) return undefined
    if (node.kind !== 'list') {
      this.#issues.error(node.place, `\`${key}\` is a list`)
      return undefined
    }
    const texts: YamlScalar[] = []
    for (const item of node.items) {
      if (item.kind === 'scalar' && typeof item.value === 'string') texts.push(item)
      else this.#issues.error(item.place, `\`${key}\` is a list of texts`)
    }
    return texts
  }

  scalar(key: string, need: 'required' | 'optional'): YamlScalar | undefined {
    const node = need === 'required' ? this.required(key) : this.node(key)
    if (node === undefined) return undefined
    if (node.kind === 'scalar') return node
    this.#issues.error(node.place, `\`${key}\` is a single value`)
    return undefined
  }

  #missing(key: string): void {
    if (!this.isMisspelt(key)) this.#issues.error(this.place, `${this.#what} needs \`${key}\``)
  }
}

/** Reports every key of `map` that is not among `known`; answers for each the known one that it may be a slip of. */
export function checkKeys(
  map: YamlMap,
  what: string,
  known: readonly string[],
  issues: Issues,
): (string | undefined)[] {
  const slips: (string | undefined)[] = []
  for (const { key, place } of map.entries.values()) {
    if (known.includes(key)) continue
    const slip = nearest(key, known)
    slips.push(slip)
    const fix = slip === undefined ? `; one of ${known.join(', ')}` : `; did you mean \`${slip}\`?`
    issues.error(place, `unknown key \`${key}\` in ${what}${fix}`)
  }
  return slips
}

/** The value of `scalar` if it is one of `values`; otherwise reports it with the nearest of them. */
export function choiceOf<T extends string>(
  scalar: YamlScalar,
  key: string,
  values: readonly T[],
  issues: Issues,
): T | undefined {
  const found = values.find((value) => value === scalar.value)
  if (found === undefined) {
    issues.error(
      scalar.place,
      `\`${scalar.value}\` is no value of \`${key}\`; one of ${values.join(', ')}${didYouMean(String(scalar.value), values)}`,
    )
  }
  return found
}

/** `node` as a map, or a complaint that `what` must be one. */
export function asMap(node: YamlNode, what: string, issues: Issues): YamlMap | undefined {
  if (node.kind === 'map') return node
  issues.error(node.place, `${what} is a map of keys and values`)
  return undefined
}
