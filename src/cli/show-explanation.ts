/** Prints why an order with a horizon was sent as it was. */
import { join } from 'node:path'
import type { RecordedDecision } from '../journal/query.ts'
import type { Explanation } from '../protocol/optimizer.ts'
import { ModelStore } from '../sidecar/models.ts'
import { printLine, printTable } from './output.ts'

function explanationOf({ decision }: RecordedDecision, home: string): Explanation | undefined {
  return new ModelStore(join(home, 'models')).explain(decision)
}

/** The record with its explanation, for machines. */
export function withExplanation(recorded: RecordedDecision, home: string): object {
  const explanation = explanationOf(recorded, home)
  return explanation === undefined ? recorded : { ...recorded, explanation }
}

export function printExplanation(recorded: RecordedDecision, home: string): void {
  const told = explanationOf(recorded, home)
  if (told === undefined) return
  const { optimizer, mode, policy, untuned, tuned, without } = told
  printLine(`optimizer ${optimizer}, ${mode} · policy ${policy}`)
  if (untuned !== null)
    printLine(`  left as it was: ${[untuned.why, ...untuned.rules].join(' ')}; without it ${without}`)
  if (tuned === null) return
  const { step, steps, left, region, baseline, chosen, change, applied, model, fallback, shares } = tuned
  const by = (binding: typeof region.mostBy): string =>
    binding.kind === 'rules' ? binding.rules.join(', ') : binding.kind
  printLine(
    `  step ${step} of ${steps}: ${chosen} of ${left} left, from ${region.least} (${by(region.leastBy)}) to ${region.most} (${by(region.mostBy)})`,
  )
  printLine(
    `  ${baseline.schedule} would send ${baseline.quantity}; ${model === null ? 'no model moves it' : `model ${model.slice(0, 12)} changed ${change}`}${fallback === null ? '' : ` (${fallback})`}; without the optimizer ${without}${applied ? '' : ', and so it was'}`,
  )
  if (shares === null) return
  printLine(`  on average the model changes ${shares.mean}; here each group of features adds`)
  printTable(
    ['group', 'adds', 'features'],
    shares.groups.map(({ group, value, features }) => [
      group,
      String(value),
      Object.entries(features)
        .map(([name, of]) => `${name} ${of}`)
        .join(', '),
    ]),
  )
}
