import { configDefaults, defineConfig } from 'vitest/config'
import { LongestFirst } from './test/support/longest-first.ts'

/** What is tried there is what a Redis Cluster and Sentinels do: once is enough for several versions of Node. */
const DEPLOYED = ['test/cluster/deployments.test.ts', 'test/chaos/deployed-partitions.test.ts']

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(process.env.EPHOR_SHORT === '1' ? DEPLOYED : [])],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // Real sidecars under leases of 400 ms can lose one to whatever else runs on the machine. CI asks once more, and the report says of which test.
    retry: process.env.CI === undefined ? 0 : 1,
    // A worker keeps what it has loaded for its next files: to load it anew for each was a quarter of the time.
    isolate: false,
    // Left alone it keeps one processor idle.
    maxWorkers: '100%',
    // In a fresh clone vitest goes by size, and the longest are small files.
    sequence: { sequencer: LongestFirst },
  },
})
