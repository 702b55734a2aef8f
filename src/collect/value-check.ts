/**
 * Which values, as JSON brought them, are of a declared type. Numbers and booleans may come as text too, because some clients send every value so; the typed view
 * reads both alike.
 */
import type { ColumnType } from '../model/model.ts'

export type ValueCheck = (value: unknown) => boolean

const integerText = /^[+-]?\d{1,19}$/
const numberText = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?$/i
const decimalText = /^[+-]?0*(\d*)(?:\.(\d*?)0*)?$/
const uuidText = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i
const base64Text = /^[\w+/-]*={0,2}$/
const dateText = /^\d{4}-\d\d-\d\d$/
const timeText = /^([01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?$/
const zoneText = /(?:Z|[+-](?:0\d|1[0-8])(?::?[0-5]\d)?)$/i
const int64Max = 2n ** 63n - 1n
const numberLengthMax = 64
const depthMax = 16

/** Throws nothing; a list deeper than the types allow is refused when the catalog is built. */
export function compileCheck(type: ColumnType): ValueCheck {
  switch (type.kind) {
    case 'text':
      return (value) => typeof value === 'string'
    case 'integer':
      return isInteger
    case 'number':
      return (value) => (typeof value === 'number' ? Number.isFinite(value) : isNumberText(value))
    case 'boolean':
      return (value) => typeof value === 'boolean' || value === 'true' || value === 'false'
    case 'timestamp':
      return (value) => typeof value === 'string' && isInstant(value)
    case 'local_timestamp':
      return (value) => typeof value === 'string' && isDateAndTime(value)
    case 'date':
      return (value) => typeof value === 'string' && isDate(value)
    case 'time':
      return (value) => isText(value, timeText)
    case 'uuid':
      return (value) => isText(value, uuidText)
    case 'bytes':
      return (value) => isText(value, base64Text)
    case 'json':
      return () => true
    case 'decimal': {
      const { precision, scale } = type
      return (value) => isDecimal(value, precision - scale, scale)
    }
    case 'list': {
      const of = compileCheck(type.of)
      return (value) => Array.isArray(value) && value.every((each) => each === null || of(each))
    }
  }
}

/** `decimal(10, 2)`, `list of text`. */
export function typeText(type: ColumnType): string {
  if (type.kind === 'decimal') return `decimal(${type.precision}, ${type.scale})`
  return type.kind === 'list' ? `list of ${typeText(type.of)}` : type.kind
}

/**
 * Whether it is at most so large as JSON in UTF-8, and not nested deeper than any honest event. Bounded itself: it stops at the limit, whatever the value.
 * Text counts three bytes a unit first; only what might then be too large is counted exactly.
 */
export function isWithin(value: unknown, bytesMax: number): boolean {
  if (weigh(value, bytesMax, 0) <= bytesMax) return true
  if (!isShallow(value, 0)) return false
  return Buffer.byteLength(JSON.stringify(value)) <= bytesMax
}

/** Whether it is not nested deeper than any honest event. */
export function isShallow(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  if (depth >= depthMax) return false
  if (Array.isArray(value)) return value.every((each) => isShallow(each, depth + 1))
  // By name: it comes from JSON, so every property is its own, and no list of values is made.
  // oxlint-disable-next-line guard-for-in
  for (const name in value)
    if (!isShallow((value as Readonly<Record<string, unknown>>)[name], depth + 1)) return false
  return true
}

function weigh(value: unknown, bytesMax: number, depth: number): number {
  if (typeof value === 'string') return value.length * 3 + 2
  if (typeof value !== 'object' || value === null) return 24
  if (depth >= depthMax) return Infinity
  let bytes = 2
  if (Array.isArray(value))
    for (const each of value) {
      bytes += weigh(each, bytesMax, depth + 1) + 1
      if (bytes > bytesMax) return bytes
    }
  else
    for (const name of Object.keys(value)) {
      const each = (value as Readonly<Record<string, unknown>>)[name]
      bytes += name.length * 3 + 4 + weigh(each, bytesMax, depth + 1)
      if (bytes > bytesMax) return bytes
    }
  return bytes
}

function isText(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value)
}

/** A pattern that tries again from every place would take long on long text, and no number is. */
function isNumberText(value: unknown): boolean {
  return typeof value === 'string' && value.length <= numberLengthMax && numberText.test(value)
}

function isInteger(value: unknown): boolean {
  if (typeof value === 'number') return Number.isInteger(value) && Math.abs(value) < 2 ** 63
  if (!isText(value, integerText)) return false
  const text = value as string
  if (text.length < 19) return true
  const whole = BigInt(text.startsWith('+') ? text.slice(1) : text)
  return whole <= int64Max && whole >= -int64Max - 1n
}

function isDecimal(value: unknown, wholeMax: number, scale: number): boolean {
  if (typeof value !== 'string' && typeof value !== 'number') return false
  const text = String(value)
  if (text.length > numberLengthMax) return false
  const match = decimalText.exec(text)
  if (match === null || !/\d/.test(text)) return false
  return match[1]!.length <= wholeMax && (match[2] ?? '').length <= scale
}

function isDate(text: string): boolean {
  if (!dateText.test(text)) return false
  const at = Date.parse(`${text}T00:00:00Z`)
  return !Number.isNaN(at) && new Date(at).toISOString().startsWith(text)
}

/** `2026-01-31T12:00:00` or with a space. */
function isDateAndTime(text: string): boolean {
  const separator = text[10]
  return (
    (separator === 'T' || separator === ' ') &&
    isDate(text.slice(0, 10)) &&
    timeText.test(text.slice(11))
  )
}

/** An instant needs its zone: without one nobody knows when it was. */
function isInstant(text: string): boolean {
  const zone = zoneText.exec(text)
  return zone !== null && zone.index > 10 && isDateAndTime(text.slice(0, zone.index))
}
