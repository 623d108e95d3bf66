/** What the comparison of decisions with disk and bare server says, as Markdown. */
import { digits, table, times, us } from '../table.mjs'
import { RULE_COUNT } from './world.mjs'

export function reportDecisions({ openOrders, connections, handle, inProcess, served, beside }) {
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
    `Over the Unix socket, beside bare routes that write a record of the same size for each answer and fdatasync those of one moment together, and that sign each answer as well. The sidecar without permits has no signer; with permits it signs in a thread of its own.`,
    '',
    table(
      ['', 'connections', 'p50', 'p99', 'rate', 'of its bare route'],
      beside.flatMap((at) =>
        [
          ['bare route, durable', at.durable, at.durable],
          ['sidecar without permits', at.plain, at.durable],
          ['bare route, durable, signing', at.signed, at.signed],
          ['sidecar with permits', at.ephor, at.signed],
        ].map(([title, { p50, p99, rate }, peer]) => [
          title,
          at.connections,
          us(p50),
          us(p99),
          `${digits(rate)}/s`,
          times(rate / peer.rate),
        ]),
      ),
    ),
  ].join('\n')
}

/** Held against the budgets of the design. */
/** What the bare routes did where the budgets were set, answers a second. */
const BARE = { durable: 24_900, signed: 13_500 }

export function budgetsOfDecisions({ handle, inProcess, served, beside }) {
  const sync = inProcess.one.disk.p50
  const find = (transport, isOne) =>
    served.find((row) => row.transport === transport && (row.connections === 1) === isOne).ephor
  const one = find('Unix socket', true)
  const among = (tell) => beside.map((at) => `${tell(at)} with ${at.connections} connections`).join('; ')
  return [
    {
      budget: '`handle` of an order, 10,000 open orders: p50 ≤ 20 µs, p99 ≤ 100 µs',
      measured: `${us(handle.p50)}, ${us(handle.p99)}`,
      isMet: (slowness) => handle.p50 <= 20 * slowness && handle.p99 <= 100 * slowness,
    },
    {
      budget: 'decision over the socket, durable, one at a time: p50 ≤ one fdatasync + 300 µs',
      measured: `${us(one.p50)} beside ${us(sync)} + 300 µs`,
      isMet: (slowness) => one.p50 <= sync + 300 * slowness,
    },
    {
      budget: `decisions over the socket, durable, with permits: ≥ 8,000/s beside ${digits(BARE.signed)}/s of a bare route, p99 ≤ 10 ms`,
      measured: among(
        ({ ephor, signed }) => `${digits(ephor.rate)}/s beside ${digits(signed.rate)}/s, ${us(ephor.p99)}`,
      ),
      isMet: (slowness) =>
        beside.some(
          ({ ephor, signed }) =>
            ephor.rate >= (slowness === 1 ? 8_000 : (8_000 / BARE.signed) * signed.rate) &&
            ephor.p99 <= 10_000 * slowness,
        ),
    },
    {
      budget: `the same, without permits: ≥ 15,000/s beside ${digits(BARE.durable)}/s of a bare route`,
      measured: among(({ plain, durable }) => `${digits(plain.rate)}/s beside ${digits(durable.rate)}/s`),
      isMet: (slowness) =>
        beside.some(
          ({ plain, durable }) =>
            plain.rate >= (slowness === 1 ? 15_000 : (15_000 / BARE.durable) * durable.rate),
        ),
    },
  ]
}
