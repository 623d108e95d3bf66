/** Programs of the system that some tests use: found on the PATH, or installed with the system's package manager where that may be done. */
import { spawnSync } from 'node:child_process'

const INSTALLERS = [
  ['apt-get', 'install', '-y', '-q'],
  ['dnf', 'install', '-y', '-q'],
  ['apk', 'add', '-q'],
] as const

const isThere = (program: string): boolean => spawnSync(program, ['--version']).error === undefined

/** Sees to it that there is `program`, which is in the first of `packages` that can be installed; answers whether there is. */
export function provide(program: string, packages: readonly string[] = [program]): boolean {
  if (isThere(program)) return true
  const installer = INSTALLERS.find(([manager]) => isThere(manager))
  if (installer === undefined || process.getuid?.() !== 0) return false
  const [manager, ...args] = installer
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  for (const name of packages) {
    spawnSync(manager, [...args, name], { env })
    if (isThere(program)) return true
  }
  return false
}
