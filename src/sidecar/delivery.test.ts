/** Constitutions that come over the cluster: what is to come into force is held to what is known of mistakes, and what came into force is read as it was. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { inDirectory } from '../../test/journal-support/journals.ts'
import type { InboxEntry } from '../cluster/cluster.ts'
import { checkConstitution } from '../constitution/check.ts'
import { ConstitutionStore, readFiles } from './constitutions.ts'
import { deliveredOf, learnFrom } from './delivery.ts'

const FILES = readFiles(join(import.meta.dirname, '../../constitution'))
const withHours = (zone: string) =>
  new Map(
    [...FILES].map(([path, text]) => [
      path,
      text.replace('equity,pre,America/New_York', `equity,pre,${zone}`),
    ]),
  )
const lawOf = (zone: string) => {
  const { constitution } = checkConstitution(withHours(zone), true)
  if (constitution === undefined) throw new Error('it does not read')
  return constitution
}
const activating = (constitution: string): InboxEntry => ({
  lane: 'inbox',
  entry: '1-0',
  sidecar: 'other',
  input: JSON.stringify({ kind: 'activate', constitution, by: 'author' }),
})

test('with a slip it is refused by name, also where the sender takes it; of a record of the log it is learnt', () =>
  inDirectory(async (directory) => {
    const [slip, sound] = [lawOf('EST'), lawOf('US/Eastern')]
    const texts = new Map([slip, sound].map(({ hash, text }) => [hash, text]))
    const text = (hash: string) => Promise.resolve({ kind: 'text' as const, text: texts.get(hash) })
    const store = new ConstitutionStore(directory)
    const known = { text, keep: () => Promise.reject(new Error('nothing is kept')) }
    const refused = await deliveredOf(activating(slip.hash), store, known)
    expect(refused).toMatchObject({ input: undefined, refusal: { code: 'CONSTITUTION_INVALID' } })
    expect(refused.refusal?.detail).toContain('the clocks of `EST` are never put forward')
    const taken = await deliveredOf(activating(sound.hash), store, known)
    expect(taken.refusal).toBeUndefined()
    expect(taken.input).toMatchObject({ kind: 'activate', program: { constitution: { hash: sound.hash } } })
    const record = {
      seq: 1,
      prev: '0'.repeat(64),
      at: 0,
      event: { schema: 1, type: 'activated', constitution: slip.hash },
    }
    await learnFrom([{ sequence: 1, line: JSON.stringify(record) }] as never, store, known)
    expect(store.programOf(slip.hash)?.constitution.hash).toBe(slip.hash)
  }))
