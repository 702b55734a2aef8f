/** JSON that keeps 63-bit integers: Iceberg snapshot ids of other writers do not survive `JSON.parse`. */

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

/** `JSON.rawJSON` (Node 22) is not yet in the type library. */
function rawJson(text: string): unknown {
  return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(text)
}
