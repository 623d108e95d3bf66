/** Signs votes and checks their signatures. Counting them is the round's affair. */
import type { KeyObject } from 'node:crypto'
import { canonicalJson } from '../base/canonical-json.ts'
import { publicKeyFromPem, signText, verifyText } from '../base/ed25519.ts'
import type { Ballot, Vote } from '../protocol/proposal.ts'

/** What is signed says what it is, so that no other signature by the same key can be taken for a vote. */
const TYPE = 'ephor-vote'

/** The text that a voter signs: round, digest, choice, constitution and the frozen weights, canonical. */
export function votingText({ schema, round, agent, choice, digest, constitution, roster }: Ballot): string {
  return canonicalJson({ type: TYPE, schema, round, agent, choice, digest, constitution, roster })
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

function keyOf(pem: string): KeyObject | undefined {
  try {
    return publicKeyFromPem(pem)
  } catch {
    return undefined
  }
}
