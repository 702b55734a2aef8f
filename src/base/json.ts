/** JSON where `JSON` itself falls short: integers of 63 bits, which Iceberg snapshot ids of other writers are, and text that other programs do not read. */

/** Like `JSON.parse`, but an integer beyond ±2^53 becomes a `bigint`. */
export function parseJson(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { readonly source?: string }) => {
    if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
    const source = context?.source
    return source !== undefined && /^-?\d+$/.test(source) ? BigInt(source) : value
  })
}

/** Like `JSON.stringify`, but a `bigint` is written as a number with all its digits. */
export function stringifyJson(value: unknown, space?: number): string {
  return JSON.stringify(
    value,
    (_key, item: unknown) => (typeof item === 'bigint' ? rawJson(item.toString()) : item),
    space,
  )
}

/** Like `JSON.stringify`; half of a pair that makes one letter, as of an emoji that was cut, becomes U+FFFD, because no other program reads it. */
export function stringifyWellFormed(value: unknown): string {
  const text = JSON.stringify(value)
  return text.includes('\\ud') ? text.replaceAll(half, '$1\\ufffd') : text
}

/** As `JSON.stringify` writes it, which writes pairs as they are; what an even number of backslashes leads is text about one. */
const half = /(?<!\\)((?:\\\\)*)\\ud[89a-f][\da-f]{2}/g

/** `JSON.rawJSON` (Node 22) is not yet in the type library. */
function rawJson(text: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text)
}
