/** Reads expressions and durations out of YAML, with each mistake at its own character. */
import type { Issues } from '../base/issue.ts'
import type { YamlScalar } from '../base/yaml-source.ts'
import { parseExpression, type Expression, type LiteralUnit } from './expression.ts'
import { ExpressionError } from './tokens.ts'
import type { Fields } from '../base/fields.ts'
import { RATIO, sameDimension } from './units.ts'

/** Parses the expression in `node`; a mistake is reported at its own character. */
export function readExpression(node: YamlScalar, issues: Issues): Expression | undefined {
  const text = node.value === null ? '' : String(node.value)
  try {
    return parseExpression(text)
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error
    issues.error(node.placeAt(error.offset), error.message)
    return undefined
  }
}

/** The duration under `key` in milliseconds, if there is one. */
export function readDuration(fields: Fields, key: string, issues: Issues): number | undefined {
  const isDuration = (unit: LiteralUnit): boolean =>
    typeof unit === 'object' && 'duration' in unit && unit.duration === 1
  return readLiteral(fields, key, isDuration, 'no duration such as 500ms, 2s, 5min, 24h or 2d', issues)
}

/** The share of one under `key`, if there is one: at least 0, below 1. */
export function readShare(fields: Fields, key: string, issues: Issues): number | undefined {
  const isRatio = (unit: LiteralUnit, value: number): boolean =>
    value < 1 && (typeof unit === 'string' || (!('currency' in unit) && sameDimension(unit, RATIO)))
  return readLiteral(fields, key, isRatio, 'no share below one, such as 3% or 0.03', issues)
}

/** The count under `key`, if there is one: a whole number above 0. */
export function readCount(fields: Fields, key: string, issues: Issues): number | undefined {
  const isCount = (unit: LiteralUnit, value: number): boolean => unit === 'bare' && Number.isInteger(value)
  return readLiteral(fields, key, isCount, 'no count such as 100', issues)
}

/** The value of the literal under `key`, where `fits` takes its unit; else a complaint that it is `none` of what was wanted. */
function readLiteral(
  fields: Fields,
  key: string,
  fits: (unit: LiteralUnit, value: number) => boolean,
  none: string,
  issues: Issues,
): number | undefined {
  const node = fields.scalar(key, 'optional')
  if (node === undefined) return undefined
  const isText = typeof node.value === 'string' || typeof node.value === 'number'
  const expression = isText ? readExpression(node, issues) : undefined
  if (isText && expression === undefined) return undefined
  if (expression?.kind === 'number' && fits(expression.unit, expression.value)) return expression.value
  issues.error(node.place, `\`${node.value}\` is ${none}`)
  return undefined
}
