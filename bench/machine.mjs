/** What the figures were taken on: never the machine's name. */
import { generateKeyPairSync, sign } from 'node:crypto'
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

/** Microseconds that an Ed25519 signature took where the budgets were set. */
export const BUDGETED_SIGNATURE = 25

/** Microseconds of processor that an Ed25519 signature takes here: the best of several runs, as a yardstick of the processor alone. */
export function signatureMicros() {
  const { privateKey } = generateKeyPairSync('ed25519')
  const text = Buffer.alloc(256, 'x')
  const runs = Array.from({ length: 12 }, () => {
    const started = process.hrtime.bigint()
    for (let index = 0; index < 200; index += 1) sign(null, text, privateKey)
    return Number(process.hrtime.bigint() - started) / 200 / 1000
  })
  return Math.min(...runs)
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
