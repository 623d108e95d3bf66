/** The order in which test files run: those that take long first, so that no worker is left with one of them when the others are done. */
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** From the longest. A file that is not named runs behind them, as vitest has it: by its last duration, or its size. */
export const LONGEST: readonly string[] = [
  'test/simulation/simulation.test.ts',
  'test/scenarios/knight-2012.test.ts',
  'test/chaos/kill.test.ts',
  'test/laws/monotone.test.ts',
  'test/contract/train.test.ts',
  'test/laws/grants.test.ts',
  'test/simulation/interleavings.test.ts',
  'src/optimizer/train/train.test.ts',
  'src/journal/tamper.test.ts',
  'test/cluster/deployments.test.ts',
  'test/cluster/members.test.ts',
  'test/mistakes/typos.test.ts',
  'test/scenarios/how-others-failed.test.ts',
  'test/contract/constitution.test.ts',
  'test/contract/grants.test.ts',
  'test/laws/agreement.test.ts',
  'test/laws/tuning.test.ts',
  'test/chaos/damage.test.ts',
  'test/cluster-simulation/cluster-simulation.test.ts',
  'src/sidecar/checkpoints.test.ts',
  'test/simulation/checkpoints.test.ts',
  'test/contract/consent.test.ts',
  'test/contract/optimizer.test.ts',
]

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { root } = this.ctx.config
    const place = ({ moduleId }: TestSpecification): number => {
      const found = LONGEST.indexOf(moduleId.slice(root.length + 1).replaceAll('\\', '/'))
      return found < 0 ? LONGEST.length : found
    }
    // oxlint-disable-next-line unicorn/no-array-sort -- a sequencer's, and no array's
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b))
  }
}
