/** `ephor weights propose`: other weights for votes, from past rounds and what the market said of them. It writes a proposal; people put it in force. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { isMap, isScalar, parseDocument, type YAMLMap } from 'yaml'
import { EphorError } from '../base/errors.ts'
import { millisecondsFromText } from '../base/literal.ts'
import { formatIssue } from '../base/issue.ts'
import { readPolicies } from '../consensus/read-policies.ts'
import {
  distance,
  DRIFT_MAX,
  OUTCOMES_MIN,
  PARTS,
  proposeWeights,
  vectorOf,
  type WeightsProposal,
} from '../consensus/weights-proposal.ts'
import type { Vector } from '../consensus/hedge.ts'
import type { Policy } from '../protocol/policy.ts'
import { printJson, printLine } from './output.ts'
import { readOutcomes, type Told } from './rounds-and-outcomes.ts'
import { journalOf, partitionOption } from './journals.ts'

interface Options {
  home: string
  policies: string
  policy: string
  horizon: number
  out: string
  partition?: string
  json?: boolean
}

/** A quarter of a year, over which changes add up. */
const QUARTER_MS = 90 * 86_400_000

export function weightsCommand(): Command {
  return new Command('weights')
    .description('What votes weigh')
    .addCommand(
      new Command('propose')
        .description(
          'Propose α, β and γ from past rounds and what the market said of them; nothing changes by this',
        )
        .option('--home <directory>', 'the sidecar’s directory, with its journal', '.ephor')
        .option('--policies <directory>', 'where consensus.yaml lies', 'policies')
        .option('--policy <name>', 'the policy whose weights', 'large-orders')
        .option(
          '--horizon <time>',
          'after a round closed, when the market’s word counts',
          duration,
          3_600_000,
        )
        .option('--out <directory>', 'where the proposal and its evidence go', 'weights-proposal')
        .addOption(partitionOption())
        .option('--json', 'print for machines')
        .action(propose),
    )
}

function duration(text: string): number {
  const found = millisecondsFromText(text)
  if (found === undefined || found <= 0 || found > QUARTER_MS)
    throw new InvalidArgumentError('expected a time such as 30min or 2d')
  return found
}

async function propose(options: Options): Promise<void> {
  const file = join(options.policies, 'consensus.yaml')
  const { text, policy } = readPolicy(file, options.policy)
  const told = await readOutcomes(journalOf(options.home, options.partition), options.policy, options.horizon)
  const drift = driftOf(told, policy)
  const proposal = proposeWeights(policy, told.outcomes, drift)
  const evidence = pageOf(options, policy, told, drift, proposal)
  const files: [string, string][] = [['evidence.md', evidence]]
  if (proposal.kind === 'proposed')
    files.push(['consensus.yaml', changed(text, file, options.policy, proposal.to)])
  mkdirSync(options.out, { recursive: true })
  for (const [name, content] of files) {
    mkdirSync(dirname(join(options.out, name)), { recursive: true })
    writeFileSync(join(options.out, name), content)
  }
  if (options.json === true) printJson({ ...proposal, drift, left: told.left, out: options.out })
  else printLine(evidence)
  process.exitCode = proposal.kind === 'proposed' || proposal.kind === 'unchanged' ? 0 : 1
}

function readPolicy(file: string, name: string): { readonly text: string; readonly policy: Policy } {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new EphorError(
      'POLICY_INVALID',
      `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
  const { policies, issues } = readPolicies(file, text)
  const errors = issues.filter(({ severity }) => severity === 'error')
  if (errors.length > 0)
    throw new EphorError('POLICY_INVALID', errors.map((issue) => formatIssue(issue, () => text)).join('\n'))
  const policy = policies.get(name)
  if (policy === undefined)
    throw new EphorError(
      'POLICY_INVALID',
      `${file} has no policy \`${name}\`; it has ${[...policies.keys()].join(', ')}`,
    )
  return { text, policy }
}

/** How far changes of the last quarter went, with what the file says and nobody approved yet. In parts of the grid. */
function driftOf({ approved, outcomes }: Told, policy: Policy): number {
  const end = Math.max(approved.at(-1)?.at ?? 0, outcomes.at(-1)?.at ?? 0)
  const vectors = approved
    .map((one) => ({ at: one.at, vector: vectorOf(one.policy) }))
    .concat({ at: end, vector: vectorOf(policy) })
  let drift = 0
  for (const [place, { at, vector }] of vectors.entries()) {
    const before = vectors[place - 1]?.vector
    if (before === undefined || vector === undefined || at < end - QUARTER_MS) continue
    drift += distance(before, vector)
  }
  return drift
}

