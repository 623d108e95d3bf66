/** Where a Redis is and how it is talked to: a single server, a group that Sentinel watches, or a Redis Cluster. */
import { EphorError } from '../base/errors.ts'

/** PEM texts. */
export interface Tls {
  /** Whom to believe, in the place of the system's authorities. */
  readonly ca?: string | undefined
  /** Who we are, where the server asks. */
  readonly cert?: string | undefined
  readonly key?: string | undefined
}

/** A server to ask, by host and port. */
export interface Node {
  readonly host: string
  readonly port: number
}

/** Plain data: it is handed to threads. */
export interface RedisPlace {
  readonly kind: 'single' | 'sentinel' | 'cluster'
  /** The server; the Sentinels; or some nodes of the Cluster. */
  readonly nodes: readonly Node[]
  /** What Sentinel calls the group. */
  readonly group?: string | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Of the Sentinels, where they want one. */
  readonly sentinelPassword?: string | undefined
  readonly database: number
  readonly tls?: Tls | undefined
  /** The place as it may be shown. */
  readonly shown: string
}

/** What a place is beside its URL. */
export interface PlaceOptions {
  readonly tls?: Tls | undefined
  readonly sentinelPassword?: string | undefined
}

/** Forms of a place, for people. */
export const PLACE_FORMS =
  '`redis://host:port`, `redis+sentinel://host:port,host:port/GROUP` or `redis+cluster://host:port,host:port`, with `rediss` for TLS and `USER:PASSWORD@` before the host where needed'

const PLACE =
  /^(?<scheme>rediss?)(?:\+(?<kind>sentinel|cluster))?:\/\/(?:(?<user>[^:@/]*)(?::(?<password>[^@/]*))?@)?(?<nodes>[^/@]+)(?:\/(?<path>[^/]*))?$/
const PORTS = { single: 6379, sentinel: 26379, cluster: 6379 } as const

/** Reads a URL. Throws `CONFIG_INVALID`, which never tells a password. */
export function readPlace(url: string, { tls, sentinelPassword }: PlaceOptions = {}): RedisPlace {
  const found = PLACE.exec(url)?.groups
  const kind = (found?.kind ?? 'single') as RedisPlace['kind']
  const nodes = found?.nodes?.split(',').map((node) => readNode(node, PORTS[kind])) ?? []
  const path = found?.path ?? ''
  const isSound =
    found !== undefined &&
    nodes.every((node) => node !== undefined) &&
    (kind !== 'single' || (nodes.length === 1 && /^\d{0,4}$/.test(path))) &&
    (kind !== 'sentinel' || path !== '') &&
    (kind !== 'cluster' || path === '')
  if (!isSound) throw new EphorError('CONFIG_INVALID', `redis: expected ${PLACE_FORMS}`)
  const { scheme = '', user = '', password, nodes: list } = found
  if (scheme === 'redis' && tls !== undefined)
    throw new EphorError('CONFIG_INVALID', 'redis: `tls` is given and the URL does not begin with `rediss`')
  return {
    kind,
    nodes: nodes.filter((node) => node !== undefined),
    group: kind === 'sentinel' ? decodeURIComponent(path) : undefined,
    username: user === '' ? undefined : decodeURIComponent(user),
    password: password === undefined ? undefined : decodeURIComponent(password),
    sentinelPassword,
    database: kind === 'single' ? Number(path) : 0,
    tls: scheme === 'rediss' ? (tls ?? {}) : undefined,
    shown: `${scheme}${kind === 'single' ? '' : `+${kind}`}://${list}${path === '' ? '' : `/${path}`}`,
  }
}

/** `host`, `host:port` or `[address]:port`. */
function readNode(text: string, port: number): Node | undefined {
  const found = /^(?:\[(?<address>[0-9a-fA-F:.]+)\]|(?<host>[^:[\]]+))(?::(?<port>\d{1,5}))?$/.exec(
    text,
  )?.groups
  const host = found?.address ?? found?.host
  const given = found?.port === undefined ? port : Number(found.port)
  return host === undefined || given < 1 || given > 65_535 ? undefined : { host, port: given }
}
