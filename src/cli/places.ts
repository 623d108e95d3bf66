/** Where a checkout of Ephor lies, and what may lie beside it. */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** Where a checkout may have market data beside it. */
export const DATA = join(ROOT, '..', 'shared', 'data')
