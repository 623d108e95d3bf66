/** Random constitutions, written as files and read like any other, so that only what loads is judged. */
import * as fc from 'fast-check'
import type { ActionType } from '../../src/protocol/action.ts'
import { grammarOver, type Grammar } from './arbitrary-expression.ts'
import {
  BOOLEANS,
  DERIVED_FIRST,
  DERIVED_SECOND,
  ENUMS,
  EVERYTHING,
  MEASURED,
  NUMBERS,
  TABLE_FACTS,
  TEXTS,
  TEXT_VALUES,
  WINDOWS,
  WITH_TABLES,
} from './vocabulary.ts'

/** Files by path. */
export type FileTexts = Readonly<Record<string, string>>

/** A rule as it stands in a file. */
export type PlainRule = Readonly<Record<string, unknown>>

/** The parts of a constitution, so that a law can add a rule to it. */
export interface Draft {
  readonly files: FileTexts
  readonly rules: readonly PlainRule[]
}

/** All files of a draft, its rules in one. */
export function filesOf({ files, rules }: Draft): FileTexts {
  return { ...files, 'rules/all.yaml': JSON.stringify({ rules }) }
}

const FIRST = grammarOver(MEASURED)
const SECOND = grammarOver(WITH_TABLES)
const RULES = grammarOver(EVERYTHING)

/** How a measured fact is declared: any age will do, or not, or it is always there. */
const aging = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  { weight: 2, arbitrary: fc.constantFrom({ maxAge: '2s' }, { maxAge: '5min' }) },
  { weight: 1, arbitrary: fc.constant({ always: true }) },
)

function measured(name: string, type: unknown): fc.Arbitrary<[string, object]> {
  // Law 8 leans on `action.reducing`, which is read and may be missing like the others.
  return aging.map((more) => [name, { type, source: 'ledger', ...(name === 'action.reducing' ? {} : more) }])
}

function derived(
  step: string,
  units: readonly (keyof Grammar)[],
  grammar: Grammar,
): fc.Arbitrary<[string, object]>[] {
  return units.map((unit) => grammar[unit].map((is) => [`${step}.${unit}`, { type: unit, is }]))
}

const texts = fc.constantFrom('text.one', 'text.two', 'side.one', "'a'")

const facts = fc
  .tuple(
    ...BOOLEANS.map((name) => measured(name, 'boolean')),
    ...Object.entries(ENUMS).map(([name, values]) => measured(name, values)),
    ...TEXTS.map((name) => measured(name, 'text')),
    ...Object.entries(NUMBERS).flatMap(([unit, names]) => names.map((name) => measured(name, unit))),
    ...derived('first', DERIVED_FIRST, FIRST),
    ...derived('second', DERIVED_SECOND, SECOND),
    texts.map((is): [string, object] => ['first.text', { type: 'text', is }]),
    fc
      .constantFrom('side.one', 'text.one')
      .map((is): [string, object] => ['first.side', { type: ['buy', 'sell'], is }]),
  )
  .map((entries) => ({ ...Object.fromEntries(entries), ...WINDOWS, ...TABLE_FACTS }))

/** What a key column of each fact may hold. */
const KEY_VALUES: Readonly<Record<string, readonly string[]>> = {
  ...ENUMS,
  'text.one': TEXT_VALUES,
  'text.two': TEXT_VALUES,
  'first.text': TEXT_VALUES,
  'first.side': ['buy', 'sell'],
}

function csv(header: readonly string[], rows: readonly (readonly string[])[]): string {
  return [header, ...rows].map((cells) => cells.join(',')).join('\n')
}

/** A table over some of `keys`, whose rows differ in their keys. */
function table(
  keys: readonly string[],
  columns: Readonly<Record<string, fc.Arbitrary<string>>>,
  values: Readonly<Record<string, readonly string[]>> = KEY_VALUES,
): fc.Arbitrary<string> {
  return fc
    .shuffledSubarray([...keys], { minLength: 1, maxLength: Math.min(3, keys.length) })
    .chain((picked) => {
      const cells = picked.map((key) =>
        fc.oneof(
          { weight: 2, arbitrary: fc.constantFrom(...(values[key] ?? ['a'])) },
          { weight: 1, arbitrary: fc.constant('*') },
        ),
      )
      return fc
        .uniqueArray(fc.tuple(fc.tuple(...cells), fc.tuple(...Object.values(columns))), {
          maxLength: 8,
          selector: ([row]) => row.join(','),
        })
        .map((rows) =>
          csv(
            [...picked, ...Object.keys(columns)],
            rows.map(([row, more]) => [...row, ...more]),
          ),
        )
    })
}

