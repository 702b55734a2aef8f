import { createHash } from 'node:crypto'

/** Hex of the first 16 bytes of SHA-256 over the parts, each preceded by its length, so that no two lists of parts collide. */
export function contentHash(...parts: readonly string[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${part.length}:`).update(part)
  return hash.digest('hex').slice(0, 32)
}
