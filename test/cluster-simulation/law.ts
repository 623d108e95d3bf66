/** The law of the simulated sidecars: a position that has its bounds, and orders that voters are asked about. */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { publicKeyToPem, type KeyPair } from '../../src/base/ed25519.ts'
import { sha256 } from '../../src/base/hash.ts'
import { compile } from '../../src/constitution/compile.ts'
import type { Input } from '../../src/engine/step.ts'
import type { Order } from '../../src/protocol/action.ts'
import { constitutionOf } from '../support/constitution.ts'
import { FACTS, HALTED, longLimit, ORDERS } from '../support/small-law.ts'
import { ONLY_ORDERS, VOTERS, type VoterName } from '../support/quorum.ts'

/** Lots that what is held and open may come to, on either side. Small, so that agents run into it all the time. */
export const LOTS_MAX = 20
/** Orders above so many lots are put to the vote. */
const LOTS_ALONE = 4

export const TRADERS = ['ada', 'bob', 'cy'] as const
export const VOTER_NAMES = Object.keys(VOTERS) as VoterName[]

const RULES = [
  HALTED,
  longLimit(LOTS_MAX),
  {
    id: 'short-limit',
    title: 'No less than so many lots',
    forbid: `position.quantity - position.open - order.quantity < instrument.lot * -${LOTS_MAX}`,
    applies: { ...ORDERS, 'order.side': ['sell'] },
    unless: 'action.reducing',
  },
  {
    id: 'large',
    title: 'Large orders are put to the vote',
    escalate: `order.quantity > instrument.lot * ${LOTS_ALONE}`,
    to: 'large-orders',
    applies: ORDERS,
    unless: 'action.reducing',
  },
]

export const PROGRAM = compile(
  constitutionOf({ 'facts.yaml': JSON.stringify(FACTS), 'rules/all.yaml': JSON.stringify({ rules: RULES }) }),
)

/** The same keys in each run, so that a seed is played again to the byte. */
export function keysOf(name: string): KeyPair {
  const der = Buffer.concat([
    Buffer.from('302e020100300506032b657004220420', 'hex'),
    Buffer.from(sha256(name), 'hex'),
  ])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  return { privateKey, publicKey: createPublicKey(privateKey) }
}

export const VOTER_KEYS = Object.fromEntries(VOTER_NAMES.map((name) => [name, keysOf(name)])) as Record<
  VoterName,
  KeyPair
>

/** What is said before trading begins. */
export function opening(at: number): Input[] {
  const instrument = 'ONE'
  return [
    { kind: 'activate', program: PROGRAM, by: 'author' },
    { kind: 'quorate', policies: ONLY_ORDERS, by: 'author' },
    ...TRADERS.map((agent): Input => ({
      kind: 'register',
      registration: { agent, role: 'trader', strategies: [] },
      by: 'operator',
    })),
    ...VOTER_NAMES.map((agent): Input => ({
      kind: 'register',
      registration: {
        agent,
        strategies: [],
        publicKey: publicKeyToPem(VOTER_KEYS[agent].publicKey),
        ...VOTERS[agent],
      },
      by: 'operator',
    })),
    ...VOTER_NAMES.map((agent): Input => ({ kind: 'beat', agent })),
    {
      kind: 'observations',
      feeder: 'feed',
      observations: [
        {
          kind: 'instrument',
          instrument,
          assetClass: 'equity',
          currency: 'USD',
          lot: 1,
          tick: 0.01,
          multiplier: 1,
          status: 'open',
          at,
        },
        { kind: 'price', instrument, source: 'nyse', price: 100, at },
        { kind: 'price', instrument, source: 'bats', price: 100, at },
        { kind: 'portfolio', account: 'main', positions: [], at },
      ],
    },
  ]
}

export const orderOf = (side: 'buy' | 'sell', quantity: number): Order => ({
  type: 'order',
  account: 'main',
  instrument: 'ONE',
  side,
  quantity,
  orderType: 'limit',
  limitPrice: 100,
})
