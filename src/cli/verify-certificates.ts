/** Checks certificates of quorums by counting their votes again: one from a file, or all that a journal holds. */
import { readFileSync } from 'node:fs'
import { EphorError } from '../base/errors.ts'
import { parseStrictJson } from '../base/strict-json.ts'
import { verifyCertificate } from '../consensus/verify-certificate.ts'
import { readRecords } from '../journal/read.ts'
import type { Certificate } from '../protocol/certificate.ts'
import type { Event } from '../protocol/event.ts'
import { TOTAL_WEIGHT } from '../protocol/roster.ts'
import { printJson, printLine } from './output.ts'
import { journalsOf } from './journals.ts'

interface Checked {
  readonly from: string
  readonly found: ReturnType<typeof verifyCertificate>
}

/** Prints what is found of the certificate in `file`, or, for `-`, of each in the journal of `home`; answers whether all stand. */
export async function verifyCertificates(file: string, home: string, json: boolean): Promise<boolean> {
  const checked = file === '-' ? await inJournal(home) : [inFile(file)]
  if (checked.length === 0) throw new EphorError('NOT_FOUND', `no certificate is recorded in ${home}`)
  if (json) printJson(checked.map(({ from, found }) => ({ from, problems: [], ...found })))
  else
    for (const { from, found } of checked)
      if (found.isValid) print(from, found.certificate)
      else for (const problem of found.problems) printLine(`${from}: ${problem}`)
  return checked.every(({ found }) => found.isValid)
}

function inFile(file: string): Checked {
  const parsed = parseStrictJson(readText(file))
  if (!parsed.ok)
    return { from: file, found: { isValid: false, problems: [`${parsed.path || '/'}: ${parsed.message}`] } }
  return { from: file, found: verifyCertificate(parsed.value) }
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new EphorError('NOT_FOUND', `${file} cannot be read`, { cause: error })
  }
}

async function inJournal(home: string): Promise<Checked[]> {
  const checked: Checked[] = []
  for (const { partition, directory } of journalsOf(home))
    for await (const { sequence, event: recorded } of readRecords(directory)) {
      const event = recorded as unknown as Event
      if (event.type !== 'certified') continue
      const where = partition === undefined ? '' : ` of ${partition}`
      checked.push({ from: `record ${sequence}${where}`, found: verifyCertificate(event.certificate) })
    }
  return checked
}

function print(from: string, it: Certificate): void {
  const { proposal, policy, outcome, reason, by, tally, votes, roster, envelope } = it
  const share = (weight: number): string => `${((weight / TOTAL_WEIGHT) * 100).toFixed(1)} %`
  const why = [reason, by].filter((one) => one !== null).join(' by ')
  printLine(`${from}: \`${proposal.proposal}\` was ${outcome}${why === '' ? '' : ` (${why})`}`)
  printLine(`  certificate ${it.certificate}, policy ${policy.name}, constitution ${proposal.constitution}`)
  printLine(
    `  proposed by ${proposal.agent} because of ${proposal.rules.join(', ')}: ${JSON.stringify(proposal.subject)}`,
  )
  printLine(
    `  yes ${share(tally.yes)}, no ${share(tally.no)}, abstain ${share(tally.abstain)}: ${votes.length} votes of ${roster.voters.length}, ${it.equivocations.length} equivocations`,
  )
  const until = envelope === null ? '' : `, to be drawn on until ${new Date(envelope.until).toISOString()}`
  printLine(`  closed ${new Date(it.closed).toISOString()}${until}`)
}
