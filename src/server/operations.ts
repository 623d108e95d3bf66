/** Health, metrics and the description of the API. */
import type { RouteContext } from './routes.ts'

export function operationRoutes({ app, sidecar, metrics }: RouteContext): void {
  const hidden = { schema: { hide: true } }
  app.get('/healthz', hidden, async (_request, reply) => reply.send({ status: 'alive' }))
  app.get('/readyz', hidden, async (_request, reply) => {
    const { unready } = sidecar
    return unready === undefined
      ? reply.send({ status: 'ready' })
      : reply.code(503).send({ status: 'not ready', why: unready })
  })
  app.get('/metrics', hidden, async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  )
  app.get('/openapi.json', hidden, async (_request, reply) => reply.send(app.swagger()))
}
