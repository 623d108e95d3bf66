/** Halts: who lifts them, what they cover, and what they hold back at the last look. */
import { describe, expect, test } from 'vitest'
import {
  answered,
  ask,
  decidedOn,
  HALT,
  idAt,
  NOW,
  programWith,
  ready,
  refused,
  request,
  run,
} from '../../test/support/engine.ts'
import { handle } from './handle.ts'
import { heldBack } from './redeeming.ts'
import { decisionId } from './memory.ts'
import { permitId } from './permits.ts'
import type { State } from './state.ts'
import type { Input } from './step.ts'

/** Enough of a loss that the rule on it raises a halt with the next order. */
const loss: Input = {
  kind: 'observations',
  feeder: null,
  observations: [{ kind: 'account', account: 'main', currency: 'USD', equity: 9_600_000, cash: 0, at: NOW }],
}

const equity = (of: number, at: number): Input => ({
  kind: 'observations',
  feeder: null,
  observations: [{ kind: 'account', account: 'main', currency: 'USD', equity: of, cash: of, at }],
})

describe('a further breach', () => {
  const { state } = run(ready(), [equity(9_600_000, NOW)], NOW)
  const halt = state.ledger.halts.keySeq().first() ?? ''
  const resume = (operator: string, rebase?: true): Input => ({
    kind: 'resume',
    halt,
    operator,
    reason: 'looked at it',
    ...(rebase === undefined ? {} : { rebase }),
  })
  const [later, latest] = [NOW + 60_000, NOW + 61_000]
  /** How many halts are left where a report of `of` comes between two who ask. */
  const left = (of: number, rebase?: true): number => {
    const asked = run(state, [resume('operator-1', rebase)], NOW).state
    const breached = run(asked, [equity(of, later)], later).state
    return run(breached, [resume('operator-2', rebase)], latest).state.ledger.halts.size
  }

  test('makes void what was asked before it: who asked must ask again', () => {
    expect(left(9_200_000)).toBe(1)
    const asked = run(state, [resume('operator-1')], NOW).state
    const breached = run(asked, [equity(9_200_000, later)], later)
    expect(breached.events).toMatchObject([{ type: 'observed' }, { type: 'halted', halt, by: 'daily-loss' }])
    expect(breached.state.ledger.halts.get(halt)?.resumes).toEqual([])
    const both = [resume('operator-1'), resume('operator-2')]
    expect(run(breached.state, both, latest).state.ledger.halts.size).toBe(0)
  })

  test('is recorded once, and not at all where nobody asked', () => {
    expect(run(state, [equity(9_200_000, later)], later).events.map(({ type }) => type)).toEqual(['observed'])
    const asked = run(state, [resume('operator-1')], NOW).state
    const twice = run(asked, [equity(9_200_000, later), equity(9_100_000, later)], later).events
    expect(twice.filter(({ type }) => type === 'halted')).toHaveLength(1)
  })

  test('is none where the loss is over', () => {
    expect(left(9_900_000)).toBe(0)
  })

  test('leaves those who ask to rebase alone until the equity has fallen by a hundredth', () => {
    expect(left(9_600_000, true)).toBe(0)
    expect(left(9_504_000, true)).toBe(0)
    expect(left(9_503_999, true)).toBe(1)
  })
})

