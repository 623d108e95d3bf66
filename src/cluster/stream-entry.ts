/** Entries of streams as Redis gives them, made into what they stand for. */
import type { LogEntry } from './cluster.ts'

export type StreamEntry = [id: string, fields: string[]]

export function fieldOf(fields: readonly string[], name: string): string {
  const place = fields.indexOf(name)
  return place < 0 ? '' : (fields[place + 1] ?? '')
}

export function logEntryOf([id, fields]: StreamEntry): LogEntry {
  const entry = { sequence: Number(id.split('-')[0]), line: fieldOf(fields, 'line') }
  const seal = fieldOf(fields, 'seal')
  return seal === '' ? entry : { ...entry, seal }
}
