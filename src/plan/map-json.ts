/** A map as one JSON text: `{"books":"2024-05-01T00:00:00Z"}`, in the order of the keys as text. Decimals keep their digits, instants are ISO 8601 in UTC. */
import type { ColumnType } from '../model/model.ts'

/** What the key of an entry is called, unquoted. */
function keyText(sql: string, type: ColumnType): string {
  return type.kind === 'timestamp' ? instantText(sql) : `cast(${sql} as varchar)`
}

function jsonSql(sql: string, type: ColumnType): string {
  switch (type.kind) {
    case 'integer':
    case 'decimal':
    case 'boolean':
      return `cast(${sql} as varchar)`
    case 'number':
      return `cast(to_json(${sql}) as varchar)`
    case 'timestamp':
      return `'"' || ${instantText(sql)} || '"'`
    default:
      return `cast(to_json(cast(${sql} as varchar)) as varchar)`
  }
}

/** Without a fraction of a second where there is none. */
function instantText(sql: string): string {
  return `regexp_replace(strftime(${sql} at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.%f'), '\\.0+$', '') || 'Z'`
}

interface Entries {
  /** A SELECT of (keys, map_key, map_value), one row for each entry. */
  readonly rows: string
  readonly keys: string
  readonly keyType: ColumnType
  readonly valueType: ColumnType
}

/** A SELECT of (keys, taken). */
export function mapSelect({ rows, keys, keyType, valueType }: Entries): string {
  const entry = `cast(to_json(map_key) as varchar) || ':' || coalesce(${jsonSql('map_value', valueType)}, 'null')`
  return `select ${keys}, '{' || string_agg(${entry}, ',' order by map_key) || '}' as taken
  from (
    select ${keys}, ${keyText('map_key', keyType)} as map_key, map_value
    from (
${rows}
    ) as each_value
  ) as each_entry
  group by ${keys}`
}
