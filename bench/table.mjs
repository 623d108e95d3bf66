/** Tables for people: Markdown that also reads well on a terminal. */

export function table(head, rows) {
  const lines = [head, ...rows].map((cells) => cells.map(String))
  const widths = head.map((_, column) => Math.max(...lines.map((cells) => cells[column].length)))
  const write = (cells) =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join(' | ')} |`
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  return [write(lines[0]), rule, ...lines.slice(1).map(write)].join('\n')
}

/** Microseconds with three significant digits. */
export function us(value) {
  return `${digits(value)} µs`
}

export function times(value) {
  return `${digits(value)}×`
}

export function digits(value) {
  if (!Number.isFinite(value)) return '–'
  const text = value >= 100 ? Math.round(value) : Number(value.toPrecision(3))
  return text.toLocaleString('en-US', { maximumFractionDigits: 4 })
}

/** A budget in processor time says by a function whether it is met where computing takes `slowness` times as long. */
export function met(isMet, slowness) {
  if (typeof isMet === 'boolean') return isMet ? 'met' : 'NOT met'
  if (isMet(1)) return 'met'
  return slowness > 1 && isMet(slowness) ? 'NOT met here, met by its speed' : 'NOT met'
}
