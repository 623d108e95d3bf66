/** Puts another constitution or other policies for votes in force, once that has the consent it takes. */
import { digestOf } from '../base/hash.ts'
import { instantOf } from '../base/instant.ts'
import { VERSION } from '../base/version.ts'
import { SCHEMA_VERSION } from '../protocol/common.ts'
import type { Event } from '../protocol/event.ts'
import type { Change } from '../protocol/proposal.ts'
import { consentTo, waiting } from './consent.ts'
import { apply, type State } from './state.ts'
import { recorded, refused, type Input, type Step } from './step.ts'

export function handleActivate(
  state: State,
  { program, casesFailed, ...person }: Input & { kind: 'activate' },
  now: number,
): Step {
  const { hash, name, version } = program.constitution
  if (state.program?.constitution.hash === hash)
    return [state, [], [{ kind: 'done', body: { constitution: hash, activated: false } }]]
  const effectiveFrom = instantOf(program.constitution.effectiveFrom) ?? Infinity
  if (now < effectiveFrom) {
    return refused(
      state,
      'CONSTITUTION_INVALID',
      `${name} ${version} takes effect at ${program.constitution.effectiveFrom}, and it is ${new Date(now).toISOString()}`,
    )
  }
  const { by, reason } = person
  const change: Change = {
    kind: 'activation',
    constitution: hash,
    name,
    version,
    ...(casesFailed === undefined ? {} : { casesFailed }),
    ...(reason === undefined ? {} : { reason }),
  }
  const consent = consentTo(state, change, person, now)
  if (consent.kind === 'refused') return refused(state, consent.code, consent.detail)
  if (consent.kind === 'waits') return waiting(state, consent.event, now, { constitution: hash })
  const event: Event = {
    schema: SCHEMA_VERSION,
    type: 'activated',
    constitution: hash,
    name,
    version,
    by,
    engine: VERSION,
    ...(casesFailed === undefined ? {} : { acceptFailingCases: true as const, casesFailed }),
    ...(reason === undefined ? {} : { reason }),
    ...consent.backing,
  }
  const next = apply(state, { at: now, event }, () => program)
  return [next, [event], [{ kind: 'done', body: { constitution: hash, activated: true } }]]
}

/** Policies come into force; rounds that are open go on under those that they were opened under. */
export function handleQuorate(
  state: State,
  { policies, ...person }: Input & { kind: 'quorate' },
  now: number,
): Step {
  const hash = digestOf(policies)
  if (state.quorum.policies?.hash === hash)
    return [state, [], [{ kind: 'done', body: { policy: hash, activated: false } }]]
  const { by, reason } = person
  const told = reason === undefined ? {} : { reason }
  const consent = consentTo(state, { kind: 'policies', which: 'consensus', hash, ...told }, person, now)
  if (consent.kind === 'refused') return refused(state, consent.code, consent.detail)
  if (consent.kind === 'waits') return waiting(state, consent.event, now, { policy: hash })
  const event: Event = {
    schema: SCHEMA_VERSION,
    type: 'quorate',
    hash,
    policies: [...policies],
    by,
    engine: VERSION,
    ...told,
    ...consent.backing,
  }
  return recorded(state, event, now, { policy: hash, activated: true })
}

/** Another way to route comes into force; rounds that are open keep those who were asked. */
export function handleRoute(
  state: State,
  { content, ...person }: Input & { kind: 'route' },
  now: number,
): Step {
  const hash = digestOf(content)
  if (state.quorum.routing?.hash === hash)
    return [state, [], [{ kind: 'done', body: { policy: hash, activated: false } }]]
  const { by, reason } = person
  const told = reason === undefined ? {} : { reason }
  const consent = consentTo(state, { kind: 'policies', which: 'routing', hash, ...told }, person, now)
  if (consent.kind === 'refused') return refused(state, consent.code, consent.detail)
  if (consent.kind === 'waits') return waiting(state, consent.event, now, { policy: hash })
  const event: Event = {
    schema: SCHEMA_VERSION,
    type: 'routed',
    hash,
    content,
    by,
    engine: VERSION,
    ...told,
    ...consent.backing,
  }
  return recorded(state, event, now, { policy: hash, activated: true })
}
