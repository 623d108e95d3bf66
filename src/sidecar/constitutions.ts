/** Constitutions on disk: the directory that people edit, and the store of every text that was ever in force. */
import {
  closeSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join, relative } from 'node:path'
import { EphorError } from '../base/errors.ts'
import { sha256 } from '../base/hash.ts'
import { byPlace, formatIssue, type Issue } from '../base/issue.ts'
import { checkConstitution, filesOfCanonicalText } from '../constitution/check.ts'
import { compile, type Program } from '../constitution/compile.ts'
import type { Constitution } from '../constitution/model.ts'
import type { Files } from '../constitution/draft.ts'
import { checkLive, checkSupply } from '../ledger/measure.ts'

/** No constitution needs more; a directory with more is something else. */
const FILES_MAX = 2_000
const FILE_BYTES_MAX = 4_194_304

/** Deeper than `cases/worlds/`, with room for a directory that is a link. */
const DEPTH_MAX = 4

/** Reads every file of a constitution's directory, through links too. Throws when it is no directory or far too large. */
export function readFiles(directory: string): Files {
  const files = new Map<string, string>()
  const read = (folder: string, depth: number): void => {
    if (depth > DEPTH_MAX) throw new Error(`${folder} nests too deep to be part of a constitution`)
    for (const name of readdirSync(folder).toSorted()) {
      const path = join(folder, name)
      // A link is followed: a rule that is one must not silently be none.
      const status = statSync(path)
      if (status.isDirectory()) read(path, depth + 1)
      else if (!status.isFile()) throw new Error(`${path} is neither a file nor a directory`)
      else if (files.size >= FILES_MAX || status.size > FILE_BYTES_MAX)
        throw new Error(`${directory} is too large to be a constitution`)
      else files.set(relative(directory, path).replaceAll('\\', '/'), readFileSync(path, 'utf8'))
    }
  }
  read(directory, 0)
  return files
}

export interface Loaded {
  readonly files: Files
  readonly constitution: Constitution | undefined
  readonly issues: readonly Issue[]
}

/** Reads and checks a directory, language and supply of facts both. */
export function loadConstitution(directory: string): Loaded {
  const files = readFiles(directory)
  return { ...checkWhole(files), files }
}

/** So many texts that people go to and fro between. */
const CHECKED_MAX = 4
const checked: Loaded[] = []

/**
 * Holds the files against the language, and what passes against the facts that can be measured. The same files are checked once, so that they have the same
 * constitution: who says again what another said before does not wait for it.
 */
export function checkWhole(files: Files): Omit<Loaded, 'files'> {
  const known = checked.find((one) => areSame(one.files, files))
  if (known !== undefined) return known
  const found = { files: new Map(files), ...checkAnew(files) }
  checked.unshift(found)
  checked.length = Math.min(checked.length, CHECKED_MAX)
  return found
}

function areSame(some: Files, others: Files): boolean {
  if (some.size !== others.size) return false
  for (const [path, text] of some) if (others.get(path) !== text) return false
  return true
}

function checkAnew(files: Files): Omit<Loaded, 'files'> {
  const { constitution, issues } = checkConstitution(files)
  if (constitution === undefined) return { constitution, issues }
  const supply = checkSupply(constitution)
  if (supply.length > 0) return { constitution: undefined, issues: [...issues, ...supply] }
  return { constitution, issues: [...issues, ...checkLive(constitution)].toSorted(byPlace) }
}

/** All issues as text, each with the line it points at. */
export function formatIssues({ issues, files }: Pick<Loaded, 'issues' | 'files'>): string {
  return issues.map((issue) => formatIssue(issue, (file) => files.get(file))).join('\n')
}

/** Texts of constitutions by hash: what a decision's `constitution` stands for, for as long as the decision is kept. */
export class ConstitutionStore {
  readonly #directory: string
  readonly #programs = new Map<string, Program>()

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Keeps the text durably, under its hash; a second time does nothing. */
  keep(constitution: Constitution): Program {
    const known = this.#programs.get(constitution.hash)
    if (known !== undefined) return known
    const again = checkConstitution(filesOfCanonicalText(constitution.text), true).constitution
    if (again?.hash !== constitution.hash) {
      throw new EphorError(
        'CONSTITUTION_INVALID',
        'its canonical text does not read back as the same law, so it could not be judged by after a restart',
      )
    }
    const path = this.#path(constitution.hash)
    const partial = `${path}.partial`
    const file = openSync(partial, 'w', 0o600)
    try {
      // Whole, or it throws: a disk that is nearly full takes a part of one write.
      writeFileSync(file, constitution.text)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    renameSync(partial, path)
    const directory = openSync(this.#directory, 'r')
    fsyncSync(directory)
    closeSync(directory)
    const program = compile(constitution)
    this.#programs.set(constitution.hash, program)
    return program
  }

  /** The compiled constitution of a hash; `undefined` when its text is not kept or is not what the hash says. */
  programOf(hash: string): Program | undefined {
    const known = this.#programs.get(hash)
    if (known !== undefined) return known
    let text: string
    try {
      text = readFileSync(this.#path(hash), 'utf8')
    } catch {
      return undefined
    }
    if (sha256(text) !== hash) return undefined
    const { constitution } = checkConstitution(filesOfCanonicalText(text), true)
    if (constitution?.hash !== hash) return undefined
    const program = compile(constitution)
    this.#programs.set(hash, program)
    return program
  }

  /** All texts that are kept, each under its hash. */
  *texts(): Generator<readonly [hash: string, text: string]> {
    for (const name of readdirSync(this.#directory)) {
      const hash = /^([0-9a-f]{64})\.json$/.exec(name)?.[1]
      if (hash !== undefined) yield [hash, readFileSync(this.#path(hash), 'utf8')]
    }
  }

  /** Keeps a text that came from elsewhere; `undefined` when it is not what the hash says. */
  learn(hash: string, text: string): Program | undefined {
    if (sha256(text) !== hash) return undefined
    const { constitution } = checkConstitution(filesOfCanonicalText(text), true)
    return constitution?.hash === hash ? this.keep(constitution) : undefined
  }

  #path(hash: string): string {
    return join(this.#directory, `${hash}.json`)
  }
}
