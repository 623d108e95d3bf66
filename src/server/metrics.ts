/** Counts and times for Prometheus. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Verdict } from '../protocol/decision.ts'
import type { Front } from '../sidecar/front.ts'
import type { GuardView, Sidecar } from '../sidecar/sidecar.ts'
import type { Topics } from '../sidecar/topics.ts'

export interface Metrics {
  readonly registry: Registry
  readonly untold: Gauge<'why'>
  readonly refused: Counter<'why'>
  readonly halts: Gauge<'state'>
  /** By verdict: to ask the counter for each anew takes longer than to count. */
  readonly decisions: Readonly<Record<Verdict, Counter.Internal>>
  readonly reasons: Counter<'code'>
  readonly recalled: Counter
  readonly observations: Counter<'outcome'>
  readonly executions: Counter<'outcome'>
  readonly anomalies: Counter<'anomaly'>
  readonly problems: Counter<'code'>
  readonly decisionSeconds: Histogram
}

/** `guards` are those of the cluster, where there is one. */
export function createMetrics(
  sidecar: Front,
  topics: Topics,
  guards: () => readonly GuardView[] = () => [],
): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  const gauge = (name: string, help: string, read: () => number): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  gauge('ephor_ready', '1 while the sidecar decides', () => (sidecar.unready === undefined ? 1 : 0))
  const ofPartitions = (name: string, help: string, read: (core: Sidecar) => number): void => {
    const [only] = sidecar.cores
    if (sidecar.cores.length === 1 && only !== undefined) {
      gauge(name, help, () => read(only))
      return
    }
    const each = new Gauge({
      name,
      help,
      labelNames: ['partition'],
      registers,
      collect() {
        for (const core of sidecar.cores) each.set({ partition: core.partition ?? '' }, read(core))
      },
    })
  }
  ofPartitions('ephor_home', '1 while this sidecar decides, 0 while it follows another', ({ home }) =>
    home?.isHere === false ? 0 : 1,
  )
  ofPartitions('ephor_epoch', 'Epoch of the home; 0 by itself', ({ home }) => home?.epoch ?? 0)
  ofPartitions('ephor_journal_sequence', 'Last durable record', (core) => core.durableSequence)
  ofPartitions(
    'ephor_checkpoint_sequence',
    'Record of the newest checkpoint',
    (core) => core.checkpointSequence,
  )
  ofPartitions('ephor_open_orders', 'Orders that may still fill', ({ state }) => state.ledger.live)
  gauge('ephor_tuning_stops', 'What of the optimizer stopped by itself and waits for an author', () =>
    sidecar.cores.reduce((sum, { state }) => sum + state.optimizer.stops.length, 0),
  )
  gauge('ephor_pending', 'Inputs taken and not yet durable', () => sidecar.pending)
  const ofGuards = (name: string, help: string, read: (guard: GuardView) => number): Gauge<'breaker'> =>
    new Gauge({
      name,
      help,
      labelNames: ['breaker'],
      registers,
      collect() {
        for (const guard of guards()) this.set({ breaker: guard.name }, read(guard))
      },
    })
  ofGuards(
    'ephor_breaker_state',
    '0 closed, 1 half-open, 2 open: calls are refused at once',
    ({ state }) => ({ closed: 0, 'half-open': 1, open: 2 })[state],
  )
  ofGuards('ephor_breaker_opened', 'How often it opened', ({ opened }) => opened)
  ofGuards('ephor_breaker_refused', 'Calls refused by it, or since too many waited', ({ refused }) => refused)
  ofGuards('ephor_bulkhead_running', 'Calls on their way', ({ running }) => running)
  /** What the counter was told of each, the last time that it was asked for. */
  const told = new Map<string, number>()
  ofGuards('ephor_bulkhead_waiting', 'Calls that wait for one to end', ({ waiting }) => waiting)
  const decisions = new Counter({
    name: 'ephor_decisions_total',
    help: 'Verdicts released',
    labelNames: ['verdict'],
    registers,
  })
  return {
    registry,
    untold: new Gauge({
      name: 'ephor_topic_messages_untold',
      help: 'Messages of topics that were not told since the start, by why',
      labelNames: ['why'],
      registers,
      collect() {
        for (const [why, times] of Object.entries(topics.untold)) this.set({ why }, times)
      },
    }),
    refused: new Counter({
      name: 'ephor_inbox_refused_total',
      help: 'Inputs of other sidecars that were refused as home since the start, by what was wrong with their envelopes',
      labelNames: ['why'],
      registers,
      collect() {
        for (const [why, times] of Object.entries(refusedBy(sidecar))) {
          this.inc({ why }, times - (told.get(why) ?? 0))
          told.set(why, times)
        }
      },
    }),
    halts: new Gauge({
      name: 'ephor_halts',
      help: 'Halts in force, by state',
      labelNames: ['state'],
      registers,
      collect() {
        // One that all partitions have is one.
        const states = new Map(
          sidecar.cores.flatMap(({ state: { ledger } }) =>
            Array.from(ledger.halts.values(), ({ id, state }) => [id, state] as const),
          ),
        )
        for (const state of ['reducing', 'halted'] as const)
          this.set({ state }, [...states.values()].filter((each) => each === state).length)
      },
    }),
    decisions: {
      allow: decisions.labels('allow'),
      narrow: decisions.labels('narrow'),
      deny: decisions.labels('deny'),
      pending: decisions.labels('pending'),
    },
    reasons: new Counter({
      name: 'ephor_reasons_total',
      help: 'Reasons given, by code',
      labelNames: ['code'],
      registers,
    }),
    recalled: new Counter({
      name: 'ephor_recalled_total',
      help: 'Answers given again from memory',
      registers,
    }),
    observations: new Counter({
      name: 'ephor_observations_total',
      help: 'Observations reported',
      labelNames: ['outcome'],
      registers,
    }),
    executions: new Counter({
      name: 'ephor_executions_total',
      help: 'Executions reported',
      labelNames: ['outcome'],
      registers,
    }),
    anomalies: new Counter({
      name: 'ephor_anomalies_total',
      help: 'Executions that should not have come, by what is wrong with them',
      labelNames: ['anomaly'],
      registers,
    }),
    problems: new Counter({
      name: 'ephor_problems_total',
      help: 'Calls that ended in an error',
      labelNames: ['code'],
      registers,
    }),
    decisionSeconds: new Histogram({
      name: 'ephor_decision_seconds',
      help: 'From a parsed request to a durable verdict',
      buckets: [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1],
      registers,
    }),
  }
}

/** What the homes of all partitions here refused of the inbox since the start. */
function refusedBy({ cores }: Front): Readonly<Record<string, number>> {
  const all: Record<string, number> = {}
  for (const { refused } of cores)
    for (const [why, times] of Object.entries(refused)) all[why] = (all[why] ?? 0) + times
  return all
}
