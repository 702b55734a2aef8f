/** A request's body as a value. The collector reads it to judge, the landing reads the same bytes again: both by this one way. */

/** JSON whatever the content type says: trackers send `text/plain` to spare a preflight. undefined: the body is none, is empty, or is of more values than one takes. */
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

/** Many times as many as a body of events has; each takes a hundred bytes and more once it is read. */
const valuesMax = 400_000

function parseJson(text: string): unknown {
  if (text === '' || (text.length > valuesMax && countValues(text) > valuesMax)) return undefined
  try {
    return JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text)
  } catch {
    // The caller says what could not be read.
    return undefined
  }
}

/** About as many as there are: a list or an object has a bracket, and each value beside another a comma. */
function countValues(text: string): number {
  let count = 0
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === comma || code === openList || code === openObject) count++
  }
  return count
}

const comma = 0x2c
const openList = 0x5b
const openObject = 0x7b
