/** What a home said no to: nothing of it happened, and nothing of it is on its way. */
import { EphorError } from '../base/errors.ts'

export class HomeRefusal extends EphorError {}
