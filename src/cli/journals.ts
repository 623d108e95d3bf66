/** The journals in a sidecar's directory: one, or one for each of several partitions. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Option } from 'commander'
import { EphorError } from '../base/errors.ts'
import { journalsIn } from '../sidecar/open-front.ts'

type Journals = ReturnType<typeof journalsIn>

/** All of them, by the numbers of their partitions; throws when there is none. */
export function journalsOf(home: string): Journals {
  const directory = join(home, 'journal')
  if (existsSync(directory)) return journalsIn(directory)
  throw new EphorError('NOT_FOUND', `there is no journal in ${home}`)
}

/** The only one, or that of `partition`; throws when it is not told which of several. */
export function journalOf(home: string, partition?: string): string {
  const journals = journalsOf(home)
  const found = journals.find((each) => (each.partition ?? 'p00') === (partition ?? 'p00'))
  if (found !== undefined && (partition !== undefined || journals.length === 1)) return found.directory
  const names = journals.map((each) => each.partition ?? 'p00').join(', ')
  throw new EphorError(
    'NOT_FOUND',
    partition === undefined
      ? `${home} has the journals of ${journals.length} partitions: name one with \`--partition\`, of ${names}`
      : `${home} has no journal of \`${partition}\`, but of ${names}`,
  )
}

export function partitionOption(): Option {
  return new Option('--partition <name>', 'the partition whose journal it is, where there are several')
}
