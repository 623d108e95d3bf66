/**
 * A process that appends to a journal until it is killed, and prints each sequence once it is durable.
 *
 * Usage: node appender.mjs <directory> <private key, PEM> [<segment bytes max>]. Needs a build. Prints `open <n>` first,
 * `failed <code>` if the journal does not open.
 */
import { writeSync } from 'node:fs'
import { keyPairFromPem } from '../../dist/base/ed25519.js'
import { openJournal } from '../../dist/journal/journal.js'

const [directory, pem, segmentBytesMax] = process.argv.slice(2)

/** Synchronous, so that what was printed before a kill has left the process. */
const print = (line) => writeSync(1, `${line}\n`)

const options = { directory, keys: keyPairFromPem(pem), keyId: 'test', now: Date.now }
try {
  const { journal, recovery } = await openJournal({
    ...options,
    segmentBytesMax: Number(segmentBytesMax ?? 1e6),
  })
  print(`open ${recovery.sequence}`)
  const appendForever = async () => {
    for (;;) {
      const at = Date.now()
      const { firstSequence, durable } = journal.append([
        { at, eventText: JSON.stringify({ kind: 'loop', padding: 'x'.repeat(at % 3000) }) },
      ])
      await durable
      print(firstSequence)
    }
  }
  await Promise.all(Array.from({ length: 8 }, appendForever))
} catch (error) {
  print(`failed ${error.code}`)
}
