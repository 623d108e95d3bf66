/** A world for the sidecar to judge in: forty rules over live facts, 64 instruments, one account, orders that pass. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkConstitution } from '../../dist/constitution/check.js'
import { compile } from '../../dist/constitution/compile.js'

export const AGENT = 'alpha'
export const INSTRUMENTS = Array.from({ length: 64 }, (_, index) => `I${String(index).padStart(2, '0')}`)

const ORDER = ['order', 'replace']

const FACTS = {
  actions: {
    order: ORDER,
    position: ORDER,
    market: ORDER,
    instrument: [...ORDER, 'cancel'],
    account: [...ORDER, 'cancel', 'transfer'],
  },
  facts: {
    'agent.id': { type: 'text', source: 'action', always: true },
    'account.id': { type: 'text', source: 'action', always: true },
    'agent.heartbeatAge': { type: 'duration', source: 'ledger' },
    'trading.state': { type: ['active', 'reducing', 'halted'], source: 'ledger', always: true },
    'action.reducing': { type: 'boolean', source: 'ledger' },
    'order.side': { type: ['buy', 'sell'], source: 'action', always: true },
    'order.orderType': { type: ['limit', 'market'], source: 'action', always: true },
    'order.quantity': { type: 'quantity', source: 'action', always: true },
    'order.limitPrice': { type: 'price', source: 'action', always: "order.orderType == 'limit'" },
    'order.direction': { type: 'ratio', is: "if(order.side == 'buy', 1, -1)" },
    'instrument.id': { type: 'text', source: 'action', always: true },
    'instrument.multiplier': { type: 'ratio', source: 'market', always: true },
    'instrument.adv': { type: 'quantity', source: 'market' },
    'instrument.sharesOutstanding': { type: 'quantity', source: 'market' },
    'instrument.fx': { type: 'fx', source: 'market' },
    'market.reference': { type: 'price', source: 'market', maxAge: '2h' },
    'market.sources': { type: 'count', source: 'market' },
    'market.disagreement': { type: 'ratio', source: 'market' },
    'order.worstPrice': {
      type: 'price',
      is: "if(order.orderType == 'limit', max(order.limitPrice, market.reference), market.reference * 1.05)",
    },
    'order.value': {
      type: 'money',
      is: 'order.quantity * instrument.multiplier * order.worstPrice * instrument.fx',
    },
    'position.quantity': { type: 'quantity', source: 'ledger' },
    'position.open': { type: 'quantity', source: 'ledger', always: true },
    'position.worst': {
      type: 'quantity',
      is: 'abs(position.quantity + order.direction * (position.open + order.quantity))',
    },
    'position.worstValue': {
      type: 'money',
      is: 'position.worst * instrument.multiplier * market.reference * instrument.fx',
    },
    'account.equity': { type: 'money', source: 'ledger', maxAge: '2h' },
    'account.highWater': { type: 'money', source: 'ledger' },
    'account.credit': { type: 'money', source: 'ledger', maxAge: '2h' },
  },
}

const CONDITIONS = [
  (step) => `order.value > ${1 + step}% * account.equity`,
  (step) => `order.value > ${1_000_000 + 250_000 * step} USD`,
  (step) => `order.quantity > ${5 + step}% * instrument.adv`,
  (step) => `position.worst > ${50 + step}% * instrument.adv`,
  (step) => `position.worst > ${5 + step}% * instrument.sharesOutstanding`,
  (step) => `position.worstValue > ${50 + 5 * step}% * account.equity`,
  (step) =>
    `order.orderType == 'limit' and abs(order.limitPrice - market.reference) > ${5 + step}% * market.reference`,
  (step) => `market.sources < 1 or market.disagreement > ${1 + step}%`,
  (step) => `account.equity < ${90 - step}% * account.highWater`,
  (step) => `order.value > ${20 + step}% * account.credit`,
]

export const RULE_COUNT = 40

function rules() {
  return Array.from({ length: RULE_COUNT }, (_, index) => ({
    id: `limit-${String(index).padStart(2, '0')}`,
    title: 'A limit of the benchmark',
    cites: ['MiFID II RTS 6 Art. 15'],
    applies: { actions: ORDER },
    forbid: CONDITIONS[index % CONDITIONS.length](Math.floor(index / CONDITIONS.length)),
    unless: 'action.reducing',
  }))
}

function files() {
  const manifest = {
    name: 'bench',
    version: '1.0.0',
    effectiveFrom: '2026-01-01T00:00:00Z',
    currency: 'USD',
  }
  return new Map([
    ['constitution.yaml', JSON.stringify(manifest)],
    ['facts.yaml', JSON.stringify(FACTS)],
    ['rules/all.yaml', JSON.stringify({ rules: rules() })],
  ])
}

/** The rule that lets a halt stop anything, for a file beside the others. */
export const HALTED = {
  rules: [
    {
      id: 'halted',
      title: 'While halted, only cancels',
      applies: { actions: ['order', 'replace'] },
      forbid: "trading.state == 'halted'",
    },
  ],
}

export function writeConstitution(directory) {
  mkdirSync(join(directory, 'rules'), { recursive: true })
  for (const [path, text] of files()) writeFileSync(join(directory, path), text)
}

export function constitution() {
  const { constitution: checked, issues } = checkConstitution(files())
  if (checked === undefined) throw new Error(`the constitution is refused: ${JSON.stringify(issues[0])}`)
  return checked
}

/** The inputs that make the world ready: constitution, agent, feeds. */
export function opening(at) {
  const observations = [
    { kind: 'account', account: 'main', currency: 'USD', equity: 100_000_000, cash: 100_000_000, at },
    {
      kind: 'portfolio',
      account: 'main',
      positions: INSTRUMENTS.map((instrument) => ({ instrument, quantity: 1000 })),
      at,
    },
    ...INSTRUMENTS.flatMap((instrument) => [
      {
        kind: 'instrument',
        instrument,
        assetClass: 'equity',
        currency: 'USD',
        lot: 1,
        tick: 0.01,
        multiplier: 1,
        adv: 50_000_000,
        sharesOutstanding: 900_000_000,
        status: 'open',
        at,
      },
      { kind: 'price', instrument, source: 'one', price: 100.25, at },
      { kind: 'price', instrument, source: 'two', price: 100.27, at },
    ]),
  ]
  return [
    { kind: 'register', registration: { agent: AGENT, role: 'trader', strategies: [] }, by: 'bench' },
    { kind: 'observations', observations, feeder: null },
  ]
}

export function activation() {
  return { kind: 'activate', program: compile(constitution()), by: 'bench' }
}

let made = 0

/** A request that no other of this process has the id of; `stream` keeps processes apart. */
export function request(now, stream = 0) {
  made += 1
  return {
    id: uuidv7(now, stream, made),
    agent: AGENT,
    action: {
      type: 'order',
      account: 'main',
      instrument: INSTRUMENTS[made % INSTRUMENTS.length],
      side: 'buy',
      quantity: 1 + (made % 20),
      orderType: 'limit',
      limitPrice: 100 + (made % 50) / 100,
    },
  }
}

function uuidv7(now, stream, count) {
  const time = now.toString(16).padStart(12, '0')
  const tail = count.toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}-7${stream.toString(16).padStart(3, '0')}-8000-${tail}`
}
