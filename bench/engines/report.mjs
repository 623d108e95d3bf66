/** What the comparison of rule engines says, as Markdown. */
import { versionOf } from '../machine.mjs'
import { digits, table, times, us } from '../table.mjs'
import { PEERS } from './compare.mjs'

const HEAD = 'Rules'

export function reportEngines({ cases, indexed }) {
  const names = PEERS.map(({ name, packageName }) => `${name} ${versionOf(packageName)}`)
  return [
    '## Rule engines',
    '',
    `The same rules and the same orders in Ephor, ${names.join(', ')}. Before anything is timed, all engines must give the right answer on generated orders, among them orders exactly at a limit, one unit inside and one beyond; "agreed on" counts the orders all of them answered. The first tables time orders that are allowed, for which every engine must look at every rule that applies. Ephor’s findings give observed value, limit and headroom of each rule; its peers tell which rules are breached (Cedar, json-rules-engine) or the first (Zen, Casbin).`,
    '',
    '### All findings, facts and inputs prepared',
    '',
    'Median time of one evaluation, and how many times Ephor’s.',
    '',
    compared(cases, ({ judge }) => judge, ''),
    '',
    '### All findings, from a plain object',
    '',
    compared(cases, ({ gatherAndJudge }) => gatherAndJudge, ', from a plain object'),
    '',
    '### Verdict only, facts and inputs prepared',
    '',
    compared(cases, ({ verdict }) => verdict, ''),
    '',
    '### Denied orders, facts and inputs prepared',
    '',
    'Casbin and Zen stop at the first limit that is passed; the others look at all of them.',
    '',
    deniedTable(cases),
    '',
    '### 99th percentiles, facts and inputs prepared',
    '',
    percentiles(cases),
    '',
    '### What the index costs',
    '',
    'Twenty rules alone, and the same twenty among 10,000 in 500 groups; "orders on all groups" takes turns through all of them, so that each group’s code and data are cold. Those are two thousand orders, and the facts of so many are colder than those of 240, so they are held against twenty rules alone on as many orders.',
    '',
    indexTable(indexed),
  ].join('\n')
}

function compared(cases, ours, suffix) {
  const rows = cases.map(({ title, agreed, results }) => {
    const { p50 } = ours(results)
    const cells = PEERS.map(({ name }) => {
      const peer = results[`${name}${suffix}`]
      return peer === undefined ? 'not run' : `${us(peer.p50)} (${times(peer.p50 / p50)})`
    })
    return [title, us(p50), ...cells, agreed === undefined ? 'Ephor alone' : agreed.actions]
  })
  return table([HEAD, 'Ephor', ...PEERS.map(({ name }) => name), 'agreed on'], rows)
}

function deniedTable(cases) {
  const rows = cases.map(({ title, denied }) => [
    title,
    us(denied.judge.p50),
    us(denied.verdict.p50),
    ...PEERS.map(({ name }) => (denied[name] === undefined ? 'not run' : us(denied[name].p50))),
  ])
  return table([HEAD, 'Ephor, findings', 'Ephor, verdict', ...PEERS.map(({ name }) => name)], rows)
}

function percentiles(cases) {
  const rows = cases.map(({ title, results }) => [
    title,
    us(results.judge.p99),
    us(results.verdict.p99),
    ...PEERS.map(({ name }) => {
      const peer = results[name]
      return peer === undefined ? 'not run' : `${us(peer.p99)} (${digits(peer.evaluations)} evaluations)`
    }),
  ])
  return table([HEAD, 'Ephor, findings', 'Ephor, verdict', ...PEERS.map(({ name }) => name)], rows)
}

function indexTable({ alone, aloneAsMany, one, all, aloneJudge, aloneAsManyJudge, oneJudge, allJudge }) {
  const row = (title, verdict, judge, besideVerdict, besideJudge) => [
    title,
    us(verdict.p50),
    us(verdict.p99),
    times(verdict.p50 / besideVerdict.p50),
    us(judge.p50),
    us(judge.p99),
    times(judge.p50 / besideJudge.p50),
  ]
  return table(
    ['Rules', 'verdict p50', 'p99', 'of alone', 'findings p50', 'p99', 'of alone'],
    [
      row('20 alone', alone, aloneJudge, alone, aloneJudge),
      row('10,000 of which 20 apply, orders on one group', one, oneJudge, alone, aloneJudge),
      row('20 alone, two thousand orders', aloneAsMany, aloneAsManyJudge, aloneAsMany, aloneAsManyJudge),
      row('10,000 of which 20 apply, orders on all groups', all, allJudge, aloneAsMany, aloneAsManyJudge),
    ],
  )
}

/** Held against the budgets of the design. */
export function budgetsOfEngines({ cases, indexed }) {
  const hundred = cases.find(({ rules }) => rules === 100)
  const { p50 } = hundred.results.judge
  const [bestName, best] = PEERS.map(({ name }) => [name, hundred.results[name].p50]).toSorted(
    ([, a], [, b]) => a - b,
  )[0]
  return [
    {
      budget: 'judge with all findings, 100 rules: p50 ≤ 2 µs',
      measured: us(p50),
      isMet: (slowness) => p50 <= 2 * slowness,
    },
    {
      budget: 'judge with all findings, 100 rules: ≥ 50× the best peer',
      measured: `${times(best / p50)} (${bestName})`,
      isMet: best / p50 >= 50,
    },
    {
      budget: 'verdict only, 10,000 rules of which 20 apply: p50 ≤ 0.5 µs, orders on one group',
      measured: us(indexed.one.p50),
      isMet: (slowness) => indexed.one.p50 <= 0.5 * slowness,
    },
    {
      budget: 'the same, orders on all groups',
      measured: us(indexed.all.p50),
      isMet: (slowness) => indexed.all.p50 <= 0.5 * slowness,
    },
    {
      budget: 'verdict only, 10,000 rules of which 20 apply: ≤ 2× of 20 rules alone, orders on one group',
      measured: times(indexed.one.p50 / indexed.alone.p50),
      isMet: indexed.one.p50 <= 2 * indexed.alone.p50,
    },
    {
      budget: 'the same, orders on all groups, beside as many orders on 20 rules alone',
      measured: times(indexed.all.p50 / indexed.aloneAsMany.p50),
      isMet: indexed.all.p50 <= 2 * indexed.aloneAsMany.p50,
    },
  ]
}
