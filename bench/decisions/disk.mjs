/** What the disk alone allows: records of a size, written and fdatasynced. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'

export async function openDisk(directory, recordText) {
  const file = await open(join(directory, 'bare'), 'w')
  const record = Buffer.from(`${recordText}\n`)
  const append = async (buffer) => {
    await file.write(buffer)
    await file.datasync()
  }
  let previous = Promise.resolve()
  let flushing
  let waiting = 0
  const flush = async () => {
    await previous
    const count = waiting
    // Who asks from now on waits for the next group.
    waiting = 0
    flushing = undefined
    previous = append(Buffer.concat(Array.from({ length: count }, () => record)))
    await previous
  }
  const group = Buffer.concat(Array.from({ length: 64 }, () => record))
  return {
    bytes: record.length,
    one: () => append(record),
    group: () => append(group),
    /** One record, written and synced together with those asked for meanwhile. */
    together: () => {
      waiting += 1
      flushing ??= flush()
      return flushing
    },
    close: () => file.close(),
  }
}
