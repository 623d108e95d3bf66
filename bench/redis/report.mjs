/** What the measurements over Redis say, as Markdown. */
import { digits, table } from '../table.mjs'
import { OFFERED } from './topics.mjs'

const ms = (value) => `${digits(value)} ms`

export function reportRedis({ seconds, decisions, halts, promotions, refusal, rounds, topics, callers }) {
  return [
    '## Several sidecars over Redis',
    '',
    `A home and a follower, each a process of its own, over a Redis of their own on loopback, which know each other by their keys (\`keys/peers\`); all share the cores of this machine. Decisions with ${callers * 4} connections for ${seconds} s each: at the home, and at the follower, which hands them on. Beside them, at the same Redis: a bare loop that adds records of 2 KB to a stream with as many on their way, and redis-benchmark doing the same.`,
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
    `A halt sent to the follower while ${callers} agents at each sidecar ask without pause, under \`appendfsync always\`: when the last verdict that let something through came after it, and when a sidecar first told that it refuses, which is one more decision. Halts go over the Redis that carries everything, or over a small one of their own (\`redis.emergency\`, everysec), as the budget was set.`,
    '',
    table(
      ['Halts over', 'at', 'last allow p50', 'p99', 'first refusal p50', 'p99', 'halts'],
      Object.entries(halts).flatMap(([lane, seats]) =>
        Object.entries(seats).map(([seat, { passed, refused }]) => [
          lane,
          seat,
          ms(passed.p50),
          ms(passed.p99),
          ms(refused.p50),
          ms(refused.p99),
          passed.count,
        ]),
      ),
    ),
    '',
    `From SIGKILL of the home until the other gives a verdict: p50 ${ms(promotions.p50)}, p99 ${ms(promotions.p99)}, ${promotions.count} times.`,
    '',
    `Redis stopped, ${refusal.rounds} times: the last verdict that let anything through came ${ms(refusal.home)} after at the home, ${ms(refusal.follower)} at the follower.`,
    '',
    `Rounds of five voters, ${callers} at a time: proposed at the home, and each signed vote sent as a call of its own, three at the home and two at the follower, which hands them on: ${digits(rounds.votesPerSecond)} votes a second beside ${digits(rounds.checksPerSecond)} bare checks of such a signature; a vote p50 ${ms(rounds.voteP50)}, p99 ${ms(rounds.voteP99)}; a round, from its proposal to its outcome, p50 ${ms(rounds.roundP50)}. There are no unsigned votes.`,
    '',
    `Messages of 200 bytes on a topic: said through one sidecar’s board and told by another’s, sealed in an envelope and read strictly, by the window in which they are gathered (\`redis.batch\`) and, where they are signed, for which they are signed once; beside a bare loop that adds as much to a stream and reads it. First as many as there can be, both ends in one process with 512 on their way; then ${digits(OFFERED)} a second, as they are due, from one process to another.`,
    '',
    table(
      ['Topics', 'most', 'p50', 'p99', 'of the bare loop', `told of ${digits(OFFERED)}/s`, 'p50', 'p99'],
      Object.entries(topics).map(([way, { perSecond, p50, p99, offered }]) => [
        way,
        `${digits(perSecond)}/s`,
        ms(p50),
        ms(p99),
        `${digits(perSecond / topics['bare loop'].perSecond)}×`,
        `${digits(offered.perSecond)}/s`,
        ms(offered.p50),
        ms(offered.p99),
      ]),
    ),
  ].join('\n')
}

export function budgetsOfRedis({ halts, promotions, refusal, rounds, topics }) {
  const { home, follower } = halts['a Redis of its own']
  const halt = Math.max(home.passed.p99, follower.passed.p99)
  const refused = Math.max(refusal.home, refusal.follower)
  const { 'bare loop': bare, ...ways } = topics
  const [[way, { offered: best }]] = Object.entries(ways).toSorted(
    ([, a], [, b]) => a.offered.p99 - b.offered.p99,
  )
  return [
    {
      budget: 'halt to every sidecar refusing, under load, halts over a Redis of their own: p99 ≤ 10 ms',
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
      measured: `${digits(best.perSecond)}/s, ${digits(best.p99 / bare.offered.p99)}× (${way})`,
      isMet: best.perSecond >= 0.99 * OFFERED && best.p99 <= 1.25 * bare.offered.p99,
    },
  ]
}
