/** How a call fails: the sidecar's own codes, and three for when there was no answer to believe. */
import { EphorError, type ErrorCode } from '../base/errors.ts'

/** A call that did not end in an answer. Whatever the code: nothing was allowed. */
export class ClientError extends EphorError {
  /** The HTTP status that came; `null` when none did. */
  readonly status: number | null
  /** The body of a refusal, with what it has beside code and detail; `null` when none came. */
  readonly problem: Readonly<Record<string, unknown>> | null

  constructor(
    code: ErrorCode,
    detail: string,
    {
      status = null,
      problem = null,
      cause,
    }: { status?: number | null; problem?: Readonly<Record<string, unknown>> | null; cause?: unknown } = {},
  ) {
    super(code, detail, cause === undefined ? {} : { cause })
    this.status = status
    this.problem = problem
  }

  /** Whether the sidecar itself looked at this and refused it. Else it is not known what it thought. */
  get refused(): boolean {
    return this.problem !== null && this.status !== null && this.status < 500
  }
}
