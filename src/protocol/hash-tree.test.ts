/** Of a hash tree each leaf leads to the root, and nothing else does. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { sha256 } from '../base/hash.ts'
import { leafOf, PATH, rootAbove, treeOf } from './hash-tree.ts'

test('a tree of three is made as the standard has it', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((text) => sha256(`\u0000${text}`)) as [string, string, string]
  const left = sha256(`\u0001${a}${b}`)
  expect(treeOf(['a', 'b', 'c'].map(leafOf))).toEqual({
    root: sha256(`\u0001${left}${c}`),
    paths: [`r${b}r${c}`, `l${a}r${c}`, `l${left}`],
  })
  expect(treeOf([a])).toEqual({ root: a, paths: [''] })
})

test('each leaf leads to the root by its own path, and no other text by any', () => {
  const texts = fc.uniqueArray(fc.string({ maxLength: 8 }), { minLength: 2, maxLength: 40 })
  fc.assert(
    fc.property(texts, fc.string({ maxLength: 200 }), (all, other) => {
      const { root, paths } = treeOf(all.map(leafOf))
      for (const [place, text] of all.entries()) {
        const path = paths[place] ?? ''
        expect(PATH.test(path)).toBe(true)
        expect(path.length / 65).toBeLessThanOrEqual(Math.ceil(Math.log2(all.length)))
        expect(rootAbove(leafOf(text), path)).toBe(root)
        if (!all.includes(other)) expect(rootAbove(leafOf(other), path)).not.toBe(root)
        const beside = paths[(place + 1) % all.length] ?? ''
        expect(rootAbove(leafOf(text), beside)).not.toBe(root)
      }
      // What stands above two leaves is no leaf, whatever text it is made of.
      const [first = '', second = ''] = all.map(leafOf)
      const [path = ''] = paths
      expect(rootAbove(leafOf(first + second), path.slice(65))).not.toBe(root)
      expect(rootAbove(leafOf(`\u0001${first}${second}`), path.slice(65))).not.toBe(root)
    }),
    { numRuns: 1_000 },
  )
})
