/** What comes over the cluster, made into what the core takes: foreign or broken entries are none, and constitutions are found by their hash. */
import { EphorError } from '../base/errors.ts'
import { formatIssue, type Issue } from '../base/issue.ts'
import type { InboxEntry, LogEntry, Texts } from '../cluster/cluster.ts'
import { parseStrictJsonBytes } from '../base/strict-json.ts'
import { checkConstitution, filesOfCanonicalText } from '../constitution/check.ts'
import type { Program } from '../constitution/compile.ts'
import type { Constitution } from '../constitution/model.ts'
import type { Input } from '../engine/step.ts'
import type { Delivered } from '../engine/tenure.ts'
import { parseLine } from '../journal/record.ts'
import type { Event } from '../protocol/event.ts'
import { ForwardedInput } from '../protocol/forwarded.ts'
import type { ConstitutionStore } from './constitutions.ts'

/** Where compiled constitutions are found by hash, and learnt from their texts. */
type Constitutions = Pick<ConstitutionStore, 'programOf' | 'learn'>

/** The entry with its input; none where it holds nothing that this version reads. */
export async function deliveredOf(
  { lane, entry, input, message, refusal }: InboxEntry,
  store: Constitutions,
  texts: Texts,
): Promise<Delivered> {
  if (refusal !== undefined) return { lane, entry, input: undefined, refusal }
  const which = message === undefined ? {} : { message }
  const parsed = parseStrictJsonBytes(Buffer.from(input))
  const read = parsed.ok ? ForwardedInput.safeParse(parsed.value) : undefined
  if (read?.success !== true) return { lane, entry, ...which, input: undefined }
  const { data } = read
  if (data.kind !== 'activate') return { lane, entry, ...which, input: data as Input }
  const { constitution, ...rest } = data
  const program = await programOf(constitution, store, texts)
  // What was kept once is read as it was; what is to come into force is held to what is known now, whoever sent it.
  const slip = program && slipIn(program.constitution)
  if (slip !== undefined)
    return {
      lane,
      entry,
      ...which,
      input: undefined,
      refusal: { code: 'CONSTITUTION_INVALID', detail: formatIssue(slip) },
    }
  return { lane, entry, ...which, input: program && ({ ...rest, program } as Input) }
}

/** Sees to it that the constitutions are kept that these records put in force. Throws `CONSTITUTION_INVALID` where a text is not to be had. */
export async function learnFrom(
  entries: readonly LogEntry[],
  store: Constitutions,
  texts: Texts,
): Promise<void> {
  for (const { line } of entries) {
    if (!line.includes('"type":"activated"')) continue
    const recorded = parseLine(line).event as unknown as Event
    const event = recorded.type === 'followed' ? recorded.event : recorded
    if (event?.type !== 'activated') continue
    const program = await programOf(event.constitution, store, texts)
    if (program === undefined)
      throw new EphorError(
        'CONSTITUTION_INVALID',
        `the log puts ${event.constitution} in force, and its text is not in Redis: copy it from the \`constitutions\` directory of another sidecar`,
      )
  }
}

/** The first mistake for which a constitution is not taken any more; `undefined` where there is none. */
function slipIn({ text }: Constitution): Issue | undefined {
  return checkConstitution(filesOfCanonicalText(text)).issues.find(({ severity }) => severity === 'error')
}

async function programOf(hash: string, store: Constitutions, texts: Texts): Promise<Program | undefined> {
  const known = store.programOf(hash)
  if (known !== undefined) return known
  const found = await texts.text(hash)
  if (found.kind === 'unreachable') throw new EphorError('HOME_LOST', found.detail)
  return found.text === undefined ? undefined : store.learn(hash, found.text)
}
