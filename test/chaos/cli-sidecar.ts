/** The real command line as a process of its own: started, killed, read by what it prints. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const CONSTITUTION = fileURLToPath(new URL('../../constitution', import.meta.url))

export interface CliSidecar {
  readonly base: string
  readonly child: ChildProcess
  /** Ends it at once, without a chance to finish anything. */
  readonly kill: () => Promise<void>
}

/** What is run before it, and what it finds in its environment. */
export interface Preload {
  readonly file: string
  readonly env: Readonly<Record<string, string>>
}

/** Starts `ephor serve`, with `more` arguments and a clock that is `aheadMs` ahead, and waits until it says where it listens. Throws with what it printed when it ends before. */
export async function serve(
  home: string,
  more: readonly string[] = [],
  aheadMs = 0,
  preload?: Preload,
): Promise<CliSidecar> {
  const args = [
    CLI,
    'serve',
    '--home',
    home,
    '--constitution',
    CONSTITUTION,
    '--port',
    '0',
    '--log-level',
    'warn',
    ...more,
  ]
  const clock = `--import=data:text/javascript,${encodeURIComponent(`const now = Date.now; Date.now = () => now() + (${aheadMs})`)}`
  const imports = [
    ...(aheadMs === 0 ? [] : [clock]),
    ...(preload === undefined ? [] : [`--import=${preload.file}`]),
  ]
  const child = spawn(process.execPath, [...imports, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...preload?.env },
  })
  const exited = once(child, 'exit')
  let output = ''
  const port = await new Promise<string>((resolve, reject) => {
    const look = (chunk: Buffer): void => {
      output += chunk.toString()
      const found = /http:\/\/127\.0\.0\.1:(\d+)/.exec(output)?.[1]
      if (found !== undefined) resolve(found)
    }
    child.stdout.on('data', look)
    child.stderr.on('data', look)
    child.on('exit', (code) => reject(new Error(`the sidecar ended with ${code}: ${output}`)))
  })
  return {
    base: `http://127.0.0.1:${port}`,
    child,
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}
