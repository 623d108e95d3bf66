/** Accounts as operators register them: whose they are. */
import { z } from 'zod'
import { Name, SchemaVersion } from './common.ts'

/** Owns what nobody else was said to own. */
export const DEFAULT_OWNER = 'default'

/** The body of `POST /v1/accounts`. What is said once holds for good. */
export const AccountRegistration = z.strictObject({
  schema: SchemaVersion.optional(),
  account: Name,
  owner: Name.describe(
    `The desk or firm whose account it is, as in its agents’ registration; \`${DEFAULT_OWNER}\` for agents that have none`,
  ),
})
export type AccountRegistration = z.infer<typeof AccountRegistration>
