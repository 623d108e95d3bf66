/** Runs a real sidecar for a test: a directory of its own, a clock the test sets, real HTTP to it. */
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import { v7 as uuidv7 } from 'uuid'
import { systemClock } from '../../src/base/clock.ts'
import { sha256 } from '../../src/base/hash.ts'
import { start, type Running, type StartOptions } from '../../src/main.ts'
import { ActionAnswer } from '../../src/protocol/decision.ts'
import { openHome } from '../../src/sidecar/home.ts'
import type { Role } from '../../src/sidecar/tokens.ts'
import { callAt, type Answer, type CallOptions } from './http.ts'

/** Noon in New York on a Tuesday: every session is open. */
export const OPEN = Date.parse('2026-12-01T17:00:00Z')

export const POLICIES = fileURLToPath(new URL('../../policies', import.meta.url))
export const CONSTITUTION = fileURLToPath(new URL('../../constitution', import.meta.url))

/** The shipped constitution without its throttles: a test asks the same thing many times at one moment of its clock. */
export const UNTHROTTLED = mkdtempSync(join(tmpdir(), 'ephor-unthrottled-'))
cpSync(CONSTITUTION, UNTHROTTLED, { recursive: true })
for (const file of ['rules/conduct.yaml', 'cases/conduct.yaml']) rmSync(join(UNTHROTTLED, file))
process.once('exit', () => {
  rmSync(UNTHROTTLED, { recursive: true, force: true })
})

/** Tokens beside those that a first start makes: a second agent that may trade, and feeders bound to less. */
const MORE_TOKENS: readonly {
  name: string
  role: Role
  sources?: readonly string[]
  kinds?: readonly string[]
}[] = [
  { name: 'hedger', role: 'agent' },
  ...['chief', 'guard', 'quick', 'reader', 'keeper'].map((name) => ({ name, role: 'agent' as const })),
  { name: 'feed-nyse', role: 'feeder', sources: ['nyse'] },
  { name: 'feed-accounts', role: 'feeder', sources: [], kinds: ['account', 'portfolio'] },
  { name: 'feed-none', role: 'feeder', sources: [] },
]
const tokenOf = (name: string): string => `test-token-of-${name}`

export interface RigOptions extends Omit<StartOptions, 'home' | 'clock' | 'port'> {
  /** Lines for `limits:` in the configuration, as YAML flow mapping: `{ bodyBytes: 2048 }`. */
  readonly limits?: string
  /** The directory in which its home is made. */
  readonly root?: string
  /** What the feeder `feed` may report prices of. */
  readonly sources?: readonly string[]
}

/** A running sidecar, and what a test does with it. */
export class Rig {
  /** Wall time of the sidecar, in milliseconds since 1970; set it to let time pass. */
  now = OPEN
  readonly home: string
  readonly #options: RigOptions
  #running: Running | undefined
  #ticking: (() => void) | undefined

  constructor(options: RigOptions = {}) {
    this.#options = options
    this.home = mkdtempSync(join(options.root ?? tmpdir(), 'ephor-'))
    openHome(this.home, options.constitution ?? UNTHROTTLED, options.sources ?? ['nyse', 'bats', 'iex'])
    // JSON is YAML, and what is left out is left out of it.
    const lines = MORE_TOKENS.map(
      (token) => `  - ${JSON.stringify({ ...token, sha256: sha256(tokenOf(token.name)) })}\n`,
    )
    appendFileSync(join(this.home, 'tokens.yaml'), lines.join(''))
    if (options.limits !== undefined)
      appendFileSync(join(this.home, 'config.yaml'), `limits: ${options.limits}\n`)
  }

