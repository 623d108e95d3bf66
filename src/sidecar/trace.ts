/** The trace that is being followed: whatever is awaited within a call belongs to its span. Spans go to whoever registered an OpenTelemetry SDK; where nobody did they are nothing. */
import { AsyncLocalStorage } from 'node:async_hooks'
import {
  context,
  isSpanContextValid,
  ROOT_CONTEXT,
  SpanKind,
  trace,
  type Attributes,
  type Context,
  type Span,
} from '@opentelemetry/api'
import { VERSION } from '../base/version.ts'

/*
 * It goes beside the call and not through it: no step between the door and the envelope decides anything by it, and the core, which is handed everything that
 * it knows, cannot see it. Where no caller names a trace and nobody asks for spans this costs nothing.
 */
const following = new AsyncLocalStorage<Span>()
const tracer = trace.getTracer('ephor', VERSION)

/** A step of a trace, begun now: of the caller's where that named one, or of whatever instrumentation this process has. */
export function beginSpan(name: string, kind: keyof typeof SpanKind, traceparent?: string): Span {
  return tracer.startSpan(name, { kind: SpanKind[kind] }, parentOf(traceparent))
}

function parentOf(traceparent: string | undefined): Context {
  const active = context.active()
  if (traceparent === undefined || trace.getSpanContext(active) !== undefined) return active
  const [, traceId = '', spanId = '', flags = ''] = traceparent.split('-')
  const caller = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true }
  return trace.setSpanContext(ROOT_CONTEXT, caller)
}

/** How others name this step as theirs to go on from. Where nobody asks for spans that is what the caller named; `undefined` where there is no trace. */
export function traceparentOf(span: Span): string | undefined {
  const own = span.spanContext()
  if (!isSpanContextValid(own)) return undefined
  return `00-${own.traceId}-${own.spanId}-${own.traceFlags.toString(16).padStart(2, '0')}`
}

/** Calls `call`; until all that it awaits has ended, it belongs to `span`. */
export function inTrace<T>(span: Span, call: () => T): T {
  return following.run(span, call)
}

/** The `traceparent` of what is done now; `undefined` where it belongs to no trace. */
export function traceInHand(): string | undefined {
  const span = following.getStore()
  return span && traceparentOf(span)
}

/** Tells of what is done now what came of it. */
export function tellTrace(attributes: Attributes): void {
  following.getStore()?.setAttributes(attributes)
}
