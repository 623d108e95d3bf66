/** The scene of the demo in which agents vote: nine weeks make their track records, then four proposals, and each certificate is checked. */
import { appendFileSync, cpSync } from 'node:fs'
import { join } from 'node:path'
import { v7 as uuidv7 } from 'uuid'
import { EphorError } from '../base/errors.ts'
import { verifyCertificate } from '../consensus/verify-certificate.ts'
import { ballotOn, signVote } from '../consensus/vote.ts'
import type { Order } from '../protocol/action.ts'
import { ProposalAnswer } from '../protocol/answers.ts'
import { ActionAnswer } from '../protocol/decision.ts'
import type { Observation } from '../protocol/observation.ts'
import type { Choice } from '../protocol/proposal.ts'
import { TOTAL_WEIGHT, type Voter } from '../protocol/roster.ts'
import type { Call, Get } from './caller.ts'
import { account, instrument, portfolio, prices, quietBars } from './demo-steps.ts'
import {
  CAPITAL,
  DEMO_KEYS,
  DEMO_PUBLIC_KEYS,
  DEMO_VOTERS,
  instrumentOf,
  pricesByDay,
  RECORD_DAYS,
  registrationOf,
} from './demo-voters.ts'
import { printLine, printTable } from './output.ts'

const DAY_MS = 86_400_000
/** What lies before the votes, in milliseconds. */
export const RECORDS_MS = RECORD_DAYS * DAY_MS
const EQUITY = 150_000_000

const EQUITY_DETAILS = {
  assetClass: 'equity',
  tick: 0.01,
  multiplier: 1,
  adv: 50_000_000,
  sharesOutstanding: 15_000_000_000,
} as const

/** Writes the shipped constitution to `directory`, and lets each trader trade its own instrument. */
export function writePermitting(shipped: string, directory: string): void {
  cpSync(shipped, directory, { recursive: true })
  const rows = [...pricesByDay().keys()].map((agent) => `${agent},equity,${instrumentOf(agent)}\n`)
  appendFileSync(join(directory, 'tables', 'permissions.csv'), rows.join(''))
}

/** Gives each voter a token; answers them by name. */
export function giveTokens(home: string, token: () => string, hash: (token: string) => string): Tokens {
  const tokens = Object.fromEntries(DEMO_VOTERS.map(({ agent }) => [agent, token()]))
  const lines = Object.entries(tokens).map(
    ([name, text]) => `  - { name: ${name}, role: agent, sha256: ${hash(text)} }\n`,
  )
  appendFileSync(join(home, 'tokens.yaml'), lines.join(''))
  return tokens
}
type Tokens = Readonly<Record<string, string>>

interface Round {
  readonly title: string
  readonly quantity: number
  /** In this order; a second vote of one agent is an equivocation. */
  readonly votes: readonly (readonly [agent: string, choice: Choice])[]
  /** Whether the clock runs to the deadline. */
  readonly timesOut?: true
}

const ROUNDS: readonly Round[] = [
  {
    title: 'early',
    quantity: 10_000,
    votes: ['steady', 'careful', 'guard', 'chief', 'flat', 'bold', 'wild', 'sinking'].map((agent) => [
      agent,
      'yes',
    ]),
  },
  {
    title: 'veto',
    quantity: 11_000,
    votes: [
      ['steady', 'yes'],
      ['careful', 'yes'],
      ['chief', 'yes'],
      ['guard', 'no'],
    ],
  },
  {
    title: 'timeout',
    quantity: 12_000,
    votes: [
      ['steady', 'yes'],
      ['chief', 'yes'],
      ['bold', 'abstain'],
    ],
    timesOut: true,
  },
  {
    title: 'two words',
    quantity: 13_000,
    votes: [
      ['bold', 'yes'],
      ['bold', 'no'],
      ['steady', 'yes'],
      ['careful', 'yes'],
      ['guard', 'yes'],
      ['flat', 'yes'],
      ['chief', 'yes'],
      ['wild', 'yes'],
      ['sinking', 'yes'],
    ],
  },
]

export interface VoteStage {
  readonly call: Call
  readonly get: Get
  readonly tokens: Tokens & Readonly<Record<'feeder' | 'operator' | 'alpha', string>>
  readonly setNow: (now: number) => void
}

interface Ended {
  readonly round: Round
  readonly view: ProposalAnswer
  readonly answer: ActionAnswer
  readonly problems: readonly string[]
}

