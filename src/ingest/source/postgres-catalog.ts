/** What a PostgreSQL database says of its tables. */
import type pg from 'pg'
import { z } from 'zod'
import type { SourceColumn, SourceTable } from '../source.ts'
import { baseNameOf, columnTypeOf } from './postgres-types.ts'
import type { NativeType } from './postgres-types.ts'

/** A column with what reading it needs. */
export interface NativeColumn extends SourceColumn {
  /** Of the type under domains. */
  readonly baseName: string
}

export interface NativeTable extends SourceTable {
  readonly columns: readonly NativeColumn[]
}

const typeRows = z.array(
  z.object({
    oid: z.number(),
    name: z.string(),
    kind: z.string(),
    category: z.string(),
    baseOid: z.number(),
    baseModifier: z.number(),
    elementOid: z.number(),
    isBuiltIn: z.boolean(),
  }),
)

const columnRows = z.array(
  z.object({
    schema: z.string(),
    table: z.string(),
    tableDescription: z.string().nullable(),
    name: z.string(),
    description: z.string().nullable(),
    nativeType: z.string(),
    oid: z.number(),
    modifier: z.number(),
    required: z.boolean(),
    keyPosition: z.number().nullable(),
    refers: z.object({ schema: z.string(), table: z.string(), column: z.string() }).nullable(),
  }),
)

const typesSql = `
select t.oid::int8::float8 as oid, t.typname as name, t.typtype as kind, t.typcategory as category, t.typbasetype::int8::float8 as "baseOid",
  t.typtypmod as "baseModifier", t.typelem::int8::float8 as "elementOid", n.nspname = 'pg_catalog' as "isBuiltIn"
from pg_type t join pg_namespace n on n.oid = t.typnamespace`

/** Tables that may be read, not their partitions nor what extensions made. */
const columnsSql = `
select n.nspname as schema, c.relname as table, obj_description(c.oid, 'pg_class') as "tableDescription", a.attname as name,
  col_description(c.oid, a.attnum) as description, format_type(a.atttypid, a.atttypmod) as "nativeType", a.atttypid::int8::float8 as oid,
  a.atttypmod as modifier, a.attnotnull as required, array_position(k.conkey, a.attnum) as "keyPosition",
  (select json_build_object('schema', fn.nspname, 'table', fc.relname, 'column', fa.attname)
    from pg_constraint f join pg_class fc on fc.oid = f.confrelid join pg_namespace fn on fn.oid = fc.relnamespace
      join pg_attribute fa on fa.attrelid = fc.oid and fa.attnum = f.confkey[1]
    where f.conrelid = c.oid and f.contype = 'f' and f.conkey = array[a.attnum] order by f.conname limit 1) as refers
from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid
  left join pg_constraint k on k.conrelid = c.oid and k.contype = 'p'
where a.attnum > 0 and not a.attisdropped`

const allTables = `and c.relkind in ('r', 'p', 'f') and not c.relispartition and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and has_table_privilege(c.oid, 'select') and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')`

/** A view may be declared too, though `maru pull` does not write it. */
const oneTable = `and c.relkind in ('r', 'p', 'f', 'v', 'm') and n.nspname = $1 and c.relname = $2`

const order = ' order by n.nspname, c.relname, a.attnum'

export async function describeTables(client: pg.Client): Promise<readonly NativeTable[]> {
  const rows = await client.query(`${columnsSql} ${allTables} ${order}`)
  return tablesOf(rows.rows, await readTypes(client))
}

/** Undefined when there is no such table or view. */
export async function describeTable(
  client: pg.Client,
  schema: string,
  table: string,
): Promise<NativeTable | undefined> {
  const rows = await client.query(`${columnsSql} ${oneTable} ${order}`, [schema, table])
  return tablesOf(rows.rows, await readTypes(client))[0]
}

/** Names of the tables that may be read, as `schema.table`. */
export async function tableNames(client: pg.Client): Promise<readonly string[]> {
  const rows = await client.query(
    `select distinct schema || '.' || "table" as name from (${columnsSql} ${allTables}) as tables order by 1`,
  )
  return z
    .array(z.object({ name: z.string() }))
    .parse(rows.rows)
    .map((row) => row.name)
}

async function readTypes(client: pg.Client): Promise<ReadonlyMap<number, NativeType>> {
  const rows = await client.query(typesSql)
  return new Map(typeRows.parse(rows.rows).map((type) => [type.oid, type]))
}

function tablesOf(rows: unknown, types: ReadonlyMap<number, NativeType>): readonly NativeTable[] {
  const groups = Map.groupBy(columnRows.parse(rows), (row) =>
    JSON.stringify([row.schema, row.table]),
  )
  return [...groups.values()].map((columns) => {
    const { schema, table, tableDescription } = columns[0]!
    const key = columns
      .filter((column) => column.keyPosition !== null)
      .toSorted((left, right) => left.keyPosition! - right.keyPosition!)
    return {
      schema,
      name: table,
      ...(tableDescription === null ? {} : { description: tableDescription }),
      key: key.map((column) => column.name),
      columns: columns.map((column) => ({
        name: column.name,
        nativeType: column.nativeType,
        type: columnTypeOf(types, column.oid, column.modifier),
        baseName: baseNameOf(types, column.oid),
        required: column.required,
        ...(column.description === null ? {} : { description: column.description }),
        ...(column.refers === null ? {} : { refers: column.refers }),
      })),
    }
  })
}
