/** Which specialists are asked about an action: by the routing policy, on the snapshot that escalated it. In doubt, all. */
import { askedFields } from '../consensus/routed.ts'
import { gather, type Program } from '../constitution/compile.ts'
import { valueOf } from '../constitution/facts.ts'
import { judge } from '../constitution/judge.ts'
import type { Read } from '../constitution/model.ts'
import { compileRoutes } from '../constitution/routes.ts'
import type { ActionType } from '../protocol/action.ts'
import { EXPERT_FIELDS, type Policy } from '../protocol/policy.ts'
import type { Routing, RoutingPolicy } from '../protocol/routing.ts'

/** A routing policy in force. */
export interface RoutingInForce {
  readonly hash: string
  readonly content: RoutingPolicy
}

/** Routes are compiled once for each constitution they are read under. */
const compiled = new WeakMap<
  Program,
  { readonly hash: string; readonly routes: ReturnType<typeof compileRoutes> }
>()

function routesOf(program: Program, { hash, content }: RoutingInForce): ReturnType<typeof compileRoutes> {
  const known = compiled.get(program)
  if (known?.hash === hash) return known.routes
  const routes = compileRoutes(program.constitution, content)
  compiled.set(program, { hash, routes })
  return routes
}

/**
 * How a question under `policy` about an action is routed; `undefined` where all are asked: where no route surely holds, where one of those about the policy
 * cannot be told, and where the routes leave out nobody. Several routes that hold ask the fields of each.
 */
export function routingOf(
  routing: RoutingInForce | undefined,
  program: Program,
  policy: Policy,
  action: ActionType,
  read: Read,
  now: number,
): Routing | undefined {
  const about = routing?.content.routes.filter((route) => route.policy === policy.name) ?? []
  if (routing === undefined || about.length === 0) return undefined
  const { program: routes, broken } = routesOf(program, routing)
  if (about.some(({ id }) => broken.has(id))) return undefined
  const facts = gather(routes, action, read, now)
  const results = new Map(
    Array.from(judge(routes, action, facts).findings, ({ rule, result }) => [rule.id, result]),
  )
  // Unknown never narrows who is asked: it could have held, and asked others too.
  if (about.some(({ id }) => results.get(id) === 'unknown' || !results.has(id))) return undefined
  const holding = about.filter(({ id }) => results.get(id) === 'breach')
  const fields = askedFields(
    policy,
    holding.flatMap(({ ask }) => ask),
  )
  if (holding.length === 0 || fields.length === EXPERT_FIELDS.length) return undefined
  return {
    policy: routing.hash,
    routes: holding.map(({ id }) => id),
    fields,
    facts: Object.fromEntries(
      routes.actions[action].measured
        .map(({ slot, fact }) => [fact.name, valueOf(facts, slot, fact)] as const)
        .toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ),
  }
}