/** The text of the policies with the weights of one of them changed; comments and all else stay. */
function changed(text: string, file: string, name: string, to: Vector): string {
  const document = parseDocument(text)
  const own = ['policies', name, 'weights']
  if (!document.hasIn(own)) {
    // It had those of the defaults; from here on it has its own, all of them, since they are not mixed.
    const inherited = document.getIn(['defaults', 'weights'])
    if (!isMap(inherited)) throw new EphorError('POLICY_INVALID', `${file} has no weights for \`${name}\``)
    document.setIn(own, inherited.clone())
  }
  const weights = document.getIn(own) as YAMLMap
  for (const [axis, key] of ['alpha', 'beta', 'gamma'].entries()) {
    const node: unknown = weights.get(key, true)
    const share = `${((to[axis] as number) * 100) / PARTS}%`
    if (isScalar(node)) node.value = share
    else weights.set(key, share)
  }
  const result = document.toString({ lineWidth: 0 })
  const { policies } = readPolicies(file, result)
  const after = policies.get(name)
  if (after === undefined || vectorOf(after)?.join() !== to.join())
    throw new Error('invariant: the changed policies do not read as what was proposed')
  return result
}

const percent = (parts: number): string => `${Number(((parts * 100) / PARTS).toFixed(1))} %`
const shares = (vector: readonly number[]): string =>
  `α ${percent(vector[0] as number)}, β ${percent(vector[1] as number)}, γ ${percent(vector[2] as number)}`

function pageOf(
  { policy: name, horizon }: Options,
  { weights }: Policy,
  { outcomes, left }: Told,
  drift: number,
  proposal: WeightsProposal,
): string {
  const lines = [`# Weights of ${name}`, '', headline(proposal), '']
  const aside = Object.entries(left).filter(([, count]) => count > 0)
  lines.push(
    `- ${outcomes.length} rounds of which the market had its word ${horizon / 60_000} min after they closed${aside.length === 0 ? '' : `; left aside: ${aside.map(([why, count]) => `${count} ${why}`).join(', ')}`}`,
    `- drift in the last 90 days: ${percent(drift)} of at most ${percent(DRIFT_MAX)}`,
  )
  if (!('evidence' in proposal)) return `${lines.join('\n')}\n`
  const { evidence } = proposal
  const { hedged, rounds, inForce, middle, power } = evidence
  lines.push(
    `- Brier loss a round: ${inForce.toFixed(4)} by the weights in force, ${(hedged.best.loss / rounds).toFixed(4)} by the best fixed ones in hindsight, ${(hedged.loss / rounds).toFixed(4)} by exponential weights`,
    `- regret of exponential weights against the best fixed ones: ${hedged.regret.toFixed(3)} over ${rounds} rounds; it cannot be above ${hedged.bound.toFixed(3)}`,
    `- where exponential weights have their middle: ${shares(middle)}; a record counts from ${weights.record} periods on`,
    '',
    '| vote | power before | after |',
    '| --- | --- | --- |',
    ...power.map(
      ({ agent, before, after }) =>
        `| ${agent} | ${(100 * before).toFixed(1)} % | ${(100 * after).toFixed(1)} % |`,
    ),
    '',
    'Power is Shapley and Shubik’s index in the rosters met last. Put `consensus.yaml` in the place of the one in force and put it in force as any other change of policies: it is voted on like those.',
  )
  return `${lines.join('\n')}\n`
}

function headline(proposal: WeightsProposal): string {
  switch (proposal.kind) {
    case 'proposed':
      return `Proposed: ${shares(proposal.to)}, from ${shares(proposal.from)}.`
    case 'unchanged':
      return `Nothing to propose: ${shares(proposal.from)} stay.`
    case 'refused':
      return `Not proposed: with ${shares(proposal.to)} ${proposal.why.join('; ')}.`
    case 'too few':
      return `Not proposed: ${proposal.outcomes} outcomes are known, and it takes ${OUTCOMES_MIN}.`
    case 'off the grid':
      return `Not proposed: the weights in force are no whole number of ${100 / PARTS} % each.`
  }
}
