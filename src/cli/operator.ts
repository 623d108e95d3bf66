/** How a command reaches a sidecar in an operator's name. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Command } from 'commander'
import { EphorError } from '../base/errors.ts'
import { createClient, type Client } from '../client/client.ts'
import { configOf } from '../sidecar/home.ts'

/** Milliseconds to wait for an answer: longer than the sidecar waits for every home. */
const TIMEOUT_MS = 5_000

export interface ReachOptions {
  home: string
  url?: string
  token?: string
}

/** The options that say which sidecar is asked, and in whose name. */
export function withReach(command: Command): Command {
  return command
    .option('--home <directory>', 'the directory of the sidecar, which has its socket and a token', '.ephor')
    .option('--url <url>', 'ask the sidecar there instead of over the socket')
    .option('--token <file>', 'the operator’s token; else `tokens/operator-1` in the directory')
}

/** Asks a sidecar and lets go of it. Rejects with `ClientError`, or `CONFIG_INVALID` where there is no token or no way to it. */
export async function asOperator<T>(options: ReachOptions, use: (client: Client) => Promise<T>): Promise<T> {
  const { home, url, token = join(home, 'tokens', 'operator-1') } = options
  const target = url === undefined ? { socketPath: socketOf(home) } : { url }
  if (url !== undefined && isOpen(url))
    process.stderr.write(`${url} is not encrypted: whoever is on the way can read the operator’s token\n`)
  const client = createClient({ ...target, token: readToken(token), timeoutMs: TIMEOUT_MS })
  try {
    return await use(client)
  } finally {
    client.close()
  }
}

/** Whether what goes to `url` can be read on its way. Throws `CONFIG_INVALID` where it is none. */
function isOpen(url: string): boolean {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw new EphorError('CONFIG_INVALID', `--url ${url}: expected http:// or https://, a host and a port`)
  const { protocol, hostname } = new URL(url)
  return protocol === 'http:' && !/^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname)
}

function readToken(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    throw new EphorError(
      'CONFIG_INVALID',
      `${file}: cannot be read; name the file of an operator’s token with --token`,
    )
  }
}

function socketOf(home: string): string {
  const { socket } = configOf(home)
  if (socket === null)
    throw new EphorError('CONFIG_INVALID', `${home}: \`socket: null\`; name the sidecar with --url`)
  return join(home, socket)
}