describe('halts', () => {
  test('two different operators lift one, and nobody else', () => {
    const { state, effects } = run(ready(), [HALT], NOW)
    const halt = effects[0]?.kind === 'done' ? String(effects[0].body.halt) : ''
    const resume = (operator: string): Input => ({ kind: 'resume', halt, operator, reason: 'fixed' })
    expect(refused(state, { kind: 'resume', halt: 'h-0', operator: 'a', reason: 'x' })).toBe('HALT_UNKNOWN')
    const once = run(state, [resume('operator-1')], NOW).state
    expect(once.ledger.halts.size).toBe(1)
    expect(refused(once, resume('operator-1'))).toBe('HALT_SECOND_OPERATOR')
    // Who bears the name of an agent is no second person.
    const named = run(
      once,
      [
        {
          kind: 'register',
          registration: { agent: 'operator-2', role: 'trader', strategies: [] },
          by: 'operator-1',
        },
      ],
      NOW,
    ).state
    expect(refused(named, resume('operator-2'))).toBe('PROPOSER_IS_AGENT')
    const twice = run(once, [resume('operator-2')], NOW).state
    expect(twice.ledger.halts.size).toBe(0)
    expect(answered(twice, ask(request()))?.verdict).toBe('allow')
  })

  test('who lifts one that is not in force is told which are, the newest first', () => {
    const detail = (state: State): string | undefined => {
      const [, , [effect]] = handle(
        state,
        { kind: 'resume', halt: 'h-0', operator: 'a', reason: 'x' },
        NOW + 9,
      )
      return effect?.kind === 'refuse' ? effect.detail : undefined
    }
    let { state } = run(ready(), [], NOW)
    expect(detail(state)).toBe('no halt `h-0` is in force; none is')
    const names: string[] = []
    for (let at = 1; at <= 5; at += 1) {
      const step = run(state, [at === 5 ? HALT : halting(`a${at}`)], NOW + at)
      state = step.state
      const [effect] = step.effects
      names.push(effect?.kind === 'done' ? String(effect.body.halt) : '')
    }
    const [, second, third, fourth, fifth] = names
    expect(detail(state)).toBe(
      `no halt \`h-0\` is in force; in force: \`${fifth}\` (halted: everything), \`${fourth}\` (halted: account \`a4\`), \`${third}\` (halted: account \`a3\`), \`${second}\` (halted: account \`a2\`) and 1 more`,
    )
  })

  const halting = (name: string, by = 'operator-1', state: 'halted' | 'reducing' = 'halted'): Input => ({
    kind: 'halt',
    by,
    request: { scope: { kind: 'account', name }, state, reason: `${by} says so` },
  })

  test('of one scope and state are one, with the last reason; another state is another', () => {
    const { state, effects, events } = run(ready(), [halting('main'), halting('main', 'operator-2')], NOW)
    expect(effects[1]).toEqual(effects[0])
    expect(events).toHaveLength(2)
    expect([...state.ledger.halts.values()]).toMatchObject([
      { by: 'operator-2', reason: 'operator-2 says so', resumes: [] },
    ])
    const both = run(state, [halting('main', 'operator-1', 'reducing'), halting('other')], NOW).state
    expect(both.ledger.halts.size).toBe(3)
  })

  test('halted again, a request to resume from before counts no more', () => {
    const { state, effects } = run(ready(), [HALT], NOW)
    const halt = effects[0]?.kind === 'done' ? String(effects[0].body.halt) : ''
    const resume = (operator: string): Input => ({ kind: 'resume', halt, operator, reason: 'fixed' })
    const again = run(state, [resume('operator-1'), HALT, resume('operator-2')], NOW).state
    expect(again.ledger.halts.get(halt)?.resumes).toMatchObject([{ operator: 'operator-2' }])
    expect(run(again, [resume('operator-1')], NOW).state.ledger.halts.size).toBe(0)
  })

  test('a rule’s halt that an operator renews stays one, and is lifted by its id', () => {
    const { state } = run(ready(), [loss, ask(request()), halting('main', 'operator-1', 'reducing')], NOW)
    expect([...state.ledger.halts.values()]).toMatchObject([
      { id: expect.stringMatching(/^h-r\d+-daily-loss$/) as string, by: 'operator-1' },
    ])
  })

  test('are bounded for operators, and never for everything, nor for what rules raise', () => {
    const thousand = Array.from({ length: 1000 }, (_, index) => halting(`a${index}`))
    const { state } = run(ready(), thousand, NOW)
    expect(refused(state, halting('one-more'))).toBe('LIMIT_REACHED')
    expect(run(state, [halting('a7', 'operator-2'), HALT], NOW).state.ledger.halts.size).toBe(1001)
    const raised = run(state, [loss, ask(request())], NOW).state
    expect(raised.ledger.halts.size).toBe(1001)
    // What a rule raised takes no room from operators.
    const lifted = run(
      raised,
      ['a', 'b'].map((operator) => ({ kind: 'resume', halt: 'h-8', operator, reason: 'x' }) as const),
      NOW,
    ).state
    expect(lifted.ledger.halts.size).toBe(1000)
    expect(run(lifted, [halting('one-more')], NOW).state.ledger.halts.size).toBe(1001)
  })

  test('a halt denies orders and lets cancels through', () => {
    const { state } = run(ready(), [HALT], NOW)
    const answer = answered(state, ask(request()))
    expect(answer?.verdict).toBe('deny')
    expect(answer?.reasons.map(({ code }) => code)).toContain('HALTED')
    const cancel = ask({
      ...request(),
      action: { type: 'cancel', account: 'main', instrument: 'AAPL', order: 'd-1' },
    })
    expect(answered(state, cancel)?.verdict).toBe('allow')
  })

  test('a breach that raises a state puts it in force once, with the decision', () => {
    const { state, events } = run(
      ready(),
      [loss, ask(request()), ask(request({}, { id: idAt(NOW, '1') }))],
      NOW,
    )
    const halted = events.filter(({ type }) => type === 'halted')
    expect(halted).toMatchObject([
      { state: 'reducing', scope: { kind: 'account', name: 'main' }, by: 'daily-loss' },
    ])
    expect(answered(state, ask(request({ side: 'sell' }, { id: idAt(NOW, '2') })))?.verdict).toBe('allow')
  })

  test('what was allowed is held back once trading is halted, and a cancel or a denial is not', () => {
    const allowed = decidedOn(request())
    const denied = decidedOn(request({ quantity: 5000 }))
    const cancel = { type: 'cancel', account: 'main', instrument: 'AAPL', order: 'd-1' } as const
    const { state } = run(ready(), [HALT], NOW)
    expect(heldBack(ready(), allowed, NOW)).toBeUndefined()
    expect(heldBack(state, allowed, NOW)?.code).toBe('HALTED_SINCE')
    expect(heldBack(state, denied, NOW)).toBeUndefined()
    expect(heldBack(state, { ...allowed, action: cancel }, NOW)).toBeUndefined()
  })

  test('what was allowed is good as long as its permit', () => {
    const allowed = decidedOn(request())
    expect(heldBack(ready(), allowed, NOW + 4_999)).toBeUndefined()
    expect(heldBack(ready(), allowed, NOW + 5_000)?.code).toBe('VERDICT_EXPIRED')
    expect(heldBack(ready(), decidedOn(request({ quantity: 5000 })), NOW + 60_001)).toBeUndefined()
  })

  test.each([
    [{ kind: 'account', name: 'main' }, true],
    [{ kind: 'account', name: 'other' }, false],
    [{ kind: 'agent', name: 'alpha' }, true],
    [{ kind: 'agent', name: 'hedger' }, false],
    [{ kind: 'instrument', name: 'AAPL' }, true],
    [{ kind: 'instrument', name: 'VOD.L' }, false],
    [{ kind: 'strategy', name: 'agent:alpha' }, true],
    [{ kind: 'strategy', name: 'twap' }, false],
  ] as const)('a halt of %o covers the order: %s', (scope, covers) => {
    const allowed = decidedOn(request())
    const { state } = run(
      ready(),
      [{ kind: 'halt', by: 'operator-1', request: { scope, state: 'halted', reason: 'test' } }],
      NOW,
    )
    expect(heldBack(state, allowed, NOW) !== undefined).toBe(covers)
    expect(answered(state, ask(request()))?.verdict).toBe(covers ? 'deny' : 'allow')
  })

  test('a halt of a strategy covers a replacement that was allowed before, though the agent has others', () => {
    const program = programWith([], {}, ['off-lot'])
    const order = decisionId('alpha', idAt(NOW, '1'))
    const replace = ask({
      ...request({}, { id: idAt(NOW, '2') }),
      action: { type: 'replace', account: 'main', instrument: 'AAPL', order, quantity: 50 },
    })
    const { state } = run(
      ready(program),
      [
        {
          kind: 'register',
          registration: { agent: 'alpha', role: 'trader', strategies: ['first', 'second'] },
          by: 'a',
        },
        ask(request({ strategy: 'second' }, { id: idAt(NOW, '1') })),
        replace,
      ],
      NOW,
    )
    const halted = (name: string) => {
      const scope = { kind: 'strategy', name } as const
      return run(state, [{ kind: 'halt', by: 'a', request: { scope, state: 'halted', reason: 'test' } }], NOW)
    }
    const permit = permitId(decisionId('alpha', idAt(NOW, '2')))
    const redeem: Input = { kind: 'redeem', permit, agent: 'alpha' }
    expect(refused(halted('second').state, redeem)).toBe('HALTED_SINCE')
    expect(run(halted('first').state, [redeem], NOW).effects).toMatchObject([{ kind: 'done' }])
  })

  test('a replacement counts where its order does, also once its agent has a strategy', () => {
    const order = decisionId('alpha', idAt(NOW, '1'))
    const halt = { scope: { kind: 'strategy', name: 'agent:alpha' }, state: 'halted', reason: 'x' } as const
    const { state } = run(
      ready(),
      [
        ask(request({}, { id: idAt(NOW, '1') })),
        { kind: 'halt', by: 'a', request: halt },
        {
          kind: 'register',
          registration: { agent: 'alpha', role: 'trader', strategies: ['first'] },
          by: 'a',
        },
      ],
      NOW,
    )
    const replace = { type: 'replace', account: 'main', instrument: 'AAPL', order, quantity: 50 } as const
    const asked = answered(state, ask({ ...request({}, { id: idAt(NOW, '2') }), action: replace }))
    expect(asked?.reasons.map(({ code }) => code)).toContain('HALTED')
  })

  test('once trading reduces, exits leave and nothing else does', () => {
    const reducing = { scope: { kind: 'everything' }, state: 'reducing', reason: 'test' } as const
    const sold = request({ side: 'sell' })
    const { state } = run(ready(), [ask(sold), { kind: 'halt', by: 'a', request: reducing }], NOW)
    expect(heldBack(state, decidedOn(request()), NOW)?.code).toBe('HALTED_SINCE')
    expect(heldBack(state, decidedOn(sold), NOW)).toBeUndefined()
  })

  test('once trading reduces, an exit leaves only as long as it is one', () => {
    const selling = (tail: string, quantity: number): Input =>
      ask(request({ side: 'sell', quantity, limitPrice: 199 + Number(tail) / 10 }, { id: idAt(NOW, tail) }))
    const exit = decisionId('alpha', idAt(NOW, '1'))
    const other = decisionId('alpha', idAt(NOW, '2'))
    const reducing = { scope: { kind: 'account', name: 'main' }, state: 'reducing', reason: 'test' } as const
    const halted = (...before: Input[]): State =>
      run(ready(), [selling('1', 600), ...before, { kind: 'halt', by: 'a', request: reducing }], NOW).state
    const filled = (order: string, quantity: number): Input => ({
      kind: 'executions',
      executions: [{ execution: `x-${order}`, order, event: 'filled', filled: quantity, at: NOW }],
      feeder: 'venue',
    })
    const redeem: Input = { kind: 'redeem', permit: permitId(exit), agent: 'alpha' }
    expect(run(halted(), [redeem], NOW).effects).toMatchObject([{ kind: 'done' }])
    // A thousand are held: what is left of them is as large as the exit, and then it is not.
    const closing = (quantity: number): State => halted(selling('2', 400), filled(other, quantity))
    expect(run(closing(400), [redeem], NOW).effects).toMatchObject([{ kind: 'done' }])
    expect(refused(closing(401), redeem)).toBe('HALTED_SINCE')
    // Made so small that it is one again, it leaves.
    const smaller = {
      type: 'replace',
      account: 'main',
      instrument: 'AAPL',
      order: exit,
      quantity: 599,
      limitPrice: 199.1,
    } as const
    const sentFirst = run(
      ready(),
      [
        selling('1', 600),
        redeem,
        selling('2', 400),
        filled(other, 401),
        { kind: 'halt', by: 'a', request: reducing },
      ],
      NOW,
    ).state
    const replaced = run(sentFirst, [ask({ ...request({}, { id: idAt(NOW, '3') }), action: smaller })], NOW)
    expect(replaced.effects).toMatchObject([{ decision: { verdict: 'allow', reducing: true } }])
    const third = permitId(decisionId('alpha', idAt(NOW, '3')))
    expect(run(replaced.state, [{ ...redeem, permit: third }], NOW).effects).toMatchObject([{ kind: 'done' }])
    const broker: Input = {
      kind: 'observations',
      observations: [
        { kind: 'portfolio', account: 'main', positions: [{ instrument: 'AAPL', quantity: 599 }], at: NOW },
      ],
      feeder: 'broker',
    }
    expect(refused(halted(broker), redeem)).toBe('HALTED_SINCE')
  })

  test('a halt of an instrument covers a transfer of it, asked for or allowed before', () => {
    const transfer = {
      type: 'transfer',
      account: 'main',
      asset: 'AAPL',
      amount: 10,
      destination: 'x',
    } as const
    const scope = { kind: 'instrument', name: 'AAPL' } as const
    const { state } = run(
      ready(),
      [{ kind: 'halt', by: 'a', request: { scope, state: 'halted', reason: 'test' } }],
      NOW,
    )
    const asked = answered(state, ask({ ...request(), action: transfer }))
    expect(asked?.reasons.map(({ code }) => code)).toContain('HALTED')
    const before = { ...decidedOn(request()), action: transfer }
    expect(heldBack(state, before, NOW)?.code).toBe('HALTED_SINCE')
    expect(heldBack(state, { ...before, action: { ...transfer, asset: 'BTC' } }, NOW)).toBeUndefined()
  })
})
