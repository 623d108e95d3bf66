/** What an evaluation found, as a page with pictures. */
import type { Comparison, Evaluation, Row } from '../optimizer/train/evaluate.ts'
import { REFERENCE } from '../optimizer/train/evaluate.ts'
import type { Library } from '../optimizer/train/library.ts'
import type { Markets } from '../optimizer/train/market.ts'
import { MIX } from '../optimizer/train/orders.ts'
import type { Estimate } from '../optimizer/train/statistics.ts'
import { drawIntervals, drawLines } from './picture.ts'

/** Files by name: the page and its pictures. */
export function reportOf(
  evaluation: Evaluation,
  markets: Markets,
  library: Library,
  seconds: number,
): Map<string, string> {
  const { comparisons } = evaluation
  const [main] = comparisons as [Comparison]
  return new Map([
    ['optimizer-report.md', page(evaluation, markets, library, seconds)],
    ['pictures/optimizer-curves.svg', curves(evaluation)],
    [
      'pictures/optimizer-savings.svg',
      drawIntervals(
        `Saved against receding AC: ${main.name}`,
        '% of its cost, with 95 % intervals',
        main.rows
          .filter(({ savedOfReceding }) => savedOfReceding.value > -0.1)
          .map(({ policy, savedOfReceding: { value, low, high } }) => ({
            name: policy.replace(`, on ${REFERENCE}`, ''),
            value: 100 * value,
            low: 100 * low,
            high: 100 * high,
          })),
      ),
    ],
  ])
}

function curves({ curves: all }: Evaluation): string {
  const [first] = all as [Evaluation['curves'][number]]
  const at = (index: number): number[] => all.map((curve) => 100 * (curve[index]?.gain ?? 0))
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
  const deviation = (values: number[]): number =>
    Math.sqrt(mean(values.map((value) => (value - mean(values)) ** 2)))
  return drawLines({
    title: `Saved against ${REFERENCE}, in training`,
    across: 'steps tried',
    up: '% of its cost',
    lines: [
      {
        name: `mean of ${all.length} seeds, and one standard deviation`,
        points: first.map(({ steps }, index) => [steps, mean(at(index))] as const),
        around: first.map((_, index) => deviation(at(index))),
      },
    ],
  })
}

const percent = (part: number, digits = 2): string => `${(100 * part).toFixed(digits)} %`
const interval = ({ value, low, high }: Estimate): string =>
  `${percent(value)} (${percent(low)} to ${percent(high)})`
const yes = (holds: boolean): string => (holds ? 'passed' : '**not passed**')

