/** Reads expressions and durations out of YAML, with each mistake at its own character. */
import type { Issues } from '../base/issue.ts'
import type { YamlScalar } from '../base/yaml-source.ts'
import { parseExpression, type Expression } from './expression.ts'
import { ExpressionError } from './tokens.ts'
import type { Fields } from '../base/fields.ts'

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
  const node = fields.scalar(key, 'optional')
  if (node === undefined) return undefined
  const expression = typeof node.value === 'string' ? readExpression(node, issues) : undefined
  if (typeof node.value === 'string' && expression === undefined) return undefined
  const isDuration =
    expression?.kind === 'number' &&
    typeof expression.unit === 'object' &&
    'duration' in expression.unit &&
    expression.unit.duration === 1
  if (isDuration) return expression.value
  issues.error(node.place, `\`${node.value}\` is no duration such as 500ms, 2s, 5min, 24h or 2d`)
  return undefined
}
