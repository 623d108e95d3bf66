/** What happens to be halted for: a price that jumps, an account that loses; each time another, so that nothing need be resumed. */
import { INSTRUMENTS, request } from '../decisions/world.mjs'

export const SOURCES = ['one', 'two']
export const ROUNDS_MAX = INSTRUMENTS.length

const prices = (instrument, price, at) =>
  SOURCES.map((source) => ({ kind: 'price', instrument, source, price, at }))
const account = (name, equity, at) => ({
  kind: 'account',
  account: name,
  currency: 'USD',
  equity,
  cash: equity,
  at,
})

/** Each: what is reported before, what is reported then, and what the agent keeps asking for. */
export const STOPS = {
  price: (round) => {
    const instrument = INSTRUMENTS[round]
    return {
      before: (at) => prices(instrument, 100.26, at),
      breach: (at) => prices(instrument, 90, at),
      ask: (now) => ordering(now, { instrument, limitPrice: 100 }),
    }
  },
  account: (round) => {
    const name = `a${round}`
    return {
      before: (at) => [
        account(name, 100_000_000, at),
        { kind: 'portfolio', account: name, positions: [], at },
      ],
      breach: (at) => [account(name, 96_000_000, at)],
      ask: (now) => ordering(now, { account: name, instrument: INSTRUMENTS[0] }),
    }
  },
}

function ordering(now, change) {
  const asked = request(now, 7)
  return { ...asked, action: { ...asked.action, ...change } }
}
