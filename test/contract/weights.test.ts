/** `ephor weights propose` on a journal with rounds and prices. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { canonicalJson } from '../../src/base/canonical-json.ts'
import { generateKeyPair } from '../../src/base/ed25519.ts'
import { weightsCommand } from '../../src/cli/weights.ts'
import { readPolicies } from '../../src/consensus/read-policies.ts'
import { openJournal } from '../../src/journal/journal.ts'
import { AT } from '../support/consensus.ts'
import { roundOf, type Says } from '../support/outcomes.ts'

const root = mkdtempSync(join(tmpdir(), 'ephor-weights-'))
afterAll(() => rmSync(root, { recursive: true }))
const at = (name: string): string => join(root, name)

const SHIPPED = readFileSync(join(import.meta.dirname, '../../policies/consensus.yaml'), 'utf8')
// Three voters, so that caps of 40 % would not hold.
const TEXT = SHIPPED.replace('voter: 40%', 'voter: 100%')
  .replace('owner: 60%', 'owner: 100%')
  .replace('minimumVoters: 3', 'minimumVoters: 1')

/** A journal in which the price moves after each round as the earner says, and one more round is not known yet. */
async function writeJournal(rounds: number): Promise<string> {
  const home = at(`home-${rounds}`)
  mkdirSync(join(home, 'journal'), { recursive: true })
  const { journal } = await openJournal({
    directory: join(home, 'journal'),
    keys: generateKeyPair(),
    keyId: 'test',
    now: () => AT,
  })
  let price = 200
  const put = (when: number, event: object): void =>
    void journal.append([{ at: when, eventText: canonicalJson({ schema: 1, ...event }) }])
  const tick = (when: number): void =>
    put(when, {
      type: 'observed',
      feeder: null,
      observation: { kind: 'price', instrument: 'AAPL', source: 'a', price, at: when },
    })
  for (let round = 0; round <= rounds; round += 1) {
    const opened = AT + round * 3_600_000
    tick(opened - 1000)
    const up = round % 2 === 0
    const says: Says = { earner: up ? 'yes' : 'no', keeper: round % 4 < 2 ? 'yes' : 'no', stayer: 'yes' }
    put(opened + 2000, { type: 'certified', certificate: roundOf(says, 60 * round) })
    price += up ? 1 : -1
    if (round < rounds) tick(opened + 1_900_000)
  }
  await journal.close()
  return home
}

async function propose(
  home: string,
): Promise<{ printed: string; out: string; code: string | number | null | undefined }> {
  const policies = at('policies')
  mkdirSync(policies, { recursive: true })
  writeFileSync(join(policies, 'consensus.yaml'), TEXT)
  const out = at(`out-${home.split('-').at(-1) ?? ''}`)
  let printed = ''
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text)
    return true
  })
  try {
    const words = ['propose', '--home', home, '--policies', policies, '--out', out, '--horizon', '30min']
    await weightsCommand().parseAsync(words, { from: 'user' })
    return { printed, out, code: process.exitCode }
  } finally {
    write.mockRestore()
    process.exitCode = undefined
  }
}

test('proposes what the market says, with its evidence, and changes nothing else', async () => {
  const { printed, out, code } = await propose(await writeJournal(40))
  expect(printed).toContain('Proposed: α 60 %')
  expect(printed).toContain(
    '- 40 rounds of which the market had its word 30 min after they closed; left aside: 1 not known yet',
  )
  expect(printed).toMatch(
    /regret of exponential weights .*: -?\d+\.\d{3} over 40 rounds; it cannot be above \d+\.\d{3}/,
  )
  expect(printed).toContain('| earner |')
  expect(code).toBe(0)
  const text = readFileSync(join(out, 'consensus.yaml'), 'utf8')
  const { policies, issues } = readPolicies('consensus.yaml', text)
  expect(issues.filter(({ severity }) => severity === 'error')).toEqual([])
  const before = readPolicies('consensus.yaml', TEXT).policies
  for (const [name, policy] of policies) if (name !== 'large-orders') expect(policy).toEqual(before.get(name))
  const { weights, ...others } = policies.get('large-orders') ?? expect.fail('no policy')
  const { weights: old, ...same } = before.get('large-orders') ?? expect.fail('no policy')
  expect(others).toEqual(same)
  expect([weights.alpha, weights.record, weights.byGroup]).toEqual([[3, 5], old.record, old.byGroup])
  expect(text).toContain('# Stopping needs nobody; going on again does.')
  expect(readFileSync(join(at('policies'), 'consensus.yaml'), 'utf8')).toBe(TEXT)
})

test('on few rounds it says so', async () => {
  const { printed, code } = await propose(await writeJournal(5))
  expect([printed.split('\n')[2], code]).toEqual(['Not proposed: 5 outcomes are known, and it takes 30.', 1])
})

test('where there is no journal, or no such policy, it says so', async () => {
  await expect(propose(at('none'))).rejects.toThrow('there is no journal in')
})
