/** What the figures were taken on: never the machine's name. */
import { readFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'

export function machine() {
  const cores = cpus()
  return [
    `${cores.length} × ${cores[0]?.model ?? 'unknown processor'}`,
    `${Math.round(totalmem() / 2 ** 30)} GiB`,
    `${process.platform} ${process.arch}`,
    `Node ${process.versions.node} (V8 ${process.versions.v8})`,
  ].join(' · ')
}

/** The version installed beside this benchmark. */
export function versionOf(packageName) {
  const url = new URL(`node_modules/${packageName}/package.json`, import.meta.url)
  return JSON.parse(readFileSync(url, 'utf8')).version
}

/** How many processes wanted a core over the last minute: above the number of cores, others were in the way. */
export function load() {
  return loadavg()[0].toFixed(1)
}
