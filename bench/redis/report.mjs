/** What the measurements over Redis say, as Markdown. */
import { digits, table } from '../table.mjs'

const ms = (value) => `${digits(value)} ms`

export function reportRedis({ seconds, decisions, halts, promotions, refusal, rounds, topics, callers }) {
  return [
    '## Several sidecars over Redis',
    '',
    `A home and a follower, each a process of its own, over a Redis of their own on loopback; all share the cores of this machine. Decisions with ${callers * 4} connections for ${seconds} s each: at the home, and at the follower, which hands them on. Beside them, at the same Redis: a bare loop that adds records of 2 KB to a stream with as many on their way, and redis-benchmark doing the same.`,
    '',
    table(
      ['Redis', 'at the home', 'p99', 'handed on', 'p99', 'bare loop', 'redis-benchmark'],
      Object.entries(decisions).map(([kind, { home, follower, bare, benchmark }]) => [
        kind,
        `${digits(home.perSecond)}/s`,
        ms(home.p99),
        `${digits(follower.perSecond)}/s`,
        ms(follower.p99),
        `${digits(bare)}/s`,
        `${digits(benchmark)}/s`,
      ]),
    ),
    '',
    table(
      ['From', 'to', 'p50', 'p99', 'times'],
      [
        [
          'a halt sent to the follower, under load',
          'the home refuses',
          ms(halts.home.p50),
          ms(halts.home.p99),
          halts.home.count,
        ],
        ['', 'the follower refuses', ms(halts.follower.p50), ms(halts.follower.p99), halts.follower.count],
        [
          'SIGKILL of the home',
          'the other gives a verdict',
          ms(promotions.p50),
          ms(promotions.p99),
          promotions.count,
        ],
      ],
    ),
    '',
    `Redis stopped, ${refusal.rounds} times: the last verdict that let anything through came ${ms(refusal.home)} after at the home, ${ms(refusal.follower)} at the follower.`,
    '',
    `Rounds of five voters, ${callers} at a time: proposed at the home, and each signed vote sent as a call of its own, three at the home and two at the follower, which hands them on: ${digits(rounds.votesPerSecond)} votes a second beside ${digits(rounds.checksPerSecond)} bare checks of such a signature; a vote p50 ${ms(rounds.voteP50)}, p99 ${ms(rounds.voteP99)}; a round, from its proposal to its outcome, p50 ${ms(rounds.roundP50)}. There are no unsigned votes.`,
    '',
    'Messages of 200 bytes on a topic, both ends in one process with 512 on their way: said through one sidecar’s board and told by another’s, sealed in an envelope and read strictly, by the window in which they are gathered (`redis.batch`) and, where they are signed, for which they are signed once; beside a bare loop that adds as much to a stream and reads it.',
    '',
    table(
      ['Topics', 'told', 'p50', 'p99', 'of the bare loop'],
      Object.entries(topics).map(([way, { perSecond, p50, p99 }]) => [
        way,
        `${digits(perSecond)}/s`,
        ms(p50),
        ms(p99),
        `${digits(perSecond / topics['bare loop'].perSecond)}×`,
      ]),
    ),
  ].join('\n')
}

export function budgetsOfRedis({ halts, promotions, refusal, rounds, topics }) {
  const halt = Math.max(halts.home.p99, halts.follower.p99)
  const refused = Math.max(refusal.home, refusal.follower)
  const { 'bare loop': bare, ...ways } = topics
  const [best] = Object.values(ways).toSorted((a, b) => b.perSecond - a.perSecond)
  return [
    {
      budget: 'halt to every sidecar refusing, under load: p99 ≤ 10 ms',
      measured: ms(halt),
      isMet: halt <= 10,
    },
    {
      budget: 'promotion of a standby ≤ 600 ms',
      measured: `p99 ${ms(promotions.p99)}`,
      isMet: promotions.p99 <= 600,
    },
    { budget: 'partition to refusal ≤ 350 ms', measured: ms(refused), isMet: refused <= 350 },
    {
      budget: 'votes over Redis, two sidecars, signed: ≥ 70 % of bare checks, p99 ≤ 10 ms',
      measured: `${digits(rounds.votesPerSecond)}/s of ${digits(rounds.checksPerSecond)}/s, ${ms(rounds.voteP99)}`,
      isMet: rounds.votesPerSecond >= 0.7 * rounds.checksPerSecond && rounds.voteP99 <= 10,
    },
    {
      budget: 'topics: ≥ 42,000/s, p99 ≤ 1.25× of the bare loop',
      measured: `${digits(best.perSecond)}/s, ${digits(best.p99 / bare.p99)}×`,
      isMet: best.perSecond >= 42_000 && best.p99 <= 1.25 * bare.p99,
    },
  ]
}