const KEYS = Object.keys(KEY_VALUES)
const number = fc.constantFrom('0', '3', '0.1', '0.3', '10', '200', '206', '0.03', '-1', '999999999999999')
const tables = fc.record({
  'tables/limits.csv': table(KEYS, {
    'share [%]': number,
    'worth [money]': number,
    'label [text]': fc.constantFrom('a', 'b', 'c'),
    'flag [yes/no]': fc.constantFrom('yes', 'no'),
    'since [date]': fc.constantFrom('2026-11-30', '2026-12-01', '2026-12-02', '1969-12-31'),
  }),
  'tables/chained.csv': table(['limit.label'], { 'most [quantity]': number }, { 'limit.label': ['a', 'b'] }),
  'tables/listed.csv': table(KEYS, {}),
  'tables/flags.csv': table(KEYS, { 'flag [yes/no]': fc.constantFrom('yes', 'no') }),
  'tables/hours.csv': fc
    .tuple(
      fc.constantFrom('class.one', 'text.one'),
      fc.array(
        fc.tuple(
          fc.constantFrom('*', 'equity'),
          fc.constantFrom('pre', 'regular'),
          fc.constantFrom('UTC', 'America/New_York', 'Asia/Kolkata'),
          fc.constantFrom('Mon-Fri', 'Sun-Thu', 'Tue', 'Sat-Sun', 'Mon-Sun'),
          fc.constantFrom('00:00', '09:30', '17:00'),
          fc.constantFrom('09:30', '16:00', '24:00'),
        ),
        { minLength: 1, maxLength: 4 },
      ),
    )
    .map(([key, rows]) => csv([key, 'session', 'timezone', 'days', 'from', 'to'], rows)),
})

const ACTIONS: readonly (readonly ActionType[])[] = [
  ['order', 'replace'],
  ['transfer'],
  ['change'],
  ['transfer', 'change'],
]
const where = fc.constantFrom<PlainRule>(
  {},
  {},
  {},
  { 'side.one': ['buy'] },
  { 'class.one': ['equity', 'crypto'] },
  { 'text.one': ['a', 'b'] },
  { 'first.text': ['a', 'buy'] },
  { 'side.one': ['sell'], 'text.two': ['a', 'c'] },
  { 'market.session': ['regular'] },
)
const effect = fc.constantFrom<PlainRule & { readonly word: string }>(
  { word: 'forbid' },
  { word: 'forbid' },
  { word: 'escalate', to: 'desk' },
  { word: 'escalate', to: 'desk' },
  { word: 'warn' },
)

/** A rule with an id; one on orders leaves the exit open, which law 8 asks for. */
export function rule(id: string): fc.Arbitrary<PlainRule> {
  return fc
    .record({
      actions: fc.constantFrom(...ACTIONS),
      where,
      effect,
      condition: RULES.boolean,
      unless: fc.option(RULES.boolean, { nil: undefined }),
      mode: fc.constantFrom(undefined, undefined, undefined, 'shadow'),
      cancels: fc.constantFrom(false, false, false, true),
    })
    .map(({ actions, where: values, effect: { word, ...to }, condition, unless, mode, cancels }) => {
      const exits = actions.includes('order')
      const open = unless === undefined ? 'action.reducing' : `action.reducing or ${unless}`
      const exempt = exits ? open : unless
      // A rule on cancels may read what can be missing only where it denies nothing.
      const harmless = word === 'warn' || mode === 'shadow'
      return {
        id,
        title: id,
        applies: { actions: cancels && harmless ? [...actions, 'cancel'] : actions, ...values },
        [word]: condition,
        ...to,
        ...(exempt === undefined ? {} : { unless: exempt }),
        ...(mode === undefined ? {} : { mode }),
      }
    })
}

/** A random constitution of one to five rules. */
export const draft: fc.Arbitrary<Draft> = fc
  .record({
    facts,
    tables,
    rules: fc
      .integer({ min: 1, max: 5 })
      .chain((count) => fc.tuple(...Array.from({ length: count }, (_, index) => rule(`rule-${index}`)))),
  })
  .map(({ facts: vocabulary, tables: csvs, rules }) => ({
    files: { 'facts.yaml': JSON.stringify({ facts: vocabulary }), ...csvs },
    rules,
  }))
