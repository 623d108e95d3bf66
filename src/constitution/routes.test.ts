/** Every mistake in a routing policy is named with its place and what to write instead. */
import { describe, expect, test } from 'vitest'
import { programWith } from '../../test/support/engine.ts'
import { LARGE } from '../../test/support/quorum.ts'
import { formatIssue } from '../base/issue.ts'
import { ROUTES_MAX } from '../protocol/routing.ts'
import { checkRouting } from './routes.ts'

const ROUTE = `routes:
  - id: small
    title: Small
    policy: large-orders
    when: order.value <= 50000 USD
    ask: [market, execution]
`
const LAW = programWith([LARGE], {}, ['off-lot'])
const checked = (text: string, constitution = LAW.constitution) =>
  checkRouting('routing.yaml', text, { policies: ['large-orders', 'grants'], constitution })

test('a sound one reads, its fields in one order, and comes to one hash however it is written', () => {
  expect(checked(ROUTE)).toMatchObject({
    issues: [],
    content: { routes: [{ id: 'small', when: 'order.value <= 50000 USD', ask: ['execution', 'market'] }] },
  })
  expect(checked(ROUTE.replace('[market, execution]', '[execution, market] # both')).content).toEqual(
    checked(ROUTE).content,
  )
})

describe('refused is', () => {
  test.each<[string, string, string, RegExp]>([
    [
      'a fact that is misspelt',
      'order.value',
      'order.vlaue',
      /^routing\.yaml:5:11: .*`order\.vlaue`.*did you mean `order\.value`/,
    ],
    ['a unit that is not the fact’s', '50000 USD', '50000 EUR', /^routing\.yaml:5:\d+: .*EUR/],
    ['no condition', 'order.value <= 50000 USD', 'order.value', /^routing\.yaml:5:11: /],
    ['half a condition', '50000 USD', '', /^routing\.yaml:5:\d+: .*ends where/],
    [
      'what another action alone has',
      'order.value <= 50000 USD',
      'transfer.value > 1 USD',
      /^routing\.yaml:5:11: .*can be read for transfer/,
    ],
    [
      'a policy that is not there',
      'policy: large-orders',
      'policy: large-order',
      /^routing\.yaml:4:13: error: no policy is called `large-order`.*`large-orders`/,
    ],
    [
      'a field that is none',
      '[market, execution]',
      '[market, exekution]',
      /^routing\.yaml:6:19: .*`exekution`.*`execution`/,
    ],
    [
      'nobody to ask',
      '[market, execution]',
      '[]',
      /^routing\.yaml:6:10: error: `ask` names at least one field/,
    ],
    ['a key that is none', 'ask:', 'aks:', /^routing\.yaml:6:5: .*`aks`.*`ask`/],
    ['an id that is none', 'id: small', 'id: "a b"', /^routing\.yaml:2:9: error: `a b` is no id/],
    [
      'a condition without end',
      '50000 USD',
      `50000 USD and ${'order.value > 1 USD and '.repeat(200)}order.value > 1 USD`,
      /at most 4096 characters/,
    ],
    ['no list', ROUTE, 'routes: {}\n', /`routes` is a list/],
    ['nothing', ROUTE, '', /routing\.yaml/],
  ])('%s', (_, what, by, message) => {
    expect(ROUTE).toContain(what)
    const { content, issues } = checked(ROUTE.replace(what, by))
    expect(content).toBeUndefined()
    expect(issues.map((issue) => formatIssue(issue)).join('\n')).toMatch(message)
  })

  test('an id twice, and more routes than are kept', () => {
    const { issues } = checked(ROUTE + ROUTE.replace('routes:\n', ''))
    expect(issues.map(({ message }) => message).join()).toContain('the id `small` is taken')
    const many = Array.from({ length: ROUTES_MAX + 1 }, (_, index) =>
      ROUTE.replace('routes:\n', '').replace('small', `r-${index}`),
    )
    expect(checked(`routes:\n${many.join('')}`).issues.map(({ message }) => message)).toEqual([
      `at most ${ROUTES_MAX} routes are kept`,
    ])
  })
})

test('without a constitution, only how it is written is looked at', () => {
  const bare = checkRouting('routing.yaml', ROUTE.replace('order.value', 'order.vlaue'), {
    policies: ['large-orders'],
    constitution: undefined,
  })
  expect(bare.issues).toEqual([])
})

test('under a constitution that escalates nothing to the policy, what can be read is not asked', () => {
  expect(
    checked(
      ROUTE.replace('order.value <= 50000 USD', 'transfer.value > 1 USD'),
      programWith([], {}, ['off-lot']).constitution,
    ).issues,
  ).toEqual([])
})
