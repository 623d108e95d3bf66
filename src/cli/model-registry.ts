/** `ephor model list | show | add | appoint | promote | approve | rollback | verify`: the registry of models, and the people who answer for it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { Command, Option } from 'commander'
import { keyPairFromPem, publicKeyToPem, signText, type KeyPair } from '../base/ed25519.ts'
import { canonicalJson } from '../base/canonical-json.ts'
import { EphorError } from '../base/errors.ts'
import {
  ALIASES,
  approvalsNeeded,
  readProposed,
  statementOf,
  type Alias,
  type AliasState,
  type Held,
  type Proposed,
} from '../optimizer/registry/alias-log.ts'
import { cardOf } from '../optimizer/registry/card.ts'
import { readEvaluation } from '../optimizer/registry/evaluation.ts'
import {
  barTo,
  openEvaluation,
  openHeld,
  openTuner,
  readAliases,
  readTuner,
  type RegistryFiles,
} from '../optimizer/registry/registry.ts'
import { modelFiles, readPlain } from '../sidecar/model-files.ts'
import { enter, keepModelFile } from '../sidecar/model-writer.ts'
import { readPublicKey } from '../sidecar/key-ring.ts'
import { ARTIFACT_MAX } from '../optimizer/artifact.ts'
import { EVALUATION_MAX } from '../optimizer/registry/evaluation.ts'
import { load } from './check.ts'
import { printJson, printLine, printTable } from './output.ts'

interface Common {
  models: string
  json?: boolean
}
interface Signed extends Common {
  constitution: string
  as: string
  key: string
  reason: string
}

const MODELS = new Option('--models <directory>', 'the registry').default('models')
const RULES = new Option('--constitution <directory>', 'the rules in force').default('constitution')
const ALIAS = new Option('--to <alias>', 'what it becomes').choices(ALIASES).makeOptionMandatory()

const command = (name: string, what: string): Command =>
  new Command(name).description(what).addOption(MODELS).option('--json', 'print for machines')
const signed = (name: string, what: string): Command =>
  command(name, what)
    .addOption(RULES)
    .requiredOption('--as <name>', 'the approver’s name')
    .requiredOption('--key <file>', 'the approver’s private key, Ed25519 as PEM')
    .requiredOption('--reason <words>', 'why')

/** All commands on the registry. */
export function registryCommands(): Command[] {
  return [
    command('list', 'Say who is champion, challenger and shadow, and how that came about').action(list),
    command('show', 'Show the card of an artifact, by its alias or the beginning of its hash')
      .argument('<which>')
      .action(show),
    command('add', 'Keep an artifact, and what was found of it, under their hashes')
      .argument('<artifact>', 'the file')
      .option('--evaluation <file>')
      .action(add),
    command('begin', 'Begin a registry with a schedule as champion, as the software comes with one')
      .argument('<hash>', 'of the schedule')
      .requiredOption('--evaluation <hash>', 'by which it passes the gates')
      .requiredOption('--reason <words>', 'why')
      .addOption(RULES)
      .action(begin),
    command('appoint', 'Say who may approve: the first time at once, later with two of those before')
      .argument('<name=key.pem...>', 'names with their public keys')
      .addOption(RULES)
      .option('--out <file>', 'where a proposal goes that others have to approve', 'proposal.json')
      .action(appoint),
    signed('promote', 'Propose an artifact for an alias, and approve it; a shadow is one at once')
      .argument('<which>', 'the beginning of its hash')
      .addOption(ALIAS)
      .option('--evaluation <hash>', 'by which it passes; else the only one there is of it')
      .option('--out <file>', 'where the proposal goes that others have to approve', 'proposal.json')
      .action(promote),
    signed('approve', 'Approve a proposal; the last word that it needs puts it in force')
      .argument('<proposal>', 'the file')
      .action(approve),
    signed('rollback', 'Go back to what an alias stood for before; one person is enough')
      .addOption(new Option('--alias <alias>').choices(ALIASES).default('champion'))
      .action(rollBack),
  ]
}

function list({ models, json }: Common): void {
  const { entries, held, approvers, head } = readAliases(modelFiles(models))
  if (json === true) {
    printJson({ aliases: held, approvers: [...approvers.keys()], head, entries })
    return
  }
  printTable(
    ['alias', 'artifact', 'evaluation'],
    ALIASES.map((alias) => {
      const now = held[alias].at(-1)
      return [alias, now?.artifact.slice(0, 12) ?? '–', now?.evaluation.slice(0, 12) ?? '–']
    }),
  )
  printTable(
    ['entry', 'time', 'what', 'who and why'],
    entries.map((entry) => [
      String(entry.sequence),
      new Date(entry.at).toISOString(),
      entry.kind === 'approvers'
        ? `approvers ${entry.approvers.map(({ name }) => name).join(', ')}`
        : `${entry.kind} ${entry.alias} ${entry.artifact?.slice(0, 12) ?? 'nothing'}`,
      entry.kind === 'shipped'
        ? entry.reason
        : entry.approvals.map(({ name, reason }) => `${name}: ${reason}`).join('\n'),
    ]),
    [null, null, null, 60],
  )
}