/** Plays the scene, with the votes from `from` on, and prints it; answers whether every certificate stands. */
export async function playVotes(from: number, stage: VoteStage): Promise<boolean> {
  printLine(
    `\nA vote: ${DEMO_VOTERS.length} agents, ${RECORD_DAYS} days of trading by ${pricesByDay().size} of them, then four rebalances above 1 % of the account’s equity, which the rule order-value-review sends to them`,
  )
  const scene = new Scene(stage)
  await scene.makeRecords(from - RECORDS_MS)
  const ended: Ended[] = []
  for (const [index, round] of ROUNDS.entries()) ended.push(await scene.vote(round, from + index * 60_000))
  printEnded(ended)
  return ended.every(({ problems }) => problems.length === 0)
}

class Scene {
  readonly #stage: VoteStage
  readonly #prices = pricesByDay()
  #now = 0
  #observed = -1

  constructor(stage: VoteStage) {
    this.#stage = stage
  }

  /** Lets every trader buy for its capital, then lets the days pass. */
  async makeRecords(from: number): Promise<void> {
    this.#setNow(from)
    for (const voter of DEMO_VOTERS) await this.#post('/v1/agents', 'operator', registrationOf(voter))
    await this.#post('/v1/agents', 'operator', { agent: 'alpha', strategies: ['rebalance'] })
    await this.#market(0, [])
    for (const [agent, [price = 0]] of this.#prices) await this.#buy(agent, price)
    for (let day = 1; day < RECORD_DAYS; day += 1) {
      this.#setNow(from + day * DAY_MS)
      await this.#observe(this.#pricesOn(day))
    }
  }

  async vote(round: Round, at: number): Promise<Ended> {
    this.#setNow(at)
    await this.#market(RECORD_DAYS, this.#held())
    for (const { agent } of DEMO_VOTERS) await this.#beat(agent)
    await this.#beat('alpha')
    const order = orderOf('AAPL', round.quantity, 200, 'rebalance')
    const request = { id: uuidv7({ msecs: at }), agent: 'alpha', action: order }
    const asked = ActionAnswer.parse(await this.#post('/v1/actions', 'alpha', request))
    const [proposal] = asked.proposals ?? []
    if (proposal === undefined)
      throw new EphorError('INTERNAL', `nothing was put to the vote: ${JSON.stringify(asked.reasons)}`)
    for (const [index, [agent, choice]] of round.votes.entries()) {
      this.#setNow(at + (index + 1) * 100)
      if (!(await this.#cast(proposal, agent, choice))) break
    }
    if (round.timesOut === true) {
      const { deadline } = await this.#see(proposal, 'alpha')
      // Fresh prices first, so that nothing but the vote denies.
      this.#setNow(deadline - 100)
      await this.#market(RECORD_DAYS, this.#held())
      this.#setNow(deadline)
    }
    const answer = ActionAnswer.parse(await this.#post('/v1/actions', 'alpha', request))
    const view = await this.#see(proposal, 'alpha')
    const { digest, constitution } = view.proposal
    const found = verifyCertificate(view.certificate, {
      round: proposal,
      digest,
      constitution,
      keys: DEMO_PUBLIC_KEYS,
    })
    return { round, view, answer, problems: found.isValid ? [] : found.problems }
  }

  /** Whether the round was still open. */
  async #cast(proposal: string, agent: string, choice: Choice): Promise<boolean> {
    const view = await this.#see(proposal, agent)
    const keys = DEMO_KEYS.get(agent)
    if (view.state !== 'open' || keys === undefined) return false
    const path = `/v1/proposals/${proposal}/votes`
    const vote = signVote(ballotOn(view, agent, choice), keys.privateKey)
    const { status, body } = await this.#stage.call(path, this.#tokenOf(agent), vote)
    if (status !== 200 && body.code !== 'VOTE_EQUIVOCATED')
      throw new EphorError('INTERNAL', `a vote of the demo was refused: ${JSON.stringify(body)}`)
    return true
  }

  async #see(proposal: string, as: string): Promise<ProposalAnswer> {
    const { body } = await this.#stage.get(`/v1/proposals/${proposal}`, this.#tokenOf(as))
    return ProposalAnswer.parse(body)
  }

  /** Buys for the agent's capital at `price`, redeems, and reports it filled. */
  async #buy(agent: string, price: number): Promise<void> {
    await this.#beat(agent)
    const quantity = CAPITAL / price
    const action = orderOf(instrumentOf(agent), quantity, price, 'own')
    const request = { id: uuidv7({ msecs: this.#now }), agent, action }
    const { decision, verdict, reasons } = ActionAnswer.parse(await this.#post('/v1/actions', agent, request))
    if (verdict !== 'allow') throw new EphorError('INTERNAL', JSON.stringify(reasons))
    const report = { order: decision, filled: quantity, price, at: this.#now }
    await this.#post('/v1/executions', 'feeder', [
      { ...report, execution: `v-${agent}-1`, event: 'accepted', filled: 0, price: undefined },
      { ...report, execution: `v-${agent}-2`, event: 'filled' },
    ])
  }

  /** All that orders are judged by. */
  async #market(day: number, held: readonly { instrument: string; quantity: number }[]): Promise<void> {
    const now = this.#now
    const bars = [
      ...quietBars('AAPL', 200, 80_000)(now),
      ...[...this.#prices].flatMap(([agent, byDay]) =>
        quietBars(instrumentOf(agent), byDay[day] ?? Number.NaN, 80_000)(now),
      ),
    ]
    const names = ['AAPL', ...[...this.#prices.keys()].map(instrumentOf)]
    await this.#observe([
      ...names.map((name) => instrument(name, EQUITY_DETAILS)(now)),
      ...prices('AAPL', ['nyse', 'bats'], 200)(now),
      ...this.#pricesOn(day),
      // Those of the last five minutes were told before.
      ...bars.filter((bar) => bar.kind === 'bar' && bar.to > this.#observed),
      account('main', EQUITY)(now),
      portfolio('main', held)(now),
    ])
    this.#observed = now
  }

  #pricesOn(day: number): Observation[] {
    return [...this.#prices].flatMap(([agent, byDay]) =>
      prices(instrumentOf(agent), ['nyse', 'bats'], byDay[day] ?? Number.NaN)(this.#now),
    )
  }

  #held(): { instrument: string; quantity: number }[] {
    return [...this.#prices].map(([agent, [price = 0]]) => ({
      instrument: instrumentOf(agent),
      quantity: CAPITAL / price,
    }))
  }

  #setNow(now: number): void {
    this.#now = now
    this.#stage.setNow(now)
  }

  #tokenOf(name: string): string {
    return this.#stage.tokens[name] ?? ''
  }

