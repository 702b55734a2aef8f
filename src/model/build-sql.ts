/** A `sql` template's parts with references resolved to ids. */
import { missingFault, resolveThunk, type Shapes } from './column-models.ts'
import { definitionOf, describeValue, type SqlPartData } from './definition.ts'
import { relativePlace, type Fault, type TableEntry } from './identify.ts'
import type { SqlModel, SqlPart } from './model.ts'
import { plainScalar } from './predicates.ts'

/** Faults are reported and the part left empty, so that the rest can still be looked at. */
export function buildSql(shapes: Shapes, entry: TableEntry, value: unknown): SqlModel | undefined {
  const data = definitionOf(value)
  if (data?.kind !== 'sql') {
    const hint =
      value === undefined
        ? 'add sql: sql`select …`'
        : 'write the transform as a template: sql`select …`'
    shapes.book.report(entry, {
      code: 'MODEL_BAD_DECLARATION',
      message: `the transform of ${entry.id} is ${describeValue(value)}`,
      hint,
    })
    return undefined
  }
  const place = relativePlace(shapes.book, data.place, entry.place)
  let hole = 0
  const chunks = new Set(data.chunks)
  const parts = data.parts.map((part, index): SqlPart => {
    if (!chunks.has(index)) hole++
    const built = buildPart(shapes, entry, part)
    if ('kind' in built) return built
    const { fault } = built
    shapes.book.report(
      { id: entry.id, place },
      {
        ...fault,
        message: `\${…} number ${hole} in the transform of ${entry.id}${fault.message}`,
      },
    )
    return { kind: 'text', text: '' }
  })
  return data.chunks.length === 0
    ? { parts, chunks: [], place }
    : { parts, chunks: data.chunks, place }
}

function buildPart(
  shapes: Shapes,
  entry: TableEntry,
  part: SqlPartData,
): SqlPart | { readonly fault: Fault } {
  if (part.kind === 'text' || part.kind === 'table') return part
  if (part.kind === 'value') {
    const value = plainScalar(part.value)
    if (value !== undefined) return { kind: 'value', value }
    return {
      fault: {
        code: 'MODEL_BAD_DECLARATION',
        message: ` is ${String(part.value)}`,
        hint: 'only finite numbers can be written in SQL',
      },
    }
  }
  return buildReference(shapes, entry, part.to)
}

function buildReference(
  shapes: Shapes,
  entry: TableEntry,
  to: unknown,
): SqlPart | { readonly fault: Fault } {
  const value = resolveThunk(to)
  const data = definitionOf(value)
  const table = shapes.book.tableOf.get(value)
  if (table !== undefined) return { kind: 'table', id: table.id }
  if (data?.kind === 'column' && data.name !== undefined) return { kind: 'text', text: data.name }
  if (data?.kind === 'sql') {
    return {
      fault: {
        code: 'MODEL_BAD_DECLARATION',
        message: ' is a function that returns sql',
        hint: 'put the sql there itself',
      },
    }
  }
  if (data?.kind === 'missing') {
    const fault = missingFault(shapes, data)
    return { fault: { ...fault, message: `: ${fault.message}` } }
  }
  const what = ` is ${describeValue(value)}`
  if (data?.kind === 'source') {
    return {
      fault: {
        code: 'MODEL_UNKNOWN_TABLE',
        message: what,
        hint: `name one of its tables: ${Object.keys(data.tables).slice(0, 8).join(', ')}`,
      },
    }
  }
  if (data !== undefined && data.kind !== 'column' && 'columns' in data) {
    return {
      fault: {
        code: 'MODEL_UNKNOWN_TABLE',
        message: `${what} that no file declares`,
        hint: 'export it by default from a file in the folder of its kind',
      },
    }
  }
  if (
    data?.kind === 'merged' ||
    data?.kind === 'aggregate' ||
    data?.kind === 'ratio' ||
    data?.kind === 'formula'
  ) {
    return {
      fault: {
        code: 'MODEL_LAYER',
        message: what,
        hint: `${entry.id} may not read merged tables and metrics; read the activity`,
      },
    }
  }
  const hint =
    data === undefined
      ? 'it takes a table, a column of one, sql, or a plain value; does the table have the column?'
      : 'it takes a table, a column of one, sql, or a plain value'
  return { fault: { code: 'MODEL_BAD_DECLARATION', message: what, hint } }
}
