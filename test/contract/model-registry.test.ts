/** `ephor model` on a registry, as two people use it. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { privateKeyToPem } from '../../src/base/ed25519.ts'
import { modelCommand } from '../../src/cli/model.ts'
import { sealArtifact } from '../../src/optimizer/artifact.ts'
import { sealEvaluation } from '../../src/optimizer/registry/evaluation.ts'
import { loadConstitution } from '../../src/sidecar/constitutions.ts'
import { aModel } from '../support/models.ts'
import { hashIn, passing, person, SCHEDULE } from '../support/registry.ts'

const MAIN = join(import.meta.dirname, '../../dist/cli/main.js')
const RULES = join(import.meta.dirname, '../../constitution')
const root = mkdtempSync(join(tmpdir(), 'ephor-registry-'))
afterAll(() => rmSync(root, { recursive: true }))

const model = sealArtifact({ ...aModel(), constitution: loadConstitution(RULES).constitution?.hash ?? '' })
const people = ['alice', 'bob'].map(person)
for (const { name, key, publicKey } of people) {
  writeFileSync(join(root, `${name}.pem`), privateKeyToPem(key))
  writeFileSync(join(root, `${name}.pub.pem`), publicKey)
}
for (const [name, artifact] of [
  ['schedule', SCHEDULE],
  ['model', model],
] as const) {
  writeFileSync(join(root, `${name}.json`), artifact)
  writeFileSync(join(root, `${name}-found.json`), sealEvaluation(passing(hashIn(artifact))))
}

/** Runs a command in this process, with what it prints; a refusal is thrown. */
async function ephor(...words: string[]): Promise<string> {
  let printed = ''
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text)
    return true
  })
  try {
    await modelCommand().parseAsync([...words, '--models', models], { from: 'user' })
  } finally {
    write.mockRestore()
  }
  return printed
}
const at = (name: string): string => join(root, name)
const models = at('models')
const as = (name: string, reason: string): string[] => [
  '--as',
  name,
  '--key',
  at(`${name}.pem`),
  '--reason',
  reason,
  '--constitution',
  RULES,
]
const champion = async (): Promise<string | undefined> =>
  (JSON.parse(await ephor('list', '--json')) as Listed).aliases.champion.at(-1)?.artifact
interface Listed {
  readonly aliases: { readonly champion: readonly { readonly artifact: string }[] }
}

const found = (artifact: string): string => hashIn(sealEvaluation(passing(artifact)))
const [schedule, learned] = [hashIn(SCHEDULE), hashIn(model)]
const proposal = at('proposal.json')
const promotion = (alias: string, name: string, why: string): Promise<string> =>
  ephor(
    'promote',
    learned,
    '--to',
    alias,
    '--evaluation',
    found(learned),
    '--out',
    proposal,
    ...as(name, why),
  )

test('from an empty directory to a model in force and back', async () => {
  for (const name of ['schedule', 'model'])
    expect(await ephor('add', at(`${name}.json`), '--evaluation', at(`${name}-found.json`))).toContain(
      'is kept',
    )
  const rules = ['--constitution', RULES]
  expect(
    await ephor('begin', schedule, '--evaluation', found(schedule), '--reason', 'It won.', ...rules),
  ).toContain('entry 1')
  expect(
    await ephor('appoint', `alice=${at('alice.pub.pem')}`, `bob=${at('bob.pub.pem')}`, ...rules),
  ).toContain('in force as entry 2')
  expect(await promotion('challenger', 'alice', 'no')).toContain('1 more has to approve')
  await expect(ephor('approve', proposal, ...as('bob', 'no'))).rejects.toThrow(
    'has to have been shadow before',
  )
  expect(await promotion('shadow', 'alice', 'to see')).toContain('entry 3')
  for (const alias of ['challenger', 'champion']) {
    expect(await promotion(alias, 'alice', 'it is cheaper')).toContain('1 more has to approve')
    expect(await champion()).toBe(schedule)
    await expect(ephor('approve', proposal, ...as('alice', 'again'))).rejects.toThrow(
      'one person approved twice',
    )
    expect(await ephor('approve', proposal, ...as('bob', 'I saw it too'))).toContain('in force as entry')
  }
  expect(await champion()).toBe(learned)
  await expect(ephor('approve', proposal, ...as('bob', 'once more'))).rejects.toThrow('MODEL_LOG_ALTERED')
  const card = await ephor('show', 'champion')
  expect(card).toContain('## Gates')
  expect(card).toContain(learned)
  expect(await ephor('verify', ...rules)).toContain('5 entries: chain whole')
  expect(await ephor('rollback', ...as('bob', 'it costs more than it should'))).toContain(
    'in force as entry 6',
  )
  expect(await champion()).toBe(schedule)

  const log = join(models, 'aliases.ndjson')
  const whole = readFileSync(log)
  writeFileSync(log, whole.subarray(0, -1))
  await expect(ephor('verify')).rejects.toThrow('MODEL_LOG_TRUNCATED')
  writeFileSync(log, whole)
  expect(await ephor('verify')).toContain('6 entries')
})

test('a promotion that is killed leaves the champion that was, and its lock is taken over', async () => {
  const words = ['model', 'promote', learned, '--to', 'shadow', ...as('alice', 'again'), '--models', models]
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: 'ignore' })
  const over = new Promise((resolve) => child.on('close', resolve))
  // In the middle of its writing where that can be seen, else before or behind: at every place the same has to hold.
  const watched = watch(models, () => child.kill('SIGKILL'))
  await over
  watched.close()
  expect(await champion()).toBe(schedule)
  expect(await ephor('verify')).toContain('chain whole')
  expect(await promotion('shadow', 'alice', 'at last')).toContain('in force as entry')
})