  async #beat(agent: string): Promise<void> {
    await this.#post(`/v1/agents/${agent}/heartbeat`, agent, {})
  }

  async #observe(observations: readonly Observation[]): Promise<void> {
    await this.#post('/v1/observations', 'feeder', observations)
  }

  async #post(path: string, as: string, body: unknown): Promise<Record<string, unknown>> {
    const called = await this.#stage.call(path, this.#tokenOf(as), body)
    if (called.status !== 200)
      throw new EphorError('INTERNAL', `${path} of the demo was refused: ${JSON.stringify(called.body)}`)
    return called.body
  }
}

function orderOf(name: string, quantity: number, limitPrice: number, strategy: string): Order {
  return {
    type: 'order',
    account: 'main',
    instrument: name,
    side: 'buy',
    quantity,
    orderType: 'limit',
    limitPrice,
    strategy,
  }
}

const percent = (share: number): string => (share * 100).toFixed(1)

function printEnded(ended: readonly Ended[]): void {
  const voters = ended[0]?.view.roster.voters ?? []
  printTable(
    [
      'agent',
      'role',
      'weight %',
      'power %',
      'Sharpe',
      'drawdown %',
      ...ended.map(({ round }) => round.title),
    ],
    DEMO_VOTERS.map(({ agent }) => {
      const voter = voters.find((one) => one.agent === agent)
      return [agent, ...rowOf(voter), ...ended.map(({ view }) => votesOf(view, agent))]
    }),
    [9, 25, 10, 9, 8, 12, 7, 7, 9, 12],
  )
  printTable(
    ['proposal', 'outcome', 'yes / no / abstain %', 'votes', 'certificate', 'answer'],
    ended.map(({ round, view, answer, problems }) => {
      const { tally, votes, certificate } = view
      const reason = certificate?.reason ?? null
      return [
        `${round.title}: ${round.quantity.toLocaleString('en-US')} AAPL`,
        reason === null ? view.state : `${view.state}: ${reason}`,
        [tally.yes, tally.no, tally.abstain].map((weight) => percent(weight / TOTAL_WEIGHT)).join(' / '),
        `${votes.length} of ${view.roster.voters.length}`,
        problems.length === 0 ? 'stands' : problems.join('; '),
        [answer.verdict, ...answer.reasons.map(({ code }) => code)].join(' '),
      ]
    }),
    [24, 18, 21, 8, 13, 24],
  )
}

function rowOf(voter: Voter | undefined): string[] {
  if (voter === undefined) return ['no voter', '–', '–', '–', '–']
  const { role, field, weight, power, performance, veto } = voter
  return [
    `${field === null ? role : `specialist, ${field}`}${veto ? ' (veto)' : ''}`,
    percent(weight / TOTAL_WEIGHT),
    percent(power),
    performance?.sharpe?.toFixed(2) ?? '–',
    performance === null ? '–' : percent(performance.drawdown),
  ]
}

function votesOf({ votes }: ProposalAnswer, agent: string): string {
  const vote = votes.find((one) => one.agent === agent)
  if (vote === undefined) return '–'
  return vote.equivocated ? `${vote.choice}, then not: against` : vote.choice
}
