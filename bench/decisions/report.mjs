/** What the comparison of decisions with disk and bare server says, as Markdown. */
import { digits, table, times, us } from '../table.mjs'
import { RULE_COUNT } from './world.mjs'

export function reportDecisions({ openOrders, connections, handle, inProcess, served, withoutPermits }) {
  const { recordBytes, one, group } = inProcess
  const single = (title, { p50, p99 }) => [title, us(p50), us(p99), times(p50 / one.disk.p50)]
  const grouped = (title, rate) => [title, `${digits(rate)}/s`, times(rate / group.disk)]
  return [
    '## Decisions',
    '',
    `Orders that ${RULE_COUNT} rules over live facts allow; a record has ${digits(recordBytes)} bytes, and the bare loop writes and fdatasyncs records of that size in the same directory. Over HTTP each verdict carries a signed permit, which nobody redeems, so five seconds later its end is a record of its own. The caller runs in a process of its own on the same machine and shares its cores with the server.`,
    '',
    '### In process',
    '',
    `\`handle\` alone with ${digits(openOrders)} open orders: p50 ${us(handle.p50)}, p99 ${us(handle.p99)}.`,
    '',
    table(
      ['One at a time', 'p50', 'p99', 'of the bare loop'],
      [
        single('bare write and fdatasync', one.disk),
        single('sidecar, durable', one.durable),
        single('sidecar, without fsync', one.unsynced),
      ],
    ),
    '',
    table(
      [`${connections} at a time`, 'rate', 'of the bare loop'],
      [
        grouped(`bare write of ${connections} records and one fdatasync`, group.disk),
        grouped('sidecar, durable', group.durable),
        grouped('sidecar, without fsync', group.unsynced),
      ],
    ),
    '',
    '### Over HTTP, durable',
    '',
    'Beside a bare Fastify route that parses the same body and sends an answer of the same size, with no journal.',
    '',
    table(
      [
        'Transport, connections',
        'Ephor p50',
        'p99',
        'rate',
        'bare p50',
        'p99',
        'rate',
        'p50 ratio',
        'rate ratio',
      ],
      served.map(({ transport, connections: count, ephor, bare }) => [
        `${transport}, ${count}`,
        us(ephor.p50),
        us(ephor.p99),
        `${digits(ephor.rate)}/s`,
        us(bare.p50),
        us(bare.p99),
        `${digits(bare.rate)}/s`,
        times(ephor.p50 / bare.p50),
        times(ephor.rate / bare.rate),
      ]),
    ),
    '',
    `The same sidecar without a signer, so that no verdict carries a permit, over the Unix socket, ${connections} at a time: p50 ${us(withoutPermits.p50)}, p99 ${us(withoutPermits.p99)}, ${digits(withoutPermits.rate)}/s.`,
  ].join('\n')
}

/** Held against the budgets of the design. */
export function budgetsOfDecisions({ handle, inProcess, served, withoutPermits }) {
  const sync = inProcess.one.disk.p50
  const find = (transport, isOne) =>
    served.find((row) => row.transport === transport && (row.connections === 1) === isOne).ephor
  const one = find('Unix socket', true)
  const many = find('Unix socket', false)
  return [
    {
      budget: '`handle` of an order, 10,000 open orders: p50 ≤ 20 µs, p99 ≤ 100 µs',
      measured: `${us(handle.p50)}, ${us(handle.p99)}`,
      isMet: handle.p50 <= 20 && handle.p99 <= 100,
    },
    {
      budget: 'decision over the socket, durable, one at a time: p50 ≤ one fdatasync + 300 µs',
      measured: `${us(one.p50)} beside ${us(sync)} + 300 µs`,
      isMet: one.p50 <= sync + 300,
    },
    {
      budget: 'decisions over the socket, durable, with permits: ≥ 8,000/s, p99 ≤ 10 ms',
      measured: `${digits(many.rate)}/s, ${us(many.p99)}`,
      isMet: many.rate >= 8_000 && many.p99 <= 10_000,
    },
    {
      budget: 'the same, without permits: ≥ 15,000/s',
      measured: `${digits(withoutPermits.rate)}/s`,
      isMet: withoutPermits.rate >= 15_000,
    },
  ]
}