function show(which: string, { models, json }: Common): void {
  const files = modelFiles(models)
  const state = readAliases(files)
  const alias = ALIASES.find((one) => one === which)
  const held = alias === undefined ? heldOf(state, which) : state.held[alias].at(-1)
  if (held === undefined) throw new EphorError('MODEL_MISSING', `nothing is \`${which}\``)
  const tuner = openTuner(files, held.artifact)
  const evaluation = held.evaluation === '' ? undefined : openEvaluation(files, held.evaluation)
  if (json === true) printJson({ artifact: tuner.artifact, evaluation: evaluation ?? null })
  else printLine(cardOf(tuner, evaluation))
}

/** By the beginning of a hash: what the log knows of it last. */
function heldOf({ held, entries }: AliasState, which: string): Held | undefined {
  const named = entries.flatMap((entry) => ('evaluation' in entry ? [entry] : []))
  return (
    [...Object.values(held).flat(), ...named].find(({ artifact }) => artifact.startsWith(which)) ??
    (/^[0-9a-f]{64}$/.test(which) ? { artifact: which, evaluation: '' } : undefined)
  )
}

function add(path: string, { models, evaluation, json }: Common & { evaluation?: string }): void {
  const bytes = readPlain(path, ARTIFACT_MAX, 'MODEL_INVALID')
  if (bytes === undefined) throw new EphorError('MODEL_INVALID', `${path}: there is no such file`)
  const tuner = readTuner(bytes)
  keepModelFile(models, 'artifact', tuner.hash, Buffer.from(bytes).toString('utf8'))
  let found: string | undefined
  if (evaluation !== undefined) {
    const text = readPlain(evaluation, EVALUATION_MAX, 'MODEL_EVALUATION_INVALID')
    if (text === undefined)
      throw new EphorError('MODEL_EVALUATION_INVALID', `${evaluation}: there is no such file`)
    const read = readEvaluation(text)
    if (read.artifact !== tuner.hash)
      throw new EphorError('MODEL_EVALUATION_INVALID', `${evaluation} is of ${read.artifact}`)
    keepModelFile(models, 'evaluation', read.hash, Buffer.from(text).toString('utf8'))
    found = read.hash
  }
  if (json === true) printJson({ artifact: tuner.hash, evaluation: found ?? null })
  else printLine(`${tuner.hash} is kept${found === undefined ? '' : `, with evaluation ${found}`}`)
}

function appoint(
  people: string[],
  { models, constitution, out, json }: Common & { constitution: string; out: string },
): void {
  const state = readAliases(modelFiles(models))
  const approvers = people.map((text) => {
    const [name, path] = text.split('=')
    if (name === undefined || path === undefined)
      throw new EphorError('MODEL_LOG_INVALID', `\`${text}\` is no name=key.pem`)
    return { name, publicKey: publicKeyToPem(readPublicKey(path)) }
  })
  const entry = checked({ ...placeAfter(state), kind: 'approvers', approvers, approvals: [] })
  settle(models, constitution, state, entry, out, json)
}

function begin(
  artifact: string,
  options: Common & { constitution: string; evaluation: string; reason: string },
): void {
  const { models, constitution, evaluation, reason, json } = options
  const state = readAliases(modelFiles(models))
  const alias = 'champion' as const
  const entry = checked({ ...placeAfter(state), kind: 'shipped', alias, artifact, evaluation, reason })
  settle(models, constitution, state, entry, undefined, json)
}

function promote(which: string, options: Signed & { to: Alias; evaluation?: string; out: string }): void {
  const { models, to: alias, constitution } = options
  const files = modelFiles(models)
  const state = readAliases(files)
  const artifact = /^[0-9a-f]{64}$/.test(which) ? which : heldOf(state, which)?.artifact
  if (artifact === undefined)
    throw new EphorError(
      'MODEL_MISSING',
      `no artifact that the log knows begins with \`${which}\`; give the whole hash`,
    )
  const known = state.entries.flatMap((entry) =>
    'evaluation' in entry && entry.artifact === artifact ? [entry.evaluation] : [],
  )
  const evaluation = options.evaluation ?? known.at(-1)
  if (evaluation === undefined)
    throw new EphorError('MODEL_EVALUATION_INVALID', `say with --evaluation by which ${artifact} passes`)
  // Nobody is asked to sign what could not come into force.
  openHeld(files, alias, { artifact, evaluation }, rulesOf(constitution))
  const entry = checked({
    ...placeAfter(state),
    kind: 'promoted',
    alias,
    artifact,
    evaluation,
    approvals: [],
  })
  settle(models, constitution, state, withWord(entry, options), options.out, options.json)
}

