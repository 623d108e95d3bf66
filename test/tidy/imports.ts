/** Reads the imports of the source and holds them against the table of who may import whom. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'

/** Each folder of `src/` with the folders, or single files, that it may import, besides itself. */
export const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: [],
  protocol: ['base'],
  constitution: ['base', 'protocol'],
  consensus: ['base', 'protocol'],
  journal: ['base', 'protocol'],
  permit: ['base', 'protocol'],
  cluster: ['base', 'protocol'],
  client: ['base', 'protocol', 'permit', 'consensus/verify-certificate.ts', 'consensus/vote.ts'],
  optimizer: ['base', 'protocol', 'constitution'],
  ledger: ['base', 'protocol', 'constitution'],
  engine: ['base', 'protocol', 'constitution', 'consensus', 'ledger', 'optimizer'],
  sidecar: [
    'base',
    'protocol',
    'constitution',
    'consensus',
    'optimizer',
    'ledger',
    'engine',
    'journal',
    'permit',
    'cluster/cluster.ts',
    'cluster/board.ts',
  ],
  server: ['base', 'protocol', 'journal', 'sidecar'],
  cli: [
    'base',
    'protocol',
    'constitution',
    'consensus',
    'optimizer',
    'ledger',
    'engine',
    'journal',
    'permit',
    'cluster/cluster.ts',
    'sidecar',
    'client',
  ],
  'index.ts': [
    'base',
    'protocol',
    'constitution',
    'consensus',
    'optimizer',
    'ledger',
    'engine',
    'journal',
    'sidecar',
    'server',
    'main.ts',
  ],
  'main.ts': [
    'base',
    'protocol',
    'constitution',
    'ledger',
    'engine',
    'journal',
    'permit',
    'cluster',
    'sidecar',
    'server',
  ],
}

/** Only these may import `main.ts`, the place where real things are wired. */
const MAIN_IMPORTERS = ['cli/serve.ts', 'cli/demo.ts', 'cli/archive.ts', 'index.ts']

/** Packages that are named in one folder only. */
const CONFINED: Readonly<Record<string, string>> = {
  fastify: 'server',
  '@fastify/swagger': 'server',
  '@fastify/rate-limit': 'server',
  ioredis: 'cluster',
  cockatiel: 'cluster',
}

/** TensorFlow is named here only, and only the command line asks for what is here: what decides runs without either. */
const TRAINING = 'optimizer/train/'

/** Folders that decide: no clock, no chance, no waiting. */
const PURE = ['constitution', 'consensus', 'ledger', 'engine', 'optimizer']
const IMPURE: readonly (readonly [RegExp, string])[] = [
  [/\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/, 'reads a clock'],
  [/\bMath\.random\(|\brandomBytes\(|\brandomUUID\(/, 'draws a random number'],
  [/\bawait\b|\basync\b|\bsetTimeout\(|\bsetImmediate\(/, 'waits'],
  [/from 'node:(?:fs|net|http|child_process)/, 'does input or output'],
]
/** The second evaluator runs on a library that waits; it judges after the fact and decides nothing. */
const MAY_WAIT = ['constitution/reference.ts']

export interface SourceFile {
  /** Relative to `src/`. */
  readonly path: string
  readonly text: string
}

/** All sources below `root`, tests aside. */
export function readSources(root: string): SourceFile[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
    .map((entry) => {
      const path = join(entry.parentPath, entry.name)
      return { path: relative(root, path), text: readFileSync(path, 'utf8') }
    })
}

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\b[^'"`;]*?from\s+'([^']+)'|\bimport\(\s*'([^']+)'\s*\)|(?:^|\n)\s*import\s+'([^']+)'/g

/** Each import of `text`, as written. */
export function importsOf(text: string): string[] {
  return [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3] ?? '')
}

/** Every way in which `files` break the table. */
export function violations(files: readonly SourceFile[]): string[] {
  return files.flatMap((file) => [...importViolations(file), ...purityViolations(file)])
}

function folderOf(path: string): string {
  return path.split('/')[0] ?? ''
}

function importViolations({ path, text }: SourceFile): string[] {
  const folder = folderOf(path)
  const allowed = MAY_IMPORT[folder]
  if (allowed === undefined) return [`${path}: the folder \`${folder}\` is not in the table`]
  const found: string[] = []
  for (const specifier of importsOf(text)) {
    if (!specifier.startsWith('.')) {
      const home = CONFINED[specifier]
      if (home !== undefined && folder !== home)
        found.push(`${path}: \`${specifier}\` is named only under ${home}/`)
      if (specifier.startsWith('@tensorflow/') && !path.startsWith(TRAINING))
        found.push(`${path}: \`${specifier}\` is named only under ${TRAINING}`)
      continue
    }
    const target = relative('/src', resolve('/src', dirname(path), specifier))
    const other = folderOf(target)
    if (target.startsWith(TRAINING) && !path.startsWith(TRAINING) && folder !== 'cli')
      found.push(`${path}: only the command line may import ${TRAINING}`)
    else if (target === 'main.ts' && !MAIN_IMPORTERS.includes(path))
      found.push(`${path}: only ${MAIN_IMPORTERS.join(', ')} may import main.ts`)
    else if (
      target !== 'main.ts' &&
      other !== folder &&
      !allowed.includes(other) &&
      !allowed.includes(target)
    )
      found.push(`${path}: ${folder} may not import ${other} (\`${specifier}\`)`)
  }
  return found
}

function purityViolations({ path, text }: SourceFile): string[] {
  if (!PURE.includes(folderOf(path)) || path.startsWith(TRAINING)) return []
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '')
  return IMPURE.filter(
    ([pattern, what]) => pattern.test(code) && !(what === 'waits' && MAY_WAIT.includes(path)),
  ).map(([, what]) => `${path}: ${what}`)
}
