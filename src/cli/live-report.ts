/** The page on what was checked of an artifact, and what a live run would show of it. */
import { boundOf, gatesOf, type Evaluation } from '../optimizer/registry/evaluation.ts'
import { judgedAs, type Tuner } from '../optimizer/registry/registry.ts'
import type { LiveRun } from '../optimizer/train/live.ts'
import type { Estimate } from '../optimizer/train/statistics.ts'
import type { CheckedRegions } from './checked-actions.ts'
import { drawLines } from './picture.ts'

export function livePicture({ readings }: LiveRun): string {
  const line = (name: string, which: 'split' | 'shadow') => ({
    name,
    points: readings.map((reading) => [Math.log10(reading.orders), 100 * reading[which].value] as const),
    around: readings.map((reading) => 50 * (reading[which].high - reading[which].low)),
  })
  return drawLines({
    title: 'What a live run would show of the saving, with 95 % intervals',
    across: 'orders, as powers of ten',
    up: '% of the cost',
    lines: [line('A/B, by what orders realised', 'split'), line('shadow, order by order', 'shadow')],
  })
}

export function livePage(
  tuner: Tuner,
  evaluation: Evaluation,
  regions: CheckedRegions | undefined,
  live: LiveRun,
): string {
  const { checked, violations } = evaluation.steps
  const all = checked + evaluation.regions.checked
  const wrong = violations + evaluation.regions.violations
  return [
    '# What was checked, and what a live run would show',
    '',
    `Written by \`ephor model evaluate\`. It is about \`${tuner.plan.schedule}\`${tuner.kind === 'model' ? ', moved by a model' : ', a schedule'}, ${tuner.hash.slice(0, 12)}, under constitution \`${evaluation.constitution.slice(0, 12)}\`.`,
    '',
    '## No action against a rule',
    '',
    `json-rules-engine, the second and independently written evaluator, judged ${all.toLocaleString('en-US')} actions against every enforced rule of the constitution and refused ${wrong}${wrong === 0 && all > 0 ? `: with 95 % confidence below ${boundOf(all).toExponential(1)} an action (rule of three)` : ''}.`,
    '',
    ...(regions === undefined
      ? ['- Random regions were not checked.']
      : [
          `- ${regions.checked.toLocaleString('en-US')} of them in random states (\`ephor model check-regions\`, seed ${regions.seed}): ${regions.drawn.toLocaleString('en-US')} orders were drawn; ${regions.waiting.toLocaleString('en-US')} would wait; there was no region for ${sumOf(regions.untuned).toLocaleString('en-US')} (${listOf(regions.untuned)}). What bound the upper end: ${listOf(regions.bound)}. Where in its region an order was sent was drawn evenly, so this holds for any model.`,
        ]),
    `- ${checked.toLocaleString('en-US')} of them are every step of this evaluation that sent something, each as an order in a market with just the volume of that step.`,
    '',
    '## Gates',
    '',
    '| Gate | | found |',
    '| --- | --- | --- |',
    ...gatesOf(judgedAs(tuner), evaluation).map(
      ({ asks, passed, found }) => `| ${asks} | ${passed ? 'passed' : '**not passed**'} | ${found} |`,
    ),
    '',
    '## What a live run would show',
    '',
    'Simulated on later bars, against receding AC. In the A/B test a lot decides for each order which way it goes, and what it realised counts, with the price’s own moves in it. The shadow is asked in each step of an order that goes the old way, and what it would have cost on the same bars is computed.',
    '',
    '| Orders | A/B: saved | shadow: saved |',
    '| --- | --- | --- |',
    ...live.readings.map(
      ({ orders, split, shadow }) =>
        `| ${orders.toLocaleString('en-US')} | ${interval(split)} | ${interval(shadow)} |`,
    ),
    '',
    `It would have sent something else in ${live.differing.toLocaleString('en-US')} of the orders. The shadow tells the saving from nothing ${after(live.decided.shadow)}, the A/B test ${after(live.decided.split)}. So a shadow is looked at first; but it believes the model of impact, which an A/B test does not have to. These intervals are for one look each: who looks after every order and stops when he likes what he sees needs wider ones.`,
    '',
    '![A live run](pictures/optimizer-live.svg)',
    '',
  ].join('\n')
}

const after = (orders: number | undefined): string =>
  orders === undefined ? 'at none of these counts' : `from ${orders.toLocaleString('en-US')} orders on`
const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0)
const listOf = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .toSorted((a, b) => b[1] - a[1])
    .map(([what, count]) => `${what} ${count.toLocaleString('en-US')}`)
    .join(', ')
const percent = (part: number): string => `${(100 * part).toFixed(2)} %`
const interval = ({ value, low, high }: Estimate): string =>
  `${percent(value)} (${percent(low)} to ${percent(high)})`