function approve(path: string, options: Signed): void {
  const { models, constitution, json } = options
  if (!existsSync(path)) throw new EphorError('MODEL_LOG_INVALID', `${path}: there is no such file`)
  const entry = readProposed(readFileSync(path, 'utf8').trim())
  const state = readAliases(modelFiles(models))
  settle(models, constitution, state, withWord(entry, options), path, json)
}

function rollBack(options: Signed & { alias: Alias }): void {
  const { models, constitution, alias, json } = options
  const state = readAliases(modelFiles(models))
  const artifact = state.held[alias].at(-2)?.artifact ?? null
  const entry = checked({ ...placeAfter(state), kind: 'rolledBack', alias, artifact, approvals: [] })
  settle(models, constitution, state, withWord(entry, options), undefined, json)
}

/** In force where it has all the words that it needs; else a file for the next person. */
function settle(
  models: string,
  constitution: string,
  state: AliasState,
  entry: Proposed,
  out: string | undefined,
  json: boolean | undefined,
): void {
  const words = 'approvals' in entry ? entry.approvals.length : 0
  const missing = approvalsNeeded(state, entry) - words
  if (missing > 0 && out !== undefined) {
    writeFileSync(out, `${canonicalJson(entry)}\n`)
    if (json === true) printJson({ inForce: false, proposal: out, missing })
    else
      printLine(
        `${out}: ${missing} more ${missing === 1 ? 'has' : 'have'} to approve, with \`ephor model approve\``,
      )
    return
  }
  const { head } = enter(models, { ...entry, at: Date.now() }, rulesOf(constitution))
  if (json === true) printJson({ inForce: true, sequence: head.sequence, hash: head.hash })
  else printLine(`in force as entry ${head.sequence} of the alias log, ${head.hash}`)
}

function withWord(entry: Proposed, { as: name, key, reason }: Signed): Proposed {
  const pair = keyOf(key)
  const word = { name, reason, at: Date.now() }
  const signature = signText(pair.privateKey, statementOf(entry, word))
  const before = 'approvals' in entry ? entry.approvals : []
  return { ...entry, approvals: [...before, { ...word, signature }] } as Proposed
}

function keyOf(path: string): KeyPair {
  try {
    return keyPairFromPem(readFileSync(path, 'utf8'))
  } catch (error) {
    throw new EphorError(
      'CONFIG_INVALID',
      `${path} is no Ed25519 private key: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

const placeAfter = ({ head }: AliasState) => ({
  schema: 1 as const,
  sequence: head.sequence + 1,
  previous: head.hash,
  at: Date.now(),
})

/** What the log would not take is refused before anybody signs. */
function checked(entry: Proposed): Proposed {
  // Going back is the one thing that needs a word from the start; it is asked for with the command.
  if (entry.kind !== 'rolledBack') readProposed(canonicalJson(entry))
  return entry
}

function rulesOf(directory: string): string {
  const { constitution } = load(directory)
  if (constitution === undefined) throw new EphorError('CONSTITUTION_INVALID', `${directory} does not load`)
  return constitution.hash
}

/** The whole registry: every entry, every file that an entry names, every gate. Lines on what was found. */
export function verifyRegistry(models: string, constitution: string | undefined): string[] {
  const files: RegistryFiles = modelFiles(models)
  const state = readAliases(files)
  const rules = constitution === undefined ? undefined : rulesOf(constitution)
  for (const entry of state.entries) if ('evaluation' in entry) openHeld(files, entry.alias, entry)
  const now = ALIASES.flatMap((alias) => {
    const held = state.held[alias].at(-1)
    if (held === undefined) return []
    const { tuner, evaluation } = openHeld(files, alias, held, rules)
    const gates = barTo('champion', tuner, evaluation)
    return [
      `${alias} ${held.artifact}: ${tuner.kind}, ${tuner.plan.schedule}; ${gates ?? 'all gates passed'}`,
    ]
  })
  return [`${state.entries.length} entries: chain whole, head ${state.head.hash}`, ...now]
}
