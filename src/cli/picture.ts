/** Pictures as SVG, without a library: lines over one axis. */

export interface Line {
  readonly name: string
  readonly points: readonly (readonly [number, number])[]
  /** How far up and down the truth may be, at each point. */
  readonly around?: readonly number[]
}

export interface Picture {
  readonly title: string
  readonly across: string
  readonly up: string
  readonly lines: readonly Line[]
}

const [WIDTH, HEIGHT] = [720, 400]
const [LEFT, RIGHT, TOP, BOTTOM] = [76, 16, 44, 52]
const COLORS = ['#1f77b4', '#d62728', '#2ca02c', '#9467bd', '#ff7f0e', '#8c564b', '#17becf'] as const
const TICKS = 5

/** Lines over a plane, with both axes named, as an SVG document. */
export function drawLines({ title, across, up, lines }: Picture): string {
  const xs = lines.flatMap(({ points }) => points.map(([x]) => x))
  const ys = lines.flatMap(({ points, around }) =>
    points.flatMap(([, y], at) => [y - (around?.[at] ?? 0), y + (around?.[at] ?? 0)]),
  )
  const [xLow, xHigh] = [Math.min(...xs), Math.max(...xs)]
  const [yLow, yHigh] = widened(Math.min(0, ...ys), Math.max(0, ...ys))
  const x = (value: number): number => LEFT + ((value - xLow) / (xHigh - xLow || 1)) * (WIDTH - LEFT - RIGHT)
  const y = (value: number): number =>
    HEIGHT - BOTTOM - ((value - yLow) / (yHigh - yLow)) * (HEIGHT - TOP - BOTTOM)
  const ticks = Array.from({ length: TICKS + 1 }, (_, at) => at / TICKS)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    text(WIDTH / 2, 20, title, 'middle', 15),
    ...ticks.map((part) => {
      const value = yLow + part * (yHigh - yLow)
      return `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value)}" y2="${y(value)}" stroke="#ddd"/>${text(LEFT - 8, y(value) + 4, short(value), 'end')}`
    }),
    ...ticks.map((part) => {
      const value = xLow + part * (xHigh - xLow)
      return text(x(value), HEIGHT - BOTTOM + 18, short(value), 'middle')
    }),
    `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(0)}" y2="${y(0)}" stroke="#888"/>`,
    text((WIDTH + LEFT) / 2, HEIGHT - 10, across, 'middle'),
    `<text transform="translate(18 ${HEIGHT / 2}) rotate(-90)" text-anchor="middle">${escaped(up)}</text>`,
    ...lines.flatMap(({ name, points, around }, at) => {
      const color = COLORS[at % COLORS.length] as string
      const path = points.map(([px, py]) => `${x(px).toFixed(1)},${y(py).toFixed(1)}`).join(' ')
      const bars = (around ?? []).map((half, index) => {
        const [px, py] = points[index] as readonly [number, number]
        return `<line x1="${x(px)}" x2="${x(px)}" y1="${y(py - half)}" y2="${y(py + half)}" stroke="${color}"/>`
      })
      return [
        `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2"/>`,
        ...bars,
        text(LEFT + 10, TOP + 14 * at, name, 'start', 12, color),
      ]
    }),
    '</svg>',
    '',
  ].join('\n')
}

/** A figure with its interval. */
export interface Interval {
  readonly name: string
  readonly value: number
  readonly low: number
  readonly high: number
}

/** Figures with their intervals, one below the other, as an SVG document. */
export function drawIntervals(title: string, across: string, intervals: readonly Interval[]): string {
  const height = TOP + BOTTOM + 30 * intervals.length
  const left = 220
  const [low, high] = widened(
    Math.min(0, ...intervals.map((interval) => interval.low)),
    Math.max(0, ...intervals.map((interval) => interval.high)),
  )
  const x = (value: number): number => left + ((value - low) / (high - low)) * (WIDTH - left - RIGHT)
  const ticks = Array.from({ length: TICKS + 1 }, (_, at) => low + (at / TICKS) * (high - low))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="white"/>`,
    text(WIDTH / 2, 20, title, 'middle', 15),
    `<line x1="${x(0)}" x2="${x(0)}" y1="${TOP - 10}" y2="${height - BOTTOM}" stroke="#888"/>`,
    ...ticks.map((value) => text(x(value), height - BOTTOM + 18, short(value), 'middle')),
    text((WIDTH + left) / 2, height - 10, across, 'middle'),
    ...intervals.map((interval, at) => {
      const y = TOP + 30 * at + 8
      const color = COLORS[0]
      return [
        text(left - 12, y + 4, interval.name, 'end'),
        `<line x1="${x(interval.low)}" x2="${x(interval.high)}" y1="${y}" y2="${y}" stroke="${color}" stroke-width="2"/>`,
        `<circle cx="${x(interval.value)}" cy="${y}" r="4" fill="${color}"/>`,
      ].join('')
    }),
    '</svg>',
    '',
  ].join('\n')
}

function widened(low: number, high: number): [number, number] {
  const margin = 0.05 * (high - low || 1)
  return [low - margin, high + margin]
}

function short(value: number): string {
  const magnitude = Math.abs(value)
  if (magnitude >= 10_000) return `${(value / 1000).toFixed(0)}k`
  return magnitude >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(2)))
}

function text(x: number, y: number, content: string, anchor: string, size = 12, fill = '#222'): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" font-size="${size}" fill="${fill}">${escaped(content)}</text>`
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
