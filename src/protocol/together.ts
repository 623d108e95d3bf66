/** Messages that go together: their envelopes, a line each, below one envelope that says what they hash to, and is signed for all of them. */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { sha256 } from '../base/hash.ts'
import { Hash } from './common.ts'
import {
  readEnvelope,
  sealEnvelope,
  timeText,
  typeOf,
  type Envelope,
  type EnvelopeRefusal,
  type Reader,
  type Signer,
} from './envelope.ts'

const KIND = 'batch'
const READER: Reader = { major: 1, minor: 0 }
/** An envelope is written without one, whatever is said in it. */
const END = '\n'

const Together = z.strictObject({
  hash: Hash.describe('SHA-256 of the lines, with what ends each but the last'),
})

/** One text of two messages or more, in their order: unsigned envelopes of `source`. */
export function sealTogether(
  texts: readonly string[],
  { source, now }: { readonly source: string; readonly now: number },
  signer?: Signer,
): string {
  const lines = texts.join(END)
  const data: z.infer<typeof Together> = { hash: sha256(lines) }
  const head = {
    specversion: '1.0',
    id: randomUUID(),
    source,
    type: typeOf(KIND, READER),
    time: timeText(now),
    priority: 'normal',
    data,
  } as const
  return `${sealEnvelope(head, signer)}${END}${lines}`
}

/** Whether several messages lie in a text. */
export const isTogether = (text: string): boolean => text.includes(END)

/** What lies in such a text. Whether `head` is signed by whom its envelope names is the caller's to check; then all of `lines` are that one's word. */
export type OpenedTogether = { readonly lines: readonly string[] } & (
  | { readonly kind: 'read'; readonly head: string; readonly envelope: Envelope }
  /** `differs`: a line was changed, left out, put in or moved. */
  | { readonly kind: 'refused'; readonly why: EnvelopeRefusal | 'differs' }
)

/** Opens it, as of `now` (milliseconds since 1970). */
export function openTogether(text: string, now: number): OpenedTogether {
  const end = text.indexOf(END)
  const [head, rest] = [text.slice(0, end), text.slice(end + END.length)]
  const lines = rest.split(END)
  const read = readEnvelope(head, KIND, READER, now)
  if (read.kind === 'refused') return { kind: 'refused', why: read.why, lines }
  const { envelope } = read
  const said = Together.safeParse(envelope.data)
  if (!said.success) return { kind: 'refused', why: 'unreadable', lines }
  if (said.data.hash !== sha256(rest)) return { kind: 'refused', why: 'differs', lines }
  return { kind: 'read', head, envelope, lines }
}
