/** Calls a sidecar over HTTP, for the demo. */
export interface Called {
  readonly status: number
  readonly body: Record<string, unknown>
  /** From call to answer, in milliseconds. */
  readonly millis: number
}

export type Call = (path: string, token: string, body: unknown) => Promise<Called>

/** Posts JSON to the sidecar at `base`. */
export function callerAt(base: string): Call {
  return async (path, token, body) => {
    const started = performance.now()
    const response = await fetch(`${base}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const answer = (await response.json()) as Record<string, unknown>
    return { status: response.status, body: answer, millis: performance.now() - started }
  }
}
