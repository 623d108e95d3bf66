/** The routing policy: which specialists are asked about a proposal, by condition on facts. Like every policy it tunes how, and loosens no rule. */
import { z } from 'zod'
import { Hash, Name, SchemaVersion } from './common.ts'
import { ExpertField } from './policy.ts'

export const ROUTES_MAX = 100
/** Characters of one condition. */
export const WHEN_MAX = 4_096

export const Route = z.strictObject({
  id: Name,
  title: z.string().min(1).max(256),
  policy: Name.describe('Of those on votes: the questions that it is about'),
  when: z.string().min(1).max(WHEN_MAX).describe('A condition in the language of the constitution'),
  ask: z
    .array(ExpertField)
    .min(1)
    .max(4)
    .describe('Where it surely holds, the specialists in these fields are asked'),
})
export type Route = z.infer<typeof Route>

export const RoutingPolicy = z.strictObject({
  schema: SchemaVersion,
  routes: z.array(Route).max(ROUTES_MAX).describe('By id'),
})
export type RoutingPolicy = z.infer<typeof RoutingPolicy>

/** How a proposal was routed when its round opened. */
export const Routing = z.strictObject({
  policy: Hash.describe('The routing policy in force'),
  routes: z.array(Name).min(1).max(ROUTES_MAX).describe('Whose conditions surely held, in order'),
  fields: z
    .array(ExpertField)
    .min(1)
    .max(4)
    .describe('All that were asked, in order: of the routes, and those with a veto'),
  facts: z
    .record(z.string(), z.union([z.number(), z.string(), z.boolean(), z.null()]))
    .describe('What the conditions read; null for what was not known'),
})
export type Routing = z.infer<typeof Routing>

export const RoutingAnswer = z.object({ schema: SchemaVersion, policy: Hash, routes: z.array(Route) })
export type RoutingAnswer = z.infer<typeof RoutingAnswer>
