/** Real parts of other registries that some tests read our output with. A missing part shows as a skipped test, or fails where it must be there. */
import { existsSync } from 'node:fs'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..')

/** Each part with the files that say it is whole; the first is what a test runs. */
const parts = {
  pyiceberg: ['.tool/python/bin/python', '.tool/python/.maru-installed'],
  kafka: ['.tool/kafka/lib/kafka_2.13-4.1.0.jar', '.tool/kafka/.maru-installed'],
  spark: [
    '.tool/spark/bin/python',
    '.tool/spark/.maru-installed',
    '.tool/jars/iceberg-spark-runtime-3.5_2.12-1.11.0.jar',
  ],
} as const

export type Part = keyof typeof parts

export interface PartHere {
  /** What runs the part. */
  readonly program: string
  /** Everything that makes it up, absolute. */
  readonly files: readonly string[]
  readonly skip: false
}

export interface PartMissing {
  /** The reason that a skipped test shows, with the command that gets the part. */
  readonly skip: string
}

/**
 * Where a part is, or why a test is skipped without it. MARU_REQUIRE names the parts that must not be missing (`all`, or a comma list);
 * then this throws instead.
 */
export function requirePart(part: Part): PartHere | PartMissing {
  const files = parts[part].map((file) => path.join(root, file))
  const missing = files.find((file) => !existsSync(file))
  if (missing === undefined) return { program: files[0]!, files, skip: false }
  const reason = `${part} is not here (${path.relative(root, missing)}): script/setup --all gets it`
  const required = (process.env['MARU_REQUIRE'] ?? '').split(',')
  if (required.includes('all') || required.includes(part)) throw new Error(reason)
  return { skip: reason }
}
