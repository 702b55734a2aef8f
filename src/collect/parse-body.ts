/** A request's body as a value. The collector reads it to judge, the landing reads the same bytes again: both by this one way. */

/**
 * JSON whatever the content type says: trackers send `text/plain` to spare a preflight. PostHog's browser client also sends a form, `data=` with JSON, plain or in
 * base64. undefined: the body is neither, or empty.
 */
export function parseBody(bytes: Uint8Array): unknown {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
  const value = parseJson(text)
  if (value !== undefined || !formStart.test(text)) return value
  const packed = new URLSearchParams(text).get('data') ?? ''
  // A plus that was not escaped has become a space.
  return (
    parseJson(packed) ??
    parseJson(Buffer.from(packed.replaceAll(' ', '+'), 'base64').toString('utf8'))
  )
}

const formStart = /^(?:data|[a-z_]{1,20}=[^&]{0,40}&data)=/

function parseJson(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    // The caller says what could not be read.
    return undefined
  }
}
