/** Holds what a verdict sets off against its record: what it reserves, which trading states it raises, until when it may be sent. */
import { canonicalJson } from '../base/canonical-json.ts'
import type { Program } from '../constitution/compile.ts'
import type { Facts } from '../constitution/facts.ts'
import type { Findings } from '../constitution/findings.ts'
import type { Judgement } from '../constitution/judge.ts'
import type { Decision } from '../protocol/decision.ts'
import { permitEnd } from '../protocol/permit.ts'
import { raisedBy, type Named } from './raising.ts'
import { isExit, isReducing, valueOf, worthOf } from './worth.ts'

/** What does not follow from the facts of what was decided upon, of which the rules said one of `rulings`; `undefined` when all does. */
export function effectsProblem(
  decision: Decision,
  program: Program,
  facts: Facts,
  rulings: readonly Ruling[],
): string | undefined {
  const { verdict, at, expires, reducing } = decision
  const end = verdict === 'allow' || verdict === 'narrow' ? permitEnd(at) : null
  if (expires !== end) return `\`expires\` is recorded as ${expires}, and comes out as ${end}`
  if (reducing !== isReducing(program, facts))
    return `\`reducing\` is recorded as ${reducing}, and comes out as ${!reducing}`
  const problems = rulings.map(
    (ruling) =>
      worthProblem(decision, program, facts, ruling) ?? exitProblem(decision, program, facts, ruling),
  )
  return problems.includes(undefined) ? basketProblem(decision, program, facts) : problems[0]
}

/** What the rules say together with the grants and approvals that an action used. */
type Ruling = Judgement['verdict']

/**
 * What the rules may have said of an action of which they say `ruling` with the grants that are recorded. Those of a denied action are not, and where the engine
 * or a quorum denied it they may have lifted all that the rules forbid. A denial reserves nothing either way.
 */
export function rulingsOn({ verdict, reasons }: Decision, ruling: Ruling): readonly Ruling[] {
  const isBeside = verdict === 'deny' && reasons.some(({ rule }) => rule === null)
  return ruling === 'deny' && isBeside ? ['deny', 'allow'] : [ruling]
}

function worthProblem(
  { worth }: Decision,
  program: Program,
  facts: Facts,
  ruling: Ruling,
): string | undefined {
  return differs('worth', worth, worthOf(program, facts, ruling))
}

function exitProblem(
  { exitWorth, action }: Decision,
  program: Program,
  facts: Facts,
  ruling: Ruling,
): string | undefined {
  // It was not recorded at first. Left out, nobody can say what an exit costs, which lets nothing through that its worth would not.
  if (exitWorth === undefined) return undefined
  const isOrder = action.type === 'order' || action.type === 'replace'
  if (!isOrder || !isExit(program, facts, ruling)) return '`exitWorth` is recorded of what is no exit'
  return differs('exitWorth', exitWorth, valueOf(program, facts))
}

function basketProblem(decision: Decision, program: Program, facts: Facts): string | undefined {
  const { basketWorth } = decision
  const isPart = isOfBasket(decision)
  if (basketWorth === undefined) return isPart === true ? '`basketWorth` is left out' : undefined
  if (isPart === false) return '`basketWorth` is recorded of what is in no basket'
  return differs('basketWorth', basketWorth, valueOf(program, facts))
}

/** Whether it is an order of a basket; `undefined` of a replacement whose order nobody asked about. */
function isOfBasket({ action, facts }: Decision): boolean | undefined {
  if (action.type === 'order') return action.basket !== undefined
  if (action.type !== 'replace') return false
  const recorded = facts['order.hasBasket']?.value
  return typeof recorded === 'boolean' ? recorded : undefined
}

function differs(what: string, recorded: number | null, derived: number | null): string | undefined {
  return recorded === derived
    ? undefined
    : `\`${what}\` is recorded as ${recorded}, and comes out as ${derived}`
}

/** What the breaches among `findings`, those on what was proposed, raise otherwise than it is recorded; `undefined` when it is the same. */
export function raisedProblem(decision: Decision, findings: Findings): string | undefined {
  const derived = raisedBy(findings, (kind) => nameOf(kind, decision))
  const [recorded, comesOut] = [canonicalJson(decision.raised), canonicalJson(derived)]
  return recorded === comesOut ? undefined : `${recorded} is recorded as raised, and ${comesOut} comes out`
}

/**
 * What the action is about. Two names are in the ledger alone, and there the record is believed: the strategy, where the order names none and no rule asked
 * for it; and whether what is cancelled or transferred is an instrument that was described, without which a breach raises nothing over it.
 */
function nameOf(kind: Named, decision: Decision): string | undefined {
  const { agent, action } = decision.request
  switch (kind) {
    case 'agent':
      return agent
    case 'account':
      return 'account' in action ? action.account : undefined
    case 'strategy':
      return strategyOf(decision) ?? recordedName(decision, kind) ?? 'the strategy'
    case 'instrument': {
      if (action.type === 'order' || action.type === 'replace') return action.instrument
      const name = recordedName(decision, kind)
      const meant =
        action.type === 'cancel' ? action.instrument : action.type === 'transfer' ? action.asset : undefined
      return name === meant ? name : undefined
    }
  }
}

/** The strategy that the action counts towards; `undefined` where the record does not say. */
function strategyOf({ request: { action }, facts, proposed }: Decision): string | undefined {
  if (action.type === 'order' && action.strategy !== undefined) return action.strategy
  const read = (proposed?.facts ?? facts)['strategy.id']?.value
  return typeof read === 'string' ? read : undefined
}

function recordedName({ raised }: Decision, kind: Named): string | undefined {
  return raised.flatMap(({ scope }) => (scope.kind === kind && 'name' in scope ? [scope.name] : []))[0]
}
