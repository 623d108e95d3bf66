/** A small law for sidecars in chaos: an account may hold so many lots, open ones included, and not one more. */
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { emergencyText } from '../support/policy.ts'

/** Lots that may be held and open together. Small, so that agents run into it all the time. */
export const LOTS_MAX = 60

const FACTS = {
  actions: {
    order: ['order', 'replace'],
    position: ['order', 'replace'],
    instrument: ['order', 'replace', 'cancel'],
  },
  facts: {
    'trading.state': { type: ['active', 'reducing', 'halted'], source: 'ledger', always: true },
    'action.reducing': { type: 'boolean', source: 'ledger' },
    'order.side': { type: ['buy', 'sell'], source: 'action', always: true },
    'order.quantity': { type: 'quantity', source: 'action', always: true },
    'instrument.lot': { type: 'quantity', source: 'market', always: true },
    'position.quantity': { type: 'quantity', source: 'ledger' },
    'position.open': { type: 'quantity', source: 'ledger', always: true },
  },
}
/** Policies have one monitor at least; this one has nothing to see. */
const MONITOR = { id: 'day-loss', watches: 'daily-loss', limit: '90%', state: 'reducing', scope: 'account' }
const RULES = {
  rules: [
    {
      id: 'halted',
      title: 'Halted',
      forbid: "trading.state == 'halted'",
      applies: { actions: ['order', 'replace'] },
    },
    {
      id: 'long-limit',
      title: 'No more than so many lots',
      forbid: `position.quantity + position.open + order.quantity > instrument.lot * ${LOTS_MAX}`,
      applies: { actions: ['order', 'replace'], 'order.side': ['buy'] },
      unless: 'action.reducing',
    },
  ],
}

/** Directories of the law and of policies, as arguments of `ephor serve`, below one directory to remove. */
export function writeLaw(): { readonly directory: string; readonly args: readonly string[] } {
  const directory = mkdtempSync(join(tmpdir(), 'ephor-law-'))
  const [constitution, policies] = [join(directory, 'constitution'), join(directory, 'policies')]
  for (const each of [constitution, join(constitution, 'rules'), policies]) mkdirSync(each)
  const manifest = { name: 'chaos', version: '1.0.0', effectiveFrom: '2026-01-01T00:00:00Z', currency: 'USD' }
  writeFileSync(join(constitution, 'constitution.yaml'), JSON.stringify(manifest))
  writeFileSync(join(constitution, 'facts.yaml'), JSON.stringify(FACTS))
  writeFileSync(join(constitution, 'rules', 'all.yaml'), JSON.stringify(RULES))
  writeFileSync(join(policies, 'emergency.yaml'), emergencyText(MONITOR))
  return { directory, args: ['--constitution', constitution, '--policies', policies] }
}
