/** Desks of several partitions for tests: an owner for each, with an agent and an account of its own. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { partitionOf } from '../../src/protocol/partition.ts'
import { account, AAPL, bars, instrument, portfolio, price } from './market.ts'
import { UNTHROTTLED, type Rig } from './sidecar.ts'

/** The shipped constitution without its throttles, under which every agent may trade and none has to beat. */
export const DESKS_LAW = {
  constitution: mkdtempSync(join(tmpdir(), 'ephor-desks-')),
  acceptFailingCases: 'agents of a test',
}
cpSync(UNTHROTTLED, DESKS_LAW.constitution, { recursive: true })
const table = (name: string): string => join(DESKS_LAW.constitution, 'tables', `${name}.csv`)
writeFileSync(table('permissions'), 'agent.id,instrument.class,instrument.id\n*,*,*\n')
writeFileSync(table('heartbeats'), 'agent.id,required [yes/no]\n*,no\n')
process.once('exit', () => {
  rmSync(DESKS_LAW.constitution, { recursive: true, force: true })
})

export interface Desk {
  readonly owner: string
  readonly agent: string
  readonly account: string
}

/** Agents that have tokens in a rig. */
const AGENTS = ['keeper', 'alpha', 'hedger', 'quick', 'chief', 'guard', 'reader']

/** An owner that lies in a partition. */
export function ownerIn(number: number, of: number): string {
  for (let place = 0; ; place += 1) if (partitionOf(`desk-${place}`, of) === number) return `desk-${place}`
}

/** One desk for each partition, by their numbers. */
export function desksOf(of: number): readonly Desk[] {
  return AGENTS.slice(0, of).map((agent, number) => ({
    owner: ownerIn(number, of),
    agent,
    account: `main-${number}`,
  }))
}

/** Registers the agent and the account of each through `rig`. */
export async function registerDesks(rig: Rig, desks: readonly Desk[]): Promise<void> {
  for (const { owner, agent, account: name } of desks) {
    const said = [
      await rig.post('/v1/agents', 'operator-1', { agent, role: 'trader', owner }),
      await rig.post('/v1/accounts', 'operator-1', { account: name, owner }),
    ]
    for (const answer of said) if (answer.status !== 200) throw new Error(`not registered: ${answer.text}`)
  }
}

/** What an order of any desk is judged by, all of it fresh. */
export const marketOf = (at: number, desks: readonly Desk[]): object[] => [
  instrument(at),
  price(at, 'nyse'),
  price(at, 'bats'),
  ...bars(at, AAPL),
  ...desks.flatMap((desk) => [account(at, 10_000_000, desk.account), portfolio(at, 1000, desk.account)]),
]
