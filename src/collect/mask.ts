/** Keys are never written down: neither the one that was used, wherever a client repeats it, nor what looks like one in a body that could not be read. */

const mark = '*'

/** Overwrites each place where the key stands; how many there were. */
export function maskKey(bytes: Buffer, key: string): number {
  let count = 0
  for (let at = bytes.indexOf(key); at !== -1; at = bytes.indexOf(key, at + 1)) {
    bytes.fill(mark, at, at + Buffer.byteLength(key))
    count++
  }
  return count
}

/** Without the key, and without parameters that are made to hold one. */
export function queryWithoutKey(
  query: Readonly<Record<string, string>>,
  key: string,
): Readonly<Record<string, string>> {
  const parameters = Object.entries(query)
  if (parameters.length === 0) return query
  return Object.fromEntries(
    parameters
      .filter(([name, value]) => value !== key && !/^(write_?key|api_key)$/i.test(name))
      .map(([name, value]) => [name, value.replaceAll(key, mark)]),
  )
}

const keyFields =
  /("[\w$-]*(?:write_?key|api_?key|token|secret|password|authorization)"\s*:\s*)"(?:[^"\\]|\\.){1,1000}"/gi

/** JSON as text stays JSON: only the values of fields that are named like a key change. */
export function maskKeyFields(json: string): string {
  return json.replaceAll(keyFields, `$1"${mark}"`)
}
