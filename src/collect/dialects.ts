/** Every way of speaking that the collector understands. The native one first: its path is nobody else's. */
import type { Dialect, Route } from './dialect.ts'
import { nativeDialect } from './dialect/native.ts'
import { posthogDialect } from './dialect/posthog.ts'
import { segmentDialect } from './dialect/segment.ts'
import { snowplowDialect } from './dialect/snowplow.ts'
import type { DialectName } from './record.ts'

export const dialects: readonly Dialect[] = [
  nativeDialect,
  segmentDialect,
  snowplowDialect,
  posthogDialect,
]

export interface FoundRoute extends Route {
  readonly dialect: Dialect
}

export function findRoute(method: string, path: string): FoundRoute | undefined {
  for (const dialect of dialects) {
    const route = dialect.match(method, path)
    if (route !== undefined) return { dialect, ...route }
  }
  return undefined
}

export function dialectNamed(name: DialectName): Dialect | undefined {
  return dialects.find((dialect) => dialect.name === name)
}
