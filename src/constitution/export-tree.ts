/** Calculations as plain JSON trees, and the names that they get as facts of json-rules-engine. */
import type { Expression } from './expression.ts'

/** What a calculation applies; the words and signs of the constitution's own language. */
export type Operation =
  | 'not'
  | 'and'
  | 'or'
  | '<'
  | '<='
  | '>'
  | '>='
  | '=='
  | '!='
  | '+'
  | '-'
  | '*'
  | '/'
  | 'abs'
  | 'min'
  | 'max'
  | 'if'
  | 'multiple'

/**
 * A calculation: a number (durations in milliseconds, 3% as 0.03), a condition's constant, a text, the value of a fact, or an
 * operation on such. It computes with exact fractions, in which a number is the shortest decimal that prints it.
 */
export type Tree =
  | number
  | boolean
  | { readonly text: string }
  | { readonly fact: string }
  | { readonly apply: Operation; readonly to: readonly Tree[] }

/** The tree of `expression`: units are checked and places are known by now, so neither is kept. */
export function treeOf(expression: Expression): Tree {
  switch (expression.kind) {
    case 'number':
    case 'boolean':
      return expression.value
    case 'text':
      return { text: expression.value }
    case 'fact':
      return { fact: expression.name }
    case 'not':
      return { apply: 'not', to: [treeOf(expression.of)] }
    case 'and':
    case 'or':
      return { apply: expression.kind, to: expression.of.map(treeOf) }
    case 'compare':
    case 'arithmetic':
      return { apply: expression.operator, to: [treeOf(expression.left), treeOf(expression.right)] }
    case 'equal':
      return {
        apply: expression.negated ? '!=' : '==',
        to: [treeOf(expression.left), treeOf(expression.right)],
      }
    case 'in': {
      const left = treeOf(expression.left)
      return { apply: 'or', to: expression.values.map((text) => ({ apply: '==', to: [left, { text }] })) }
    }
    case 'call':
      return { apply: expression.name, to: expression.of.map(treeOf) }
  }
}

const WORDS: ReadonlySet<Operation> = new Set(['abs', 'min', 'max', 'if', 'multiple', 'not'])

/** The tree as text with every bracket written, so that two trees have one text only when they are the same. */
export function printTree(tree: Tree): string {
  if (typeof tree === 'number' || typeof tree === 'boolean') return String(tree)
  if ('text' in tree) return JSON.stringify(tree.text)
  if ('fact' in tree) return tree.fact
  const parts = tree.to.map(printTree)
  return WORDS.has(tree.apply) ? `${tree.apply}(${parts.join(', ')})` : `(${parts.join(` ${tree.apply} `)})`
}

/** The facts that `tree` reads itself. */
export function factsOfTree(tree: Tree): string[] {
  if (typeof tree !== 'object' || 'text' in tree) return []
  return 'fact' in tree ? [tree.fact] : tree.to.flatMap(factsOfTree)
}
