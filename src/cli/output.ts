/** What commands print: tables for people, JSON for machines. */
import Table from 'cli-table3'
import type { GrantUse } from '../protocol/grant.ts'

/** A reader that stops reading, as `head` does, ends no sidecar: what is printed after that is lost, and nothing else. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

/** One JSON document on standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}

export function printLine(line = ''): void {
  process.stdout.write(`${line}\n`)
}

/** A plain table; cells are cut to fit a terminal of `width` columns where `wrap` says how wide each may be. */
export function printTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  widths?: readonly (number | null)[],
): void {
  const table = new Table({
    head: [...head],
    style: { head: [], border: [], compact: true },
    wordWrap: true,
    ...(widths === undefined ? {} : { colWidths: [...widths] }),
  })
  for (const row of rows) table.push(row.map(visible))
  printLine(table.toString())
}

/** A text of somebody else's, in which what would move the cursor, colour or turn what is printed is shown by its number. Lines stay lines. */
function visible(text: string): string {
  return text.replaceAll(/(?!\n)[\p{Cc}\p{Cf}]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`)
}

/** A grant that was used, in one line. */
export function describeUse({ grant, rule, observed, limit, upTo, unit }: GrantUse): string {
  const figures = `${observed} against ${limit ?? '–'}, up to ${upTo}${unit === null ? '' : ` ${unit}`}`
  return `granted by ${grant}: ${rule} (${figures})`
}
