/** What every route works with. */
import type { FastifyInstance } from 'fastify'
import type { Sidecar } from '../sidecar/sidecar.ts'
import type { Metrics } from './metrics.ts'
import type { RouteSchemas } from './schemas.ts'
import type { Jwks } from '../protocol/permit.ts'
import type { Role } from '../sidecar/home.ts'

export interface RouteContext {
  readonly app: FastifyInstance
  readonly sidecar: Sidecar
  readonly metrics: Metrics
  readonly journalDirectory: string
  /** The public keys of permits. */
  readonly jwks: Jwks
  /** Activates what stands in the constitution's directory; answers its hash. */
  readonly activate: ActivateDirectory
}

/** Reads, checks and activates the configured directory. `expected`: refuse any other hash. */
export type ActivateDirectory = (by: string, expected: string | undefined) => Promise<Activated>

export interface Activated {
  readonly constitution: string
  /** Whether it was not in force before. */
  readonly activated: boolean
  /** Cases beside it that do not hold. */
  readonly casesFailed: number
}

/** Options of a route: its roles, and its schemas for validation and OpenAPI. */
export function route(
  roles: readonly Role[],
  schemas: RouteSchemas,
): { config: { roles: readonly Role[] }; schema: RouteSchemas } {
  return { config: { roles }, schema: schemas }
}
