/** The card of an artifact, in Markdown, made from the artifact and its evaluation and from nothing else. */
import { gatesOf, type Evaluation } from './evaluation.ts'
import { judgedAs, type Tuner } from './registry.ts'

/** The same text for the same two. */
export function cardOf(tuner: Tuner, evaluation: Evaluation | undefined): string {
  return [
    `# ${tuner.kind === 'model' ? 'Model' : 'Schedule'} ${tuner.hash.slice(0, 12)}`,
    '',
    ...whatItIs(tuner),
    '',
    ...(evaluation === undefined ? ['Not evaluated.'] : whatWasFound(tuner, evaluation)),
    '',
  ].join('\n')
}

function whatItIs(tuner: Tuner): string[] {
  const { plan, artifact, kind } = tuner
  const hours = plan.barMs / 3_600_000
  return [
    kind === 'schedule'
      ? `\`${plan.schedule}\`, as it is: nothing was learned.`
      : `Moves \`${plan.schedule}\` by what a network of 11→32→32→1 says. ${tuner.artifact.card}`,
    '',
    `- sha256 \`${tuner.hash}\``,
    `- bars of ${hours >= 1 ? `${hours} h` : `${plan.barMs / 60_000} min`}, horizons of ${plan.stepsMax} bars at most; what is usual is forgotten by half in ${plan.halfLifeBars} bars`,
    `- volume persists by ${plan.volume.persistence.toFixed(3)} from bar to bar, variance by ${plan.variance.persistence.toFixed(3)}`,
    ...artifact.data.map(
      ({ name, bars, from, to }) =>
        `- from ${name}: ${bars} bars, ${from.slice(0, 10)} to ${to.slice(0, 10)}`,
    ),
    ...(tuner.kind === 'model'
      ? [
          `- trained for ${tuner.artifact.training.steps} steps from seed ${tuner.artifact.training.seed} on ${tuner.artifact.training.backend}, under constitution \`${tuner.artifact.constitution.slice(0, 12)}\``,
          `- made from ${tuner.artifact.parent === null ? 'no other model' : `\`${tuner.artifact.parent.slice(0, 12)}\``}`,
        ]
      : []),
  ]
}

function whatWasFound(tuner: Tuner, evaluation: Evaluation): string[] {
  const gates = gatesOf(judgedAs(tuner), evaluation)
  return [
    '## Gates',
    '',
    '| | | found |',
    '| --- | --- | --- |',
    ...gates.map(
      ({ asks, passed, found }) => `| ${asks} | ${passed ? 'passed' : '**not passed**'} | ${found} |`,
    ),
    '',
    '## What it is worth',
    '',
    'Costs are of a model of impact: bars hold no answer to our own orders. What is saved is saved under that model.',
    '',
    '| market | orders | cost | saved against receding AC | not done in time |',
    '| --- | --- | --- | --- | --- |',
    ...evaluation.comparisons.map(
      ({ market, orders, cost, ofReceding: { value, low, high }, late }) =>
        `| ${market} | ${orders} | ${cost.toFixed(4)} | ${percent(value)} (${percent(low)} to ${percent(high)}) | ${percent(late)} |`,
    ),
    '',
    `Evaluation \`${evaluation.hash}\`, checked against constitution \`${evaluation.constitution.slice(0, 12)}\`.`,
  ]
}

const percent = (part: number): string => `${(100 * part).toFixed(2)} %`
