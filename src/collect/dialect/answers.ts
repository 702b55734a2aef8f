/** What the dialects' answers share. */
import type { Answer } from '../dialect.ts'

export function json(status: number, value: unknown, headers: Answer['headers'] = {}): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(value),
  }
}

export function retryAfter(seconds: number): Answer['headers'] {
  return { 'retry-after': String(Math.max(1, Math.ceil(seconds))) }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An id or instant as text: trackers send numbers too. Anything else is none. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : undefined
}

/** The user name of HTTP Basic, the token of Bearer. */
export function keyOfAuthorization(header: string | undefined): string | undefined {
  const [, scheme, value] = /^(Basic|Bearer)\s+(\S+)$/i.exec(header ?? '') ?? []
  if (value === undefined) return undefined
  if (scheme!.toLowerCase() === 'bearer') return value
  const [name] = Buffer.from(value, 'base64').toString('utf8').split(':', 1)
  return name === '' ? undefined : name
}
