/** What the package exports: each door opens by its name, and the small ones bring nothing large with them. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { importsOf } from '../tidy/imports.ts'

const root = resolve(import.meta.dirname, '../..')
const source = join(root, 'src')

/** Everything that is loaded with a file: folders of `src/`, and packages. */
function loadedWith(entry: string): { folders: Set<string>; packages: Set<string> } {
  const seen = new Set<string>()
  const folders = new Set<string>()
  const packages = new Set<string>()
  const visit = (path: string): void => {
    if (seen.has(path)) return
    seen.add(path)
    folders.add(relative(source, path).split('/')[0] ?? '')
    for (const specifier of importsOf(readFileSync(path, 'utf8'))) {
      if (specifier.startsWith('.')) visit(resolve(dirname(path), specifier))
      else if (!specifier.startsWith('node:')) packages.add(specifier)
    }
  }
  visit(join(source, entry))
  return { folders, packages }
}

test.each([
  ['permit/index.ts', ['base', 'permit', 'protocol']],
  ['client/index.ts', ['base', 'client', 'consensus', 'permit', 'protocol']],
])('%s loads schemas and no server, no engine', (entry, wanted) => {
  const { folders, packages } = loadedWith(entry)
  expect([...folders].toSorted()).toEqual(wanted)
  expect([...packages].toSorted()).toEqual(['fastest-levenshtein', 'zod'])
})

test('what is loaded is seen at all', () => {
  const { folders, packages } = loadedWith('index.ts')
  for (const folder of ['server', 'engine']) expect(folders).toContain(folder)
  expect(packages).toContain('fastify')
})

test('nothing but the command line loads what trains, and that only when asked', () => {
  for (const entry of ['index.ts', 'main.ts']) {
    const { packages } = loadedWith(entry)
    expect([...packages].filter((name) => name.startsWith('@tensorflow/'))).toEqual([])
  }
  // An install without the optional packages runs every other command, so they are imported when a training begins.
  const sources = ['library.ts', 'ppo.ts'].map((name) =>
    readFileSync(join(source, 'optimizer/train', name), 'utf8'),
  )
  for (const text of sources) expect(text).not.toMatch(/^import (?!type)[^\n]*@tensorflow/m)
})

test.each([
  ['ephor/permit', ['permitSigner', 'verifyPermit', 'loadPermitKeys', 'jwksOf', 'EphorError']],
  ['ephor/client', ['createClient', 'guard', 'ClientError', 'idsFrom', 'verifyCertificate']],
])('%s is there by its name, with types', (name, exports) => {
  const script = `import * as it from '${name}'; process.stdout.write(JSON.stringify(Object.keys(it)))`
  const found = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { cwd: root })
  expect(JSON.parse(found.toString())).toEqual(expect.arrayContaining(exports))
  const { exports: doors } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, { types: string }>
  }
  const types = doors[name.replace('ephor', '.')]?.types ?? ''
  expect(readFileSync(join(root, types), 'utf8')).toContain(exports[0])
})
