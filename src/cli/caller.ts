/** Calls a sidecar over HTTP, for the demo. */
export interface Called {
  readonly status: number
  readonly body: Record<string, unknown>
  /** From call to answer, in milliseconds. */
  readonly millis: number
}

export type Call = (path: string, token: string, body: unknown) => Promise<Called>

export type Get = (path: string, token: string) => Promise<Called>

/** Posts JSON to the sidecar at `base`. */
export function callerAt(base: string): Call {
  return (path, token, body) =>
    exchange(`${base}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
}

/** Asks the sidecar at `base`. */
export function getterAt(base: string): Get {
  return (path, token) => exchange(`${base}${path}`, { headers: { authorization: `Bearer ${token}` } })
}

async function exchange(url: string, init: RequestInit): Promise<Called> {
  const started = performance.now()
  const response = await fetch(url, init)
  const body = (await response.json()) as Record<string, unknown>
  return { status: response.status, body, millis: performance.now() - started }
}
