/** A request's body as a value. The collector reads it to judge, the landing reads the same bytes again: both by this one way. */

/** JSON whatever the content type says: trackers send `text/plain` to spare a preflight. undefined: the body is none, or empty. */
export function parseBody(bytes: Uint8Array): unknown {
  return readJson(bytes)?.value
}

export interface JsonBody {
  readonly value: unknown
  /** The JSON as it came. */
  readonly json: Buffer
}

/** PostHog's browser client also sends a form, `data=` with JSON, plain or in base64. */
export function readJson(bytes: Uint8Array): JsonBody | undefined {
  const own = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const text = own.toString('utf8')
  const value = parseJson(text)
  if (value !== undefined) return { value, json: own }
  if (!formStart.test(text)) return undefined
  const packed = new URLSearchParams(text).get('data') ?? ''
  // A plus that was not escaped has become a space.
  const unpacked = Buffer.from(packed.replaceAll(' ', '+'), 'base64')
  for (const json of [Buffer.from(packed), unpacked]) {
    const found = parseJson(json.toString('utf8'))
    if (found !== undefined) return { value: found, json }
  }
  return undefined
}

const formStart = /^(?:data|[a-z_]{1,20}=[^&]{0,40}&data)=/

function parseJson(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text)
  } catch {
    // The caller says what could not be read.
    return undefined
  }
}
