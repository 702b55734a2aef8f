/** A table as a text that Maru wrote reads it: an engine takes longer to bind hundreds of columns than to read the few that an answer needs. */
import type { Scan } from '../lake/lake.ts'

/** Only columns whose name is a word of the text: more than it reads at worst, never less, where the text takes no `*` of a table. */
export function namedColumns(scan: Scan, sql: string): Scan {
  const words = new Set(sql.match(/\w+/g))
  const { fields } = scan.schema
  const named = fields.filter(({ name }) => words.has(name))
  // Rows are counted without a column; a table has at least one.
  return {
    ...scan,
    schema: { ...scan.schema, fields: named.length > 0 ? named : fields.slice(0, 1) },
  }
}
