/** Who votes in the demo: eight agents, and nine weeks in which six of them trade, each its own instrument at prices drawn by a seed. */
import { generateKeyPair, publicKeyToPem, type KeyPair } from '../base/ed25519.ts'
import { seeded } from '../base/random.ts'
import type { AgentRegistration } from '../protocol/agent.ts'

export interface DemoVoter {
  readonly agent: string
  readonly role: 'coordinator' | 'specialist'
  readonly field?: 'risk' | 'execution' | 'market' | 'portfolio'
  readonly owner: string
  /** How its instrument does in a day: mean and spread, as shares of its price; no track record without it. */
  readonly days?: readonly [mean: number, spread: number]
}

export const DEMO_VOTERS: readonly DemoVoter[] = [
  { agent: 'chief', role: 'coordinator', owner: 'desk-1' },
  { agent: 'guard', role: 'specialist', field: 'risk', owner: 'desk-2' },
  { agent: 'steady', role: 'specialist', field: 'market', owner: 'desk-3', days: [0.0006, 0.004] },
  { agent: 'bold', role: 'specialist', field: 'market', owner: 'desk-4', days: [0.0015, 0.015] },
  { agent: 'flat', role: 'specialist', field: 'execution', owner: 'desk-5', days: [0.0001, 0.002] },
  { agent: 'sinking', role: 'specialist', field: 'execution', owner: 'desk-6', days: [-0.001, 0.008] },
  { agent: 'careful', role: 'specialist', field: 'portfolio', owner: 'desk-7', days: [0.0006, 0.002] },
  { agent: 'wild', role: 'specialist', field: 'portfolio', owner: 'desk-8', days: [-0.0005, 0.025] },
]

/** Days that lie behind the votes: more than the policy wants of a record, and whole weeks, so that the first is a trading day as the last is. */
export const RECORD_DAYS = 182
/** Dollars that each trades with. */
export const CAPITAL = 900_000
const FIRST_PRICE = 100
const SEED = 7

export const DEMO_KEYS: ReadonlyMap<string, KeyPair> = new Map(
  DEMO_VOTERS.map(({ agent }) => [agent, generateKeyPair()]),
)

/** Its public key in PEM, by agent. */
export const DEMO_PUBLIC_KEYS: ReadonlyMap<string, string> = new Map(
  [...DEMO_KEYS].map(([agent, { publicKey }]) => [agent, publicKeyToPem(publicKey)]),
)

export const instrumentOf = (agent: string): string => agent.toUpperCase()

export function registrationOf({ agent, role, field, owner, days }: DemoVoter): Partial<AgentRegistration> {
  const publicKey = DEMO_PUBLIC_KEYS.get(agent)
  return {
    agent,
    role,
    owner,
    strategies: ['own'],
    ...(field === undefined ? {} : { field }),
    ...(publicKey === undefined ? {} : { publicKey }),
    ...(days === undefined ? {} : { capital: { amount: CAPITAL, currency: 'USD' } }),
  }
}

/** The price of each trader's instrument on the first day and on each after it, in whole cents. */
export function pricesByDay(): ReadonlyMap<string, readonly number[]> {
  const random = seeded(SEED)
  // The sum of twelve even draws, less six, is close to a normal one.
  const normal = (): number => Array.from({ length: 12 }, random).reduce((sum, one) => sum + one, -6)
  return new Map(
    DEMO_VOTERS.flatMap(({ agent, days }) => {
      if (days === undefined) return []
      const [mean, spread] = days
      const prices = [FIRST_PRICE]
      for (let day = 0; day < RECORD_DAYS; day += 1)
        prices.push((prices.at(-1) as number) * (1 + mean + spread * normal()))
      return [[agent, prices.map((price) => Math.round(price * 100) / 100)] as const]
    }),
  )
}
