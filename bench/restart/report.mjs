/** What the comparison of restarts says, as Markdown. */
import { digits, table, us } from '../table.mjs'

const seconds = (ms) => `${(ms / 1000).toFixed(1)} s`
const megabytes = (bytes) => `${digits(Math.round(bytes / 1e6))} MB`

export function reportRestarts({
  events,
  journalBytes,
  openOrders,
  remembered,
  checkpointBytes,
  fast,
  whole,
  quiet,
  writing,
  heap,
}) {
  const start = (title, { restart, openMs, verifyMs, maxRssBytes }) => [
    title,
    digits(restart.folded),
    seconds(openMs),
    seconds(verifyMs),
    megabytes(maxRssBytes),
  ]
  const decided = (title, { delays, decisions, checkpoints }) => [
    title,
    us(delays.p50),
    us(delays.p99),
    us(delays.max),
    digits(decisions),
    digits(checkpoints),
  ]
  return [
    '## Restart',
    '',
    `A journal of ${digits(events)} events (${megabytes(journalBytes)}) by the real core: of six, one is a decision, one a redemption, two are a venue’s reports and two are prices. At its end ${digits(openOrders)} orders are open and ${digits(remembered)} decisions remembered. The checkpoint has ${megabytes(checkpointBytes)}. Each start is a process of its own; the file cache is warm. Every start holds each byte of the journal against its chain; that share of the time is told beside it.`,
    '',
    table(
      ['Start', 'records folded', 'ready after', 'of it verifying', 'peak memory'],
      [start('from a checkpoint', fast), start('from nothing', whole)],
    ),
    '',
    'Decisions on that state, one at a time, without fsync, while no checkpoint is written and while one follows the other:',
    '',
    table(
      ['', 'p50', 'p99', 'longest', 'decisions', 'checkpoints'],
      [decided('no checkpoint', quiet), decided('always one being written', writing)],
    ),
    '',
    'Heap of one open order, with all that is kept of it: the order, its permit, its place in sums, windows and memory:',
    '',
    table(
      ['Open orders', 'bytes each'],
      heap.map(({ orders, bytesEach }) => [digits(orders), digits(Math.round(bytesEach))]),
    ),
  ].join('\n')
}

/** Held against what is asked of a restart. */
export function budgetsOfRestarts({ events, fast }) {
  return [
    {
      budget: `restart of ${digits(events)} events from a checkpoint: ≤ 10 s`,
      measured: seconds(fast.openMs),
      isMet: fast.openMs <= 10_000,
    },
  ]
}
