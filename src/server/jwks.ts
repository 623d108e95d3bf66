/** `GET /.well-known/jwks.json`: the public keys that check permits, for whoever wants them. */
import type { RouteContext } from './routes.ts'

/** Seconds that an answer may be kept; keys change with a restart only. */
const KEEP_SECONDS = 60

export function jwksRoutes({ app, jwks }: RouteContext): void {
  app.get('/.well-known/jwks.json', { schema: { hide: true } }, async (_request, reply) =>
    reply
      .type('application/jwk-set+json')
      .header('cache-control', `public, max-age=${KEEP_SECONDS}`)
      .send(jwks),
  )
}
