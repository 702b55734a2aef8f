/** Every way of speaking that the collector understands. The native one first: its path is nobody else's. */
import { isRecord } from './dialect/answers.ts'
import type { Dialect, Route } from './dialect.ts'
import { nativeDialect } from './dialect/native.ts'
import { posthogDialect } from './dialect/posthog.ts'
import { segmentDialect } from './dialect/segment.ts'
import { snowplowDialect } from './dialect/snowplow.ts'
import type { DialectName } from './record.ts'

/** Of one request: what is made of it is in memory at once, several times. */
const eventsMax = 50_000

export const dialects: readonly Dialect[] = [
  nativeDialect,
  segmentDialect,
  snowplowDialect,
  posthogDialect,
].map(limited)

function limited(dialect: Dialect): Dialect {
  return {
    ...dialect,
    readEvents: (request, body) => {
      const count = countOf(body)
      if (count <= eventsMax) return dialect.readEvents(request, body)
      const reason = `${count} events in a request are more than ${eventsMax}`
      return [{ kind: 'unreadable', reason }]
    },
  }
}

/** Of the events that a body may hold: in each dialect they are the body itself, or a list directly in it. */
function countOf(body: unknown): number {
  if (Array.isArray(body)) return body.length
  if (!isRecord(body)) return 1
  let count = 1
  for (const name in body) {
    const value = body[name]
    if (Array.isArray(value)) count = Math.max(count, value.length)
  }
  return count
}

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
