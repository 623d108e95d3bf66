/** The audit of owners finds what was allowed across two, what changed hands, and a refusal without ground. */
import { expect, test } from 'vitest'
import { ask, idAt, NOW, ready, request, run } from '../../test/support/engine.ts'
import type { Event } from '../protocol/event.ts'
import { OwnerAudit } from './owner-audit.ts'

const asking = (agent: string, serial: string) => ask(request({}, { id: idAt(NOW, serial), agent }))
const { events } = run(
  ready(),
  [
    {
      kind: 'register',
      registration: { agent: 'alpha', role: 'trader', strategies: [], owner: 'desk' },
      by: 'one',
    },
    asking('hedger', '1'),
    { kind: 'own', registration: { account: 'main', owner: 'desk' }, by: 'one' },
    asking('hedger', '2'),
    asking('alpha', '3'),
  ],
  NOW,
)

function problems(of: readonly Event[]): string[] {
  const audit = new OwnerAudit()
  return of.flatMap((event) => audit.take(event) ?? [])
}

test('an honest journal has nothing wrong', () => {
  expect(events.map(({ type }) => type)).toEqual(['registered', 'decided', 'owned', 'decided', 'decided'])
  expect(problems(events)).toEqual([])
})

test.each<[string, (event: Event, place: number) => Event | undefined, RegExp]>([
  [
    'what was allowed to another owner’s agent',
    (event, place) =>
      place === 3 && event.type === 'decided'
        ? { ...event, decision: { ...event.decision, verdict: 'allow', reasons: [] } }
        : undefined,
    /`hedger` and `main` are of two owners/,
  ],
  [
    'a refusal of what is one owner’s',
    (event, place) => (place === 3 && event.type === 'decided' ? alphas(event) : undefined),
    /`alpha` and `main` are of one owner/,
  ],
  [
    'an account that changed hands',
    (_event, place) =>
      place === 4 ? { schema: 1, type: 'owned', account: 'main', owner: 'another', by: 'one' } : undefined,
    /`main` was `desk`’s and became `another`’s/,
  ],
])('%s is found', (_, plant, problem) => {
  const planted = events.map((event, place) => plant(event, place) ?? event)
  expect(problems(planted)).toEqual([expect.stringMatching(problem)])
})

function alphas(event: Event & { type: 'decided' }): Event {
  const { request: asked } = event.decision
  return { ...event, decision: { ...event.decision, request: { ...asked, agent: 'alpha' } } }
}
