/** Signs votes and checks their signatures. Counting them is the round's affair. */
import type { KeyObject } from 'node:crypto'
import { canonicalJson } from '../base/canonical-json.ts'
import { publicKeyFromPem, signText, verifyText } from '../base/ed25519.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { Ballot, Choice, Proposal, Vote } from '../protocol/proposal.ts'
import type { Roster } from '../protocol/roster.ts'
import { digestOf } from '../base/hash.ts'

/** What is signed says what it is, so that no other signature by the same key can be taken for a vote. */
const TYPE = 'ephor-vote'

/** The text that a voter signs: round, digest, choice, constitution and the frozen weights, canonical. */
export function votingText({ schema, round, agent, choice, digest, constitution, roster }: Ballot): string {
  return canonicalJson({ type: TYPE, schema, round, agent, choice, digest, constitution, roster })
}

/** What a voter is shown of a round. */
export interface Shown {
  readonly proposal: Proposal
  readonly roster: Roster
  readonly rosterHash: string
}

/**
 * Whether `agent` with `publicKey` casts a vote of its own in this round; `undefined` where it is not asked to. Text says what is wrong with what it was shown:
 * a digest that is not that of the subject, a hash that is not that of the roster, or another key.
 */
export function standingIn(
  { proposal, roster, rosterHash }: Shown,
  agent: string,
  publicKey: KeyObject,
): true | undefined | string {
  if (digestOf(proposal.subject) !== proposal.digest) return 'the digest is not that of what is proposed'
  if (digestOf(roster) !== rosterHash) return 'the roster’s hash is not that of the roster'
  const voter = roster.voters.find((one) => one.agent === agent)
  if (voter === undefined || voter.delegate !== null) return undefined
  return keyOf(voter.publicKey)?.equals(publicKey) === true
    ? true
    : `the key of \`${agent}\` in the roster is another than the one that signs`
}

/** The ballot with which `agent` votes on what it was shown. */
export function ballotOn({ proposal, rosterHash }: Shown, agent: string, choice: Choice): Ballot {
  const { proposal: round, digest, constitution } = proposal
  return { schema: SCHEMA_VERSION, round, agent, choice, digest, constitution, roster: rosterHash }
}

/** `ballot` as a vote, signed by the voter. */
export function signVote(ballot: Ballot, privateKey: KeyObject): Vote {
  return { ...ballot, signature: signText(privateKey, votingText(ballot)) }
}

/** Whether `key` (a public key, or its PEM text) signed exactly this vote. A key that is none signed nothing. */
export function verifyVote(vote: Vote, key: KeyObject | string): boolean {
  const publicKey = typeof key === 'string' ? keyOf(key) : key
  return publicKey !== undefined && verifyText(publicKey, votingText(vote), vote.signature)
}

/** Keys by their PEM text: reading one takes longer than checking a signature with it, and voters vote often. */
const keys = new Map<string, KeyObject>()
const KEYS_MAX = 4096

function keyOf(pem: string): KeyObject | undefined {
  const known = keys.get(pem)
  if (known !== undefined) return known
  try {
    const key = publicKeyFromPem(pem)
    if (keys.size >= KEYS_MAX) keys.clear()
    keys.set(pem, key)
    return key
  } catch {
    return undefined
  }
}
