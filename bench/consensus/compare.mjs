/** Measures rounds in process: with and without signatures, with many voters, and with many rounds open. */
import { createPublicKey, verify } from 'node:crypto'
import { addRound, NO_ROUNDS, step, stepRound, verifyVote } from '../../dist/index.js'
import { votingText } from '../../dist/consensus/vote.js'
import { Stopwatch, takeTurns } from '../measure.mjs'
import { freeze, makeVoters, open, votesIn } from './voters.mjs'

const VOTERS = 5
const MANY = [100, 1000]
const OPEN_ROUNDS = [100, 10_000]

export async function compareConsensus({ quick, log }) {
  const five = makeVoters(VOTERS)
  const frozen = freeze(five)
  const votes = votesIn(open(frozen, 'q'), five)
  const watches = {
    round: new Stopwatch(() => decided(open(frozen, 'q'), votes), false),
    frozenEachTime: new Stopwatch(() => decided(open(freeze(five), 'q'), votes), false),
    signed: new Stopwatch(() => decided(open(frozen, 'q'), votes.filter(isAuthentic)), false),
    bare: new Stopwatch(bareChecks(votes), false),
  }
  for (const size of MANY) {
    const voters = makeVoters(size)
    const many = freeze(voters)
    const cast = votesIn(open(many, 'q'), voters)
    watches[`voters ${size}`] = new Stopwatch(() => decided(open(many, 'q'), cast), false)
    watches[`freeze ${size}`] = new Stopwatch(() => freeze(voters), false)
  }
  for (const count of OPEN_ROUNDS) {
    watches[`open ${count}`] = new Stopwatch(voteAmong(count, frozen, five), false)
    watches[`open ${count} signed`] = new Stopwatch(voteAmong(count, frozen, five, isAuthentic), false)
  }
  log('rounds: in process')
  await takeTurns(
    Object.values(watches),
    quick ? { warmUpMs: 100, rounds: 4, sliceMs: 60 } : { warmUpMs: 1000, rounds: 10, sliceMs: 400 },
  )
  const results = Object.fromEntries(Object.entries(watches).map(([name, watch]) => [name, watch.result()]))
  return { voters: VOTERS, many: MANY, openRounds: OPEN_ROUNDS, results }
}

function decided(round, votes) {
  for (const { event } of votes) [round] = step(round, event)
  if (round.state !== 'approved') throw new Error(`a round is ${round.state}`)
  return round
}

function isAuthentic({ event, key }) {
  return verifyVote(event.vote, key)
}

/** The signature checks of one round and nothing else: bytes and keys made ready before. */
function bareChecks(votes) {
  const ready = votes.map(({ event, key }) => ({
    key: createPublicKey(key.export({ type: 'spki', format: 'pem' })),
    text: Buffer.from(votingText(event.vote)),
    signature: Buffer.from(event.vote.signature, 'base64url'),
  }))
  return () => {
    for (const { key, text, signature } of ready)
      if (!verify(null, text, key, signature)) throw new Error('a signature does not hold')
  }
}

/** One vote in one of `count` open rounds, another each time; what came before is as it was. */
function voteAmong(count, frozen, voters, isGood = () => true) {
  let rounds = NO_ROUNDS
  const cast = []
  for (let index = 0; index < count; index += 1) {
    const round = open(frozen, `q-${index}`)
    rounds = addRound(rounds, round)
    if (cast.length < 512) cast.push(votesIn(round, voters)[0])
  }
  return (index) => {
    const vote = cast[index % cast.length]
    if (!isGood(vote)) throw new Error('a signature does not hold')
    const { event } = vote
    const [, [effect]] = stepRound(rounds, event.vote.round, event)
    if (effect.type !== 'counted') throw new Error(`a vote is ${effect.type}`)
  }
}
