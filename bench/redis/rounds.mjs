/** Rounds of five voters over two sidecars: orders proposed at the home, signed votes cast at both; beside what checking such signatures takes by itself. */
import { generateKeyPair, publicKeyToPem, signText, verifyText } from '../../dist/base/ed25519.js'
import { ballotOn, signVote } from '../../dist/consensus/vote.js'
import { request } from '../decisions/world.mjs'
import { percentile } from '../measure.mjs'
import { caller, CALLERS, VOTERS } from './world.mjs'

const LARGE = 21
/** Milliseconds between two beats of a voter: one that is silent for long has no vote. */
const BEAT_MS = 1_500
let stream = 3_000

/** Rounds one after the other in each of so many lanes, for so long. */
export async function measureRounds({ home, follower }, seconds) {
  const keys = new Map(VOTERS.map((name) => [name, generateKeyPair()]))
  const operator = caller(home.socket, home.operators[0])
  for (const [agent, { publicKey }] of keys) {
    await operator('/v1/agents', {
      agent,
      role: 'trader',
      strategies: [],
      publicKey: publicKeyToPem(publicKey),
    })
    await caller(home.socket, agent)(`/v1/agents/${agent}/heartbeat`, {})
  }
  const beats = VOTERS.map((agent) => {
    const beat = caller(home.socket, agent)
    return setInterval(() => void beat(`/v1/agents/${agent}/heartbeat`, {}), BEAT_MS)
  })
  const votes = []
  const rounds = []
  const end = performance.now() + seconds * 1_000
  await Promise.all(
    Array.from({ length: CALLERS }, async () => {
      const propose = caller(home.socket, home.agent)
      // Half of them vote at the sidecar that hands votes on.
      const voters = VOTERS.map((name, index) => [name, caller((index % 2 ? follower : home).socket, name)])
      stream += 1
      const own = stream
      while (performance.now() < end) {
        const begun = performance.now()
        const asked = request(Date.now(), own)
        const large = { ...asked, action: { ...asked.action, quantity: LARGE } }
        const pending = await propose('/v1/actions', large)
        const [round] = pending.proposals ?? []
        if (round === undefined) throw new Error(`nothing is voted on: ${JSON.stringify(pending)}`)
        const view = await propose(`/v1/proposals/${round}`, undefined, 'GET')
        await Promise.all(
          voters.map(async ([name, vote]) => {
            const ballot = signVote(ballotOn(view, name, 'yes'), keys.get(name).privateKey)
            const sent = performance.now()
            const answer = await vote(`/v1/proposals/${round}/votes`, ballot)
            if (answer.code !== undefined) throw new Error(`no vote: ${JSON.stringify(answer)}`)
            votes.push(performance.now() - sent)
          }),
        )
        // As an agent does: it asks again, and is answered when the round is over.
        const { verdict } = await propose('/v1/actions?waitMs=900', large)
        if (verdict !== 'allow') throw new Error(`a round ended in ${verdict}`)
        rounds.push(performance.now() - begun)
      }
    }),
  )
  for (const beat of beats) clearInterval(beat)
  return {
    votesPerSecond: votes.length / seconds,
    voteP50: percentile(votes, 0.5),
    voteP99: percentile(votes, 0.99),
    roundP50: percentile(rounds, 0.5),
    checksPerSecond: bareChecks(keys.get(VOTERS[0])),
  }
}

/** Checks of a signature a second, by themselves. */
function bareChecks({ privateKey, publicKey }) {
  const text = 'x'.repeat(400)
  const signature = signText(privateKey, text)
  const end = performance.now() + 500
  let count = 0
  for (; performance.now() < end; count += 1) verifyText(publicKey, text, signature)
  return count * 2
}
