/** Holds the logs of several partitions against each other, by nothing of Ephor's own but the layout of a line: what one decided no other did, and no halt passed one by. */

interface Decided {
  readonly decision: string
  readonly verdict: string
  readonly request: { readonly agent: string; readonly action: { readonly account?: string } }
}

type Event =
  | { readonly type: 'decided'; readonly decision: Decided }
  | { readonly type: 'taken'; readonly lane: string; readonly entry: string }
  | {
      readonly type: 'owned' | 'followed'
      readonly event?: Owned
      readonly account?: string
      readonly owner?: string
    }
  | { readonly type: 'halted'; readonly halt: string }

interface Owned {
  readonly type: string
  readonly account?: string
  readonly owner?: string
}

/** What was found wrong; empty where nothing is. `logs` by partition, `halts` the entries of the emergency lane that are halts. */
export function checkAcross(
  logs: ReadonlyMap<string, readonly string[]>,
  halts: readonly string[],
): string[] {
  const problems: string[] = []
  const deciders = new Map<string, string>()
  const accounts = new Map<string, string>()
  const owners = new Map<string, string>()
  const once = (what: string, known: Map<string, string>, key: string, value: string): void => {
    const before = known.get(key) ?? value
    known.set(key, before)
    if (before !== value) problems.push(`${what} \`${key}\` is of ${before} and of ${value}`)
  }
  for (const [partition, lines] of logs) {
    const taken = new Set<string>()
    const halted = new Set<string>()
    for (const line of lines) {
      const { event } = JSON.parse(line) as { event: Event }
      if (event.type === 'decided') {
        const { decision, verdict, request } = event.decision
        once('decision', deciders, decision, partition)
        const { account } = request.action
        if (verdict === 'allow' && account !== undefined) once('account', accounts, account, partition)
      }
      if (event.type === 'taken' && event.lane === 'halts') taken.add(event.entry)
      if (event.type === 'halted') halted.add(event.halt)
      const fixed = event.type === 'followed' ? event.event : event.type === 'owned' ? event : undefined
      if (fixed?.type === 'owned') once('account', owners, fixed.account ?? '', fixed.owner ?? '')
    }
    for (const entry of halts) {
      if (!taken.has(entry)) problems.push(`${partition} did not take the halt ${entry}`)
      if (!halted.has(`h-${entry}`)) problems.push(`${partition} was not halted by ${entry}`)
    }
  }
  return problems
}
