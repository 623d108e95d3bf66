/** What surely did not happen: nothing of it is recorded, and nothing of it is on its way. */
import { EphorError } from '../base/errors.ts'

/** What a home said no to. */
export class HomeRefusal extends EphorError {}

/** What no home was asked. */
export class NotAsked extends EphorError {}
