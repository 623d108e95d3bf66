/** What was measured of rounds, as Markdown. */
import { digits, table, times, us } from '../table.mjs'

const perSecond = ({ mean }) => `${digits(1e6 / mean)}/s`

export function reportConsensus({ voters, many, openRounds, results }) {
  const { round, frozenEachTime, signed, bare } = results
  const row = (title, it) => [title, us(it.p50), us(it.p99), perSecond(it), times(it.mean / bare.mean)]
  return [
    '## Rounds of votes',
    '',
    `In process, through the pure core: open, ${voters} votes that all count, approved by the last. Rates are those of all rounds together, pauses of the collector included. The bare signature checks are the ${voters} Ed25519 checks of one round with everything made ready before.`,
    '',
    table(
      [`A round of ${voters} voters`, 'p50', 'p99', 'rate', 'of the bare checks'],
      [
        row('without signatures', round),
        row('without signatures, weights frozen anew each time', frozenEachTime),
        row('bare signature checks', bare),
        row('with signatures', signed),
      ],
    ),
    '',
    table(
      ['A round of many voters', 'p50', 'of it each vote', 'freezing weights, power known'],
      many.map((size) => [
        digits(size),
        us(results[`voters ${size}`].p50),
        us(results[`voters ${size}`].p50 / size),
        us(results[`freeze ${size}`].p50),
      ]),
    ),
    '',
    table(
      ['Rounds open', 'one vote, p50', 'p99', 'with its signature, p50', 'p99'],
      openRounds.map((count) => [
        digits(count),
        us(results[`open ${count}`].p50),
        us(results[`open ${count}`].p99),
        us(results[`open ${count} signed`].p50),
        us(results[`open ${count} signed`].p99),
      ]),
    ),
  ].join('\n')
}

export function budgetsOfConsensus({ many, openRounds, results }) {
  const { round, signed, bare } = results
  const [few, most] = many.map((size) => results[`voters ${size}`].p50 / size)
  const [idle, busy] = openRounds.map((count) => results[`open ${count} signed`].p50)
  return [
    {
      budget: 'rounds of 5 voters without signatures: ≥ 50,000/s',
      measured: perSecond(round),
      isMet: 1e6 / round.mean >= 50_000,
    },
    {
      budget: 'rounds of 5 voters with signatures: ≥ 70 % of what the bare signature checks allow',
      measured: `${perSecond(signed)} of ${perSecond(bare)}`,
      isMet: bare.mean / signed.mean >= 0.7,
    },
    {
      budget: '1,000 voters in one round: a vote at most 4× one of 100 (were it quadratic: 10×)',
      measured: times(most / few),
      isMet: most / few <= 4,
    },
    {
      budget: '10,000 open rounds: a vote, its signature checked, at most 1.2× one with 100',
      measured: times(busy / idle),
      isMet: busy / idle <= 1.2,
    },
  ]
}
