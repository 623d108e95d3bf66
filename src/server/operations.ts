/** Health, metrics and the description of the API. */
import { asyncApi } from './asyncapi.ts'
import type { RouteContext } from './routes.ts'

export function operationRoutes({ app, sidecar, metrics }: RouteContext): void {
  const hidden = { schema: { hide: true } }
  // A probe that is turned away reads as a dead process, and whoever watches would restart one that is merely busy.
  const probe = { ...hidden, config: { rateLimit: false } }
  app.get('/healthz', probe, async (_request, reply) => reply.send({ status: 'alive' }))
  app.get('/readyz', probe, async (_request, reply) => {
    const { unready, home, cores } = sidecar
    const among = home === undefined ? {} : { home: home.name, isHome: home.isHere, epoch: home.epoch }
    const each = cores.length === 1 ? {} : { partitions: cores.map(partitionOf) }
    return unready === undefined
      ? reply.send({ status: 'ready', ...among, ...each })
      : reply.code(503).send({ status: 'not ready', why: unready, ...among, ...each })
  })
  app.get('/metrics', hidden, async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  )
  const messages = asyncApi()
  app.get('/asyncapi.json', hidden, async (_request, reply) => reply.send(messages))
  app.get('/openapi.json', hidden, async (_request, reply) => reply.send(app.swagger()))
}

/** Who is home to one of several. */
function partitionOf({ partition, home, unready }: RouteContext['sidecar']['cores'][number]): object {
  return {
    partition,
    home: home?.name,
    isHome: home?.isHere,
    epoch: home?.epoch,
    ...(unready === undefined ? {} : { why: unready }),
  }
}
