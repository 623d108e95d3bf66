/** What is wrong in a file that people edit, and where: the shape of each complaint about a constitution. */
import { distance } from 'fastest-levenshtein'

/** A place in a file; line and column count from 1. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

export interface Issue extends Place {
  /** Errors keep the files from loading; warnings do not. */
  readonly severity: 'error' | 'warning'
  /** What is wrong, with the offending text in backticks, and what would be right. */
  readonly message: string
}

/** Collects issues while a reader goes on, so that one run names them all. */
export class Issues {
  readonly list: Issue[] = []
  readonly #isKept: boolean

  /** `isKept`: the text was taken before and is kept since, so that what was learned about mistakes afterwards does not make it unreadable. */
  constructor(isKept = false) {
    this.#isKept = isKept
  }

  /** A mistake that earlier versions took: an error to who writes now, and nothing in a text that is kept. */
  slip(place: Place, message: string): void {
    if (!this.#isKept) this.error(place, message)
  }

  error(place: Place, message: string): void {
    this.add('error', place, message)
  }

  warn(place: Place, message: string): void {
    this.add('warning', place, message)
  }

  get failed(): boolean {
    return this.list.some((issue) => issue.severity === 'error')
  }

  private add(severity: Issue['severity'], { file, line, column }: Place, message: string): void {
    this.list.push({ severity, file, line, column, message })
  }
}

/** The order in which people read: by file, line and column. */
export function byPlace(a: Place, b: Place): number {
  return a.file === b.file ? a.line - b.line || a.column - b.column : a.file < b.file ? -1 : 1
}

/** `file:line:column: severity: message`, with the offending line below where the file's text is at hand. */
export function formatIssue(issue: Issue, textOf?: (file: string) => string | undefined): string {
  const head = `${issue.file}:${issue.line}:${issue.column}: ${issue.severity}: ${issue.message}`
  const line = textOf?.(issue.file)?.split('\n')[issue.line - 1]
  if (line === undefined || line.trim() === '') return head
  const gutter = String(issue.line).padStart(5)
  return `${head}\n${gutter} | ${line}\n${' '.repeat(5)} | ${' '.repeat(issue.column - 1)}^`
}

/** `; did you mean \`x\`?` for the candidate nearest to `word`, or nothing when none is near. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const best = nearest(word, candidates)
  return best === undefined ? '' : `; did you mean \`${best}\`?`
}

/** The candidate of which `word` may be a slip of the pen; `undefined` when it is like none. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of candidates) {
    const here = distance(word.toLowerCase(), candidate.toLowerCase())
    if (here < bestDistance) {
      best = candidate
      bestDistance = here
    }
  }
  return best
}
