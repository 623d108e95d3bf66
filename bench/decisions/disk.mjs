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
  const group = Buffer.concat(Array.from({ length: 64 }, () => record))
  return {
    bytes: record.length,
    one: () => append(record),
    group: () => append(group),
    close: () => file.close(),
  }
}
