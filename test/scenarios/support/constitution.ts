/** What the incidents are judged by: the shipped constitution, and beside it what it does not hold yet. */
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CONSTITUTION } from '../../support/sidecar.ts'

/** A copy for this process, edited; its cases are those of the original and are left out. */
export function copyOf(constitution: string, edit: (directory: string) => void): string {
  const directory = mkdtempSync(join(tmpdir(), 'ephor-incidents-'))
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }))
  cpSync(constitution, directory, { recursive: true })
  rmSync(join(directory, 'cases'), { recursive: true, force: true })
  edit(directory)
  return directory
}

/** Replaces `what` in a file, which must be there. */
export function editFile(directory: string, file: string, what: string, by: string): void {
  const path = join(directory, file)
  const text = readFileSync(path, 'utf8')
  if (!text.includes(what)) throw new Error(`${file} does not say ${what}`)
  writeFileSync(path, text.replace(what, by))
}

/** Lets a rule speak without denying. */
export function shadow(directory: string, rule: string): void {
  const files = readdirSync(join(directory, 'rules')).map((name) => join('rules', name))
  const line = `- id: ${rule}\n`
  const holding = files.find((file) => readFileSync(join(directory, file), 'utf8').includes(line))
  editFile(directory, holding ?? 'no file', line, `${line}    mode: shadow\n`)
}

const SUBJECTS = `  order: [order, replace]
  position: [order, replace]
  parent: [order, replace]
`

const FACTS = `
  strategy.id: { type: text, source: ledger }
  order.hasParent: { type: boolean, source: action, always: true }
  order.direction: { type: ratio, is: "if(order.side == 'buy', 1, -1)" }
  position.quantity: { type: quantity, source: ledger }
  position.open: { type: quantity, source: ledger, always: true }
  position.worst: { type: quantity, is: abs(position.quantity + order.direction * (position.open + order.quantity)) }
  position.worstValue: { type: money, is: position.worst * instrument.multiplier * market.reference * instrument.fx }
  account.otherGross: { type: money, source: ledger }
  parent.quantity: { type: quantity, source: ledger, always: order.hasParent }
  parent.committed: { type: quantity, source: ledger, always: order.hasParent }
  position.filled5min: { type: quantity, sum: fill.quantity, by: [account.id, instrument.id], window: 5min }
  strategy.fills10s: { type: count, count: fills, by: [strategy.id], window: 10s }
  limit.fills10s: { type: count, table: strategies, column: fills10s }
`

const RULES = `
rules:
  - id: parent-overrun
    title: Children never add up to more than their parent
    why: At Knight in 2012 212 parents became over 4 million children
    cites: [SEC Rule 15c3-5]
    checks: [C06]
    applies: { actions: [order, replace] }
    forbid: order.hasParent and parent.committed + order.quantity > parent.quantity
    raise: { state: halted, scope: strategy }

  - id: runaway-strategy
    title: A strategy that trades too often is halted until people resume it
    why: A program in a loop is stopped by its own fills
    cites: [MiFID II RTS 6 Art. 15(3)]
    checks: [C08]
    applies: { actions: [order, replace] }
    forbid: strategy.fills10s >= limit.fills10s
    unless: action.reducing
    raise: { state: halted, scope: strategy }

  - id: gross-leverage
    title: All positions together, open orders included, are worth at most the equity
    why: What an account cannot lose it should not hold
    cites: [SEC 15c3-5(c)(1)(i)]
    checks: [C12]
    applies: { actions: [order, replace] }
    forbid: account.otherGross + position.worstValue > account.equity
    unless: action.reducing
`

function addRules(directory: string): void {
  editFile(directory, 'facts.yaml', '  order: [order, replace]\n', SUBJECTS)
  appendFileSync(join(directory, 'facts.yaml'), FACTS)
  // Of what an account does in all, not of one order.
  editFile(
    directory,
    'rules/size.yaml',
    'forbid: order.quantity > 9% * market.volume5min',
    'forbid: position.filled5min + position.open + order.quantity > 9% * market.volume5min',
  )
  writeFileSync(join(directory, 'rules', 'incidents.yaml'), RULES)
  const strategies = join(directory, 'tables', 'strategies.csv')
  if (!existsSync(strategies)) writeFileSync(strategies, 'strategy.id,fills10s [count]\n*,50\n')
}

/** Once the shipped constitution holds C06, C08, C12 and the whole of C23 itself: `CONSTITUTION`. */
export const INCIDENTS = copyOf(CONSTITUTION, addRules)
