/** What every route works with. */
import type { FastifyInstance } from 'fastify'
import { EphorError } from '../base/errors.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { Person, Waiting } from '../sidecar/approved.ts'
import type { PolicyKind } from '../sidecar/policies.ts'
import type { Front } from '../sidecar/front.ts'
import type { Input } from '../sidecar/sidecar.ts'
import type { Shared } from '../sidecar/shared.ts'
import type { Topics } from '../sidecar/topics.ts'
import type { Metrics } from './metrics.ts'
import type { RouteSchemas } from './schemas.ts'
import type { Jwks } from '../protocol/permit.ts'
import type { Role } from '../sidecar/tokens.ts'

export interface RouteContext {
  readonly app: FastifyInstance
  readonly sidecar: Front
  readonly topics: Topics
  readonly shared: Shared
  readonly metrics: Metrics
  /** The public keys of permits. */
  readonly jwks: Jwks
  /** Who bears a token that is no agent's, and its role. */
  readonly people: ReadonlyMap<string, Role>
  /** Activates what stands in the constitution's directory. */
  readonly activate: ActivateDirectory
  /** Puts the emergency policy in force that stands in the policies' directory. */
  readonly police: PoliceDirectory
}

/** Reads, checks and puts in force policies of the configured directory, in the name of a person; refuses any other hash than `hash`. */
export type PoliceDirectory = (
  kind: PolicyKind,
  person: Person,
  hash?: string,
) => Promise<{ readonly policy: string; readonly activated: boolean } & Waiting>

/** Reads, checks and activates the configured directory, in the name of a person. */
export type ActivateDirectory = (person: Person, wanted: ActivationWish) => Promise<Activated>

export interface ActivationWish {
  /** Refuse any other hash. */
  readonly hash?: string | undefined
  /** Whether it is put in force though cases beside it do not hold. */
  readonly acceptFailing?: boolean
}

export interface Activated extends Waiting {
  readonly constitution: string
  /** Whether it was not in force before. */
  readonly activated: boolean
  /** Cases beside it that do not hold. */
  readonly casesFailed: number
}

/** Submits an input that is answered with what was done, and gives that answer's body. Throws `EphorError` where it is refused. */
export async function done(sidecar: Front, input: Input): Promise<Record<string, unknown>> {
  const effect = await sidecar.submit(input)
  if (effect.kind !== 'done')
    throw new EphorError('INTERNAL', `\`${input.kind}\` was answered as \`${effect.kind}\``)
  return { schema: SCHEMA_VERSION, ...effect.body }
}

/** The status of an answer: what waits for others was taken, and is not done. */
export function statusOf({ waitsFor }: Waiting): 200 | 202 {
  return waitsFor === undefined ? 200 : 202
}

/** Options of a route that answers with a stream: `HEAD` would have no end. */
export const STREAM = { exposeHeadRoute: false }

/** Options of a route: its roles, and its schemas for validation and OpenAPI. */
export function route(
  roles: readonly Role[],
  schemas: RouteSchemas,
): { config: { roles: readonly Role[] }; schema: RouteSchemas } {
  return { config: { roles }, schema: schemas }
}
