/** What every route works with. */
import type { FastifyInstance } from 'fastify'
import { EphorError } from '../base/errors.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { PolicyKind } from '../sidecar/policies.ts'
import type { Input, Sidecar } from '../sidecar/sidecar.ts'
import type { Metrics } from './metrics.ts'
import type { RouteSchemas } from './schemas.ts'
import type { Jwks } from '../protocol/permit.ts'
import type { Role } from '../sidecar/tokens.ts'

export interface RouteContext {
  readonly app: FastifyInstance
  readonly sidecar: Sidecar
  readonly metrics: Metrics
  readonly journalDirectory: string
  /** The public keys of permits. */
  readonly jwks: Jwks
  /** Activates what stands in the constitution's directory. */
  readonly activate: ActivateDirectory
  /** Puts the emergency policy in force that stands in the policies' directory. */
  readonly police: PoliceDirectory
}

/** Reads, checks and puts in force policies of the configured directory, in the name of `by`; refuses any other hash than `hash`. */
export type PoliceDirectory = (
  kind: PolicyKind,
  by: string,
  hash?: string,
) => Promise<{ readonly policy: string; readonly activated: boolean }>

/** Reads, checks and activates the configured directory, in the name of `by`. */
export type ActivateDirectory = (by: string, wanted: ActivationWish) => Promise<Activated>

export interface ActivationWish {
  /** Refuse any other hash. */
  readonly hash?: string | undefined
  /** Why it is put in force though cases beside it do not hold; without a reason it is not. */
  readonly acceptFailing?: string | undefined
}

export interface Activated {
  readonly constitution: string
  /** Whether it was not in force before. */
  readonly activated: boolean
  /** Cases beside it that do not hold. */
  readonly casesFailed: number
}

/** Submits an input that is answered with what was done, and gives that answer's body. Throws `EphorError` where it is refused. */
export async function done(sidecar: Sidecar, input: Input): Promise<Record<string, unknown>> {
  const effect = await sidecar.submit(input)
  if (effect.kind !== 'done')
    throw new EphorError('INTERNAL', `\`${input.kind}\` was answered as \`${effect.kind}\``)
  return { schema: SCHEMA_VERSION, ...effect.body }
}

/** Options of a route: its roles, and its schemas for validation and OpenAPI. */
export function route(
  roles: readonly Role[],
  schemas: RouteSchemas,
): { config: { roles: readonly Role[] }; schema: RouteSchemas } {
  return { config: { roles }, schema: schemas }
}
