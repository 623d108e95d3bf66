/** `ephor log`: verify the journal, show a decision, query decisions. */
import { Command, InvalidArgumentError, Option } from 'commander'
import { EphorError } from '../base/errors.ts'
import { decisionAt, findDecision, type DecisionFilter, type RecordedDecision } from '../journal/query.ts'
import { queryAll } from '../journal/decision-pages.ts'
import { Verdict } from '../protocol/decision.ts'
import { archiveCommand, restoreCommand } from './archive.ts'
import { describeUse, printJson, printLine, printTable } from './output.ts'
import { verifyCertificates } from './verify-certificates.ts'
import { printExplanation, withExplanation } from './show-explanation.ts'
import { journalOf, journalsOf, partitionOption } from './journals.ts'
import { parseTime } from './times.ts'
import { verifyHome } from './verify-home.ts'

const NEWEST = Number.MAX_SAFE_INTEGER

export function logCommand(): Command {
  const log = new Command('log').description('Read the decision log')
  log.addCommand(verifyCommand())
  log.addCommand(showCommand())
  log.addCommand(queryCommand())
  log.addCommand(archiveCommand())
  log.addCommand(restoreCommand())
  return log
}

const homeOption = (): Option => new Option('--home <directory>', 'the sidecar’s directory').default('.ephor')

function verifyCommand(): Command {
  return new Command('verify')
    .description(
      'Check every hash and signature, derive every verdict again, and hold checkpoints against the journal',
    )
    .addOption(homeOption())
    .option(
      '--key <file>',
      'the one public key to trust; else those in the sidecar’s directory, retired ones too',
    )
    .option('--chain-only', 'leave out verdicts and checkpoints')
    .option('--certificate <file>', 'check this certificate alone; `-` for each one in the journal')
    .option('--json', 'print for machines')
    .action(
      async ({
        home,
        chainOnly,
        certificate,
        ...rest
      }: {
        home: string
        key?: string
        chainOnly?: boolean
        certificate?: string
        json?: boolean
      }) => {
        if (certificate !== undefined) {
          const json = rest.json === true
          process.exitCode = (await verifyCertificates(certificate, home, json)) ? 0 : 1
          return
        }
        process.exitCode = (await verifyHome(home, { ...rest, chainOnly: chainOnly === true })) ? 0 : 1
      },
    )
}

function showCommand(): Command {
  return new Command('show')
    .description('Show one decision whole')
    .argument('<decision>', 'its id, or the sequence of its record')
    .addOption(homeOption())
    .addOption(partitionOption())
    .option('--json', 'print for machines')
    .action(async (id: string, options: { home: string; partition?: string; json?: boolean }) => {
      const found = /^\d+$/.test(id)
        ? await decisionAt(journalOf(options.home, options.partition), Number(id))
        : await findIn(options.home, id)
      if (found === undefined) {
        process.stderr.write(`no decision \`${id}\` is recorded\n`)
        process.exitCode = 1
      } else if (options.json === true) printJson(withExplanation(found, options.home))
      else {
        printDecision(found)
        printExplanation(found, options.home)
      }
    })
}

async function findIn(home: string, id: string): Promise<RecordedDecision | undefined> {
  for (const { partition, directory } of journalsOf(home)) {
    const found = await findDecision(directory, id, NEWEST)
    if (found !== undefined) return partition === undefined ? found : { ...found, partition }
  }
  return undefined
}

