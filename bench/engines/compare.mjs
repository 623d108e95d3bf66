/** Ephor beside its peers on the same rules and actions, in turns, in one run. */
import { Stopwatch, takeTurns } from '../measure.mjs'
import { assertAgreement } from './agree.mjs'
import * as casbin from './casbin.mjs'
import * as cedar from './cedar.mjs'
import { prepareEphor } from './ephor.mjs'
import * as jsonRulesEngine from './json-rules-engine.mjs'
import { actions, isDenied, rules, rulesByInstrument } from './rules.mjs'
import * as zen from './zen.mjs'

export const PEERS = [jsonRulesEngine, cedar, casbin, zen]

const GROUPS = 500
const EACH = 20

/** `quick` takes fewer samples and leaves the peers out where they are slowest. */
export async function compareEngines({ quick, log }) {
  const sizes = quick ? [10, 100, 1000] : [10, 50, 100, 200, 1000, 10_000]
  const cases = []
  for (const size of sizes) {
    cases.push(await compareCase({ title: `${size}`, ruleList: rules(size), slow: size >= 1000, quick, log }))
  }
  cases.push(
    await compareCase({
      title: `${GROUPS * EACH}, ${EACH} apply`,
      ruleList: rulesByInstrument(GROUPS, EACH),
      slow: true,
      quick,
      log,
    }),
  )
  return { cases, indexed: await compareIndexed({ quick, log }) }
}

async function compareCase({ title, ruleList, slow, quick, log }) {
  log(`engines: ${title} rules`)
  const ephor = prepareEphor(ruleList)
  const peers = []
  if (!(quick && ruleList.length >= 10_000)) {
    for (const { name, prepare } of PEERS) peers.push({ name, ...(await prepare(ruleList)) })
  }
  const allActions = actions(240, ruleList)
  // Peers that need a second for an evaluation answer a part of the actions.
  const shared = allActions.slice(0, ruleList.length >= 10_000 ? 25 : quick && slow ? 50 : 240)
  const judged = { name: 'Ephor', input: (facts) => ephor.gather(ephor.measured(facts)), decide: ephor.judge }
  const verdict = { ...judged, decide: ephor.verdict }
  await assertAgreement(ruleList, allActions, [judged, verdict])
  const agreed = peers.length === 0 ? undefined : await assertAgreement(ruleList, shared, peers)
  const isAllowed = (facts) => !isDenied(ruleList, facts)
  const onAllowed = {
    ...ephorStopwatches(ephor, allActions.filter(isAllowed)),
    ...peerStopwatches(peers, shared.filter(isAllowed)),
  }
  const onDenied = deniedStopwatches(ephor, peers, ruleList, allActions, shared)
  await takeTurns([...Object.values(onAllowed), ...Object.values(onDenied)], turns(slow, quick))
  return {
    title,
    rules: ruleList.length,
    agreed,
    results: resultsOf(onAllowed),
    denied: resultsOf(onDenied),
    peers: peers.map(({ name }) => name),
  }
}

/** Orders that a rule forbids: engines that answer yes or no may stop at the first such rule. */
function deniedStopwatches(ephor, peers, ruleList, allActions, shared) {
  const { judge, verdict } = ephorStopwatches(
    ephor,
    allActions.filter((facts) => isDenied(ruleList, facts)),
  )
  const theirs = peerStopwatches(
    peers,
    shared.filter((facts) => isDenied(ruleList, facts)),
  )
  return { judge, verdict, ...Object.fromEntries(peers.map(({ name }) => [name, theirs[name]])) }
}

function resultsOf(watches) {
  return Object.fromEntries(Object.entries(watches).map(([key, stopwatch]) => [key, stopwatch.result()]))
}

function turns(slow, quick) {
  if (quick) return { warmUpMs: slow ? 100 : 150, rounds: 2, sliceMs: slow ? 40 : 60 }
  return { warmUpMs: slow ? 700 : 500, rounds: 6, sliceMs: slow ? 400 : 150 }
}

/** (a) facts prepared, all findings; (b) with the facts gathered from a plain object; (c) the verdict alone. */
function ephorStopwatches(ephor, allActions) {
  const measured = allActions.map(ephor.measured)
  const facts = measured.map(ephor.gather)
  const count = facts.length
  return {
    judge: new Stopwatch((index) => ephor.judge(facts[index % count]), false),
    gatherAndJudge: new Stopwatch((index) => ephor.judge(ephor.gather(measured[index % count])), false),
    verdict: new Stopwatch((index) => ephor.verdict(facts[index % count]), false),
  }
}

/** Each peer with its input prepared, and with it made from the plain object each time. */
function peerStopwatches(peers, shared) {
  const watches = {}
  for (const { name, input, decide } of peers) {
    const inputs = shared.map(input)
    const isAsync = decide(inputs[0]) instanceof Promise
    watches[name] = new Stopwatch((index) => decide(inputs[index % inputs.length]), isAsync)
    watches[`${name}, from a plain object`] = new Stopwatch(
      (index) => decide(input(shared[index % shared.length])),
      isAsync,
    )
  }
  return watches
}

/** The verdict over 10,000 rules of which 20 apply, beside the same 20 rules alone. */
async function compareIndexed({ quick, log }) {
  log('engines: what an index costs')
  const many = rulesByInstrument(GROUPS, EACH)
  const instrument = many[0].instrument
  const few = many.filter((rule) => rule.instrument === instrument)
  const alone = few.map(({ id, all }) => ({ id, all }))
  const programs = { many: prepareEphor(many), few: prepareEphor(alone) }
  const onOne = actions(240, few)
  const onAll = actions(2000, many)
  const asMany = actions(onAll.length, few)
  for (const program of Object.values(programs)) {
    const engine = {
      name: 'Ephor',
      input: (facts) => program.gather(program.measured(facts)),
      decide: program.verdict,
    }
    await assertAgreement(few, onOne, [engine])
  }
  const watches = {
    alone: watch(programs.few, 'verdict', onOne),
    aloneAsMany: watch(programs.few, 'verdict', asMany),
    one: watch(programs.many, 'verdict', onOne),
    all: watch(programs.many, 'verdict', onAll),
    aloneJudge: watch(programs.few, 'judge', onOne),
    aloneAsManyJudge: watch(programs.few, 'judge', asMany),
    oneJudge: watch(programs.many, 'judge', onOne),
    allJudge: watch(programs.many, 'judge', onAll),
  }
  await takeTurns(
    Object.values(watches),
    quick ? { warmUpMs: 300, rounds: 3, sliceMs: 80 } : { warmUpMs: 2500, rounds: 8, sliceMs: 200 },
  )
  return resultsOf(watches)
}

function watch(program, decide, list) {
  const facts = list.map((action) => program.gather(program.measured(action)))
  return new Stopwatch((index) => program[decide](facts[index % facts.length]), false)
}