function page(
  evaluation: Evaluation,
  markets: Markets,
  { backend, versions }: Library,
  seconds: number,
): string {
  const { extent, comparisons, known, positive, negative, passes, bestBaseline } = evaluation
  const [main] = comparisons as [Comparison]
  const learned = main.rows.at(-1) as Row
  const wins = passes.known && passes.better && passes.controls
  const champion = wins ? 'the learned model' : `\`${bestBaseline}\`, a schedule`
  const steps = comparisons.reduce((sum, comparison) => sum + comparison.steps, 0)
  return [
    '# What the optimizer is worth',
    '',
    `Written by \`npm run evaluate\`. ${extent.seeds} seeds of ${extent.steps} steps each, ${extent.orders} orders in each market, ${extent.controlSeeds} seeds of ${extent.controlSteps} steps for each control; TensorFlow.js ${versions.tfjs} on ${backend}, Node ${versions.node}, ${seconds.toFixed(0)} s.`,
    '',
    `**Champion: ${champion}.** ${
      wins
        ? 'All gates are passed.'
        : `The learned model saves ${interval(learned.saved)} against \`${REFERENCE}\` on later bars, which ${learned.saved.low > 0 ? 'is more than nothing' : 'is not told apart from nothing'}${passes.known && passes.controls ? '' : ', and not all other gates are passed'}. What is not shown to be better is not used.`
    }`,
    '',
    '**Gains are simulated.** Bars hold no answer to our own orders. Costs are those of a model: sending n in a bar costs η n², with η in inverse proportion to the volume that the bar really had, and holding x over it costs λσ²x², with its real range. A bar counts as having 5 % of usual volume at least, and 36 times usual variance at most: what is beyond is a feed or a venue that failed, and one such bar would outweigh all others. What is saved is saved under that model. A live comparison has to come before anybody believes more.',
    '',
    '## What is compared',
    '',
    `Orders of ${MIX.steps} bars begin anywhere; sizes are ${percent(MIX.share[0], 0)} to ${percent(MIX.share[1], 0)} of what the caps allow (${percent(0.09, 0)} of usual volume), urgency 0 to ${MIX.urgency[1]}. All policies execute the same orders on the same bars with the same caps, and know nothing of a bar before it is over. Costs are in what Almgren and Chriss’s schedule would cost, were all as usual.`,
    '',
    '| Policy | what it does |',
    '| --- | --- |',
    '| clip | all that is allowed, at once |',
    '| TWAP, VWAP | evenly, or by the volume that is expected; what was held back is caught up with |',
    '| AC | the closed form of Almgren and Chriss, made when the order begins |',
    '| receding AC | the same problem solved anew in each bar under the caps, as if all stayed as usual |',
    '| receding AC, expecting | the same, with volume and variance expected to return to what is usual, by the hour of the day |',
    '| learned | the last, moved by a network of 11→32→32→1 that was trained on top of it |',
    '',
    markets.isReal
      ? 'The bars are cut in time: 65 % to train on, 10 % for choosing settings, the rest for this page, with 84 bars left out between the parts. Settings were chosen on the second part by hand, among eight.'
      : 'No bars were at hand: the markets are simulated.',
    '',
    ...markets.data.map(
      ({ name, bars, from, to, sha256 }) =>
        `- ${name}: ${bars} bars, ${from.slice(0, 10)} to ${to.slice(0, 10)}, sha256 ${sha256.slice(0, 16)}…`,
    ),
    '',
    '![Savings](pictures/optimizer-savings.svg)',
    '',
    ...comparisons.flatMap(section),
    '## Gates',
    '',
    '| Gate | | found |',
    '| --- | --- | --- |',
    `| On a market that never changes, where the optimum is known, at least 95 % of the way from TWAP to it in 9 of 10 seeds | ${yes(passes.known)} | ${known.map((part) => percent(part, 1)).join(', ')} |`,
    `| Cheaper on later bars than receding AC, both ways, 95 % interval above nothing | ${yes(passes.better)} | ${interval(learned.savedOfReceding)} and ${interval(learned.saved)} |`,
    `| No step outside of its region | ${yes(true)} | 0 of ${steps}; with 95 % confidence below ${(3 / steps).toExponential(1)} a step (rule of three). Regions here are of the simulated caps; by the constitution, see [what was checked](optimizer-checks.md) |`,
    '',
    '## Controls',
    '',
    'Whoever measures gains must see one that is there, and none where none is.',
    '',
    `- Told the volume of the bar to come, which nobody can know, a model saves ${interval(positive)} against \`${REFERENCE}\`: ${positive.low > 0 ? 'it is seen' : '**it is not seen, so this page proves nothing**'}.`,
    `- Shown the situation of some other order instead, it saves ${interval(negative)}: ${negative.low <= 0 ? 'nothing, as it should' : '**more than nothing, so this page proves nothing**'}.`,
    '',
    '## Learning',
    '',
    '![Learning curves](pictures/optimizer-curves.svg)',
    '',
    'Savings are interquartile means over seeds. Intervals are from 2,000 draws of seeds and of whole days with replacement.',
    '',
  ].join('\n')
}

function section({ name, orders, rows, hindsight }: Comparison): string[] {
  const receding = rows.find(({ policy }) => policy === 'receding AC')?.cost ?? Number.NaN
  return [
    `### ${name}`,
    '',
    `${orders} orders. With hindsight they would have cost ${hindsight.toFixed(3)}; the last column says how much of the gap between receding AC and that is closed.`,
    '',
    '| Policy | cost | saved against receding AC | saved against receding AC, expecting | not done in time | of the gap |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows.map(
      ({ policy, cost, saved, savedOfReceding, late }) =>
        `| ${policy.replace(`, on ${REFERENCE}`, '')} | ${cost.toFixed(4)} | ${interval(savedOfReceding)} | ${interval(saved)} | ${percent(late, 1)} | ${percent((receding - cost) / (receding - hindsight), 0)} |`,
    ),
    '',
  ]
}