function printDecision({ sequence, decision, partition }: RecordedDecision): void {
  printLine(
    `${decision.decision} · record ${sequence}${partition === undefined ? '' : ` of ${partition}`} · ${new Date(decision.at).toISOString()} · ${decision.request.agent}`,
  )
  printLine(`constitution ${decision.constitution} · engine ${decision.engine}`)
  printLine(`asked   ${JSON.stringify(decision.request.action)}`)
  if (decision.verdict === 'narrow') printLine(`allowed ${JSON.stringify(decision.action)}`)
  printLine(`\n${decision.verdict.toUpperCase()}`)
  for (const { code, title, result, missing, cites } of decision.reasons) {
    const lacking =
      missing === undefined
        ? ''
        : `; missing ${missing.map(({ fact, ageMs }) => (ageMs === null ? fact : `${fact} (${ageMs} ms old)`)).join(', ')}`
    printLine(`  ${code} ${result}: ${title}${lacking}${cites.length === 0 ? '' : ` [${cites.join('; ')}]`}`)
  }
  for (const use of decision.grants ?? []) printLine(`  ${describeUse(use)}`)
  printLine()
  const cell = (value: string | number | boolean | null): string => (value === null ? '–' : String(value))
  printTable(
    ['rule', 'finding', 'observed', 'limit', 'headroom', 'unit'],
    decision.findings.map(({ rule, result, observed, limit, headroom, unit }) => [
      rule,
      result,
      cell(observed),
      cell(limit),
      cell(headroom),
      unit ?? '',
    ]),
  )
  printTable(
    ['fact', 'value', 'source', 'age ms'],
    Object.entries(decision.facts).map(([name, { value, source, ageMs }]) => [
      name,
      cell(value),
      source,
      cell(ageMs),
    ]),
  )
}

interface QueryOptions {
  home: string
  agent?: string
  account?: string
  instrument?: string
  verdict?: Verdict
  rule?: string
  grant?: string
  from?: number
  to?: number
  limit: number
  cursor?: readonly number[]
  json?: boolean
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('expected a whole number above zero')
  return Number(text)
}

function parsePlaces(text: string): readonly number[] {
  if (!/^\d{1,15}(\.\d{1,15})*$/.test(text))
    throw new InvalidArgumentError('expected what the page before said')
  return text.split('.').map(Number)
}

function queryCommand(): Command {
  return new Command('query')
    .description('List decisions, newest first')
    .addOption(homeOption())
    .option('--agent <name>')
    .option('--account <name>')
    .option('--instrument <name>')
    .addOption(new Option('--verdict <verdict>').choices(Verdict.options))
    .option('--rule <rule>', 'a rule among the reasons, by id or code')
    .option('--grant <grant>', 'a grant that was used, by id, or `any`')
    .option('--from <time>', 'not before', parseTime)
    .option('--to <time>', 'before', parseTime)
    .option('--limit <count>', 'decisions a page', parseCount, 20)
    .option('--cursor <place>', 'what the page before said', parsePlaces)
    .option('--json', 'print for machines')
    .action(async ({ home, limit, cursor, json, ...wanted }: QueryOptions) => {
      const filter: DecisionFilter = wanted
      const found = journalsOf(home)
      if (cursor !== undefined && cursor.length !== found.length)
        throw new EphorError(
          'QUERY_INVALID',
          `\`--cursor\`: expected a place in each of ${found.length} journals`,
        )
      const journals = found.map((journal, number) => ({
        ...journal,
        before: cursor === undefined ? NEWEST : (cursor[number] ?? 0),
      }))
      const page = await queryAll(journals, filter, limit)
      const next = page.next && (page.next.length === 1 ? (page.next[0] ?? 0) : page.next.join('.'))
      if (json === true) {
        printJson({ decisions: page.decisions, next })
        return
      }
      printTable(
        ['record', 'time', 'agent', 'action', 'verdict', 'reasons'],
        page.decisions.map(({ sequence, decision, partition }) => [
          partition === undefined ? String(sequence) : `${partition} ${sequence}`,
          new Date(decision.at).toISOString(),
          decision.request.agent,
          describe(decision),
          decision.verdict,
          [
            ...decision.reasons.map(({ code }) => code),
            ...(decision.grants ?? []).map(({ grant, rule }) => `${rule} by ${grant}`),
          ].join(' '),
        ]),
      )
      if (next !== null) printLine(`more: --cursor ${next}`)
    })
}

function describe({ request: { action } }: RecordedDecision['decision']): string {
  const fields: Readonly<Record<string, unknown>> = action
  const shown = [
    'type',
    'side',
    'quantity',
    'amount',
    'instrument',
    'asset',
    'subject',
    'target',
    'destination',
  ]
  return shown
    .map((key) => fields[key])
    .filter((value) => typeof value === 'string' || typeof value === 'number')
    .join(' ')
}