  get running(): Running {
    if (this.#running === undefined) throw new Error('the sidecar is not running')
    return this.#running
  }

  get base(): string {
    return `http://127.0.0.1:${this.running.listening.port}`
  }

  get journal(): string {
    return join(this.home, 'journal')
  }

  /** Starts the sidecar, or starts it again. */
  async start(changes: Partial<StartOptions> = {}): Promise<this> {
    const { limits: _, sources: __, root: ___, ...options } = this.#options
    this.#running = await start({
      constitution: UNTHROTTLED,
      policies: POLICIES,
      logger: pino({ level: 'silent' }),
      ...options,
      ...changes,
      home: this.home,
      port: 0,
      // Time passes when the test says so.
      every: (_, call) => {
        this.#ticking = call
        return () => {
          this.#ticking = undefined
        }
      },
      clock: { ...systemClock, now: () => this.now },
    })
    return this
  }

  /** Lets `seconds` pass, with a look at what nobody reports in each. */
  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      this.now += 1_000
      this.#ticking?.()
    }
    // What was seen is durable once what came after it is answered.
    await this.running.sidecar.submit({ kind: 'beat', agent: 'nobody' }).catch(() => undefined)
  }

  async stop(): Promise<void> {
    const running = this.#running
    this.#running = undefined
    await running?.stop()
  }

  /** Stops the sidecar and removes its directory. */
  async end(): Promise<void> {
    await this.stop()
    rmSync(this.home, { recursive: true, force: true })
  }

  token(name: string): string {
    if (MORE_TOKENS.some((token) => token.name === name)) return tokenOf(name)
    return readFileSync(join(this.home, 'tokens', name), 'utf8').trim()
  }

  /** Calls as the holder of a token, or as nobody. */
  call(method: string, path: string, as: string | null, options: CallOptions = {}): Promise<Answer> {
    const headers = {
      ...(as === null ? {} : { authorization: `Bearer ${this.token(as)}` }),
      ...options.headers,
    }
    return callAt(this.base, method, path, { ...options, headers })
  }

  get(path: string, as: string | null = 'auditor'): Promise<Answer> {
    return this.call('GET', path, as)
  }

  post(path: string, as: string | null, body: unknown): Promise<Answer> {
    return this.call('POST', path, as, { body })
  }

  /** Posts text or bytes as they are. */
  postRaw(path: string, as: string, raw: string | Uint8Array, type = 'application/json'): Promise<Answer> {
    return this.call('POST', path, as, { raw, headers: { 'content-type': type } })
  }

  /** Reports observations that must be accepted. */
  async observe(...observations: readonly object[]): Promise<void> {
    const answer = await this.post('/v1/observations', 'feed', observations)
    if (answer.status !== 200) throw new Error(`observations were refused: ${answer.text}`)
  }

  /** Takes the broker's word on the positions of `account`. */
  async adopt(account = 'main'): Promise<void> {
    const answer = await this.post(`/v1/portfolios/${account}/adopt`, 'operator-1', { reason: 'checked' })
    if (answer.status !== 200) throw new Error(`the portfolio was not adopted: ${answer.text}`)
  }

  /** Reports executions that must be counted; answers what is said of them. */
  async execute(...executions: readonly object[]): Promise<Record<string, unknown>> {
    const answer = await this.post('/v1/executions', 'feed', executions)
    if (answer.status !== 200) throw new Error(`executions were refused: ${answer.text}`)
    return answer.body
  }

  /** A request with a new id, as `agent`. */
  request(
    action: unknown,
    more: object = {},
    agent = 'alpha',
  ): { id: string; agent: string; action: unknown } {
    return { id: uuidv7({ msecs: this.now }), agent, action, ...more }
  }

  /** Judges an action under a new id; the answer must fit the protocol. */
  async judge(action: object, more: object = {}, agent = 'alpha'): Promise<ActionAnswer> {
    const answer = await this.post('/v1/actions', agent, this.request(action, more, agent))
    if (answer.status !== 200) throw new Error(`no verdict: ${answer.status} ${answer.text}`)
    return ActionAnswer.parse(answer.body)
  }
}

/** The codes of an answer's reasons, sorted; unknowns with a question mark. */
export function codesOf({ reasons }: ActionAnswer): string[] {
  return reasons.map(({ code, result }) => (result === 'unknown' ? `${code}?` : code)).toSorted()
}
