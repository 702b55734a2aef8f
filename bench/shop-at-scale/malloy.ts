/** A peer: Malloy compiles the same questions over the native denormalised table. Running the SQL that it makes is the caller's. */
import malloy from '@malloydata/malloy'
import type { FieldDef, TableSourceDef } from '@malloydata/malloy'
import connection from '@malloydata/malloy/connection'
import type { Result } from '../../src/engine/engine.ts'

export interface MalloyQuestion {
  /** `amount.sum()`, `count(member)`: in Malloy's words. */
  readonly measure: string
  /** `channel = 'app'` */
  readonly filter: string | undefined
  readonly by: string
  readonly from: string
  readonly to: string
}

export interface MalloyPeer {
  sqlOf(question: MalloyQuestion): Promise<string>
}

/** `columns` are the table's. */
export function openMalloy(table: string, columns: Result['columns']): MalloyPeer {
  const runtime = new malloy.SingleConnectionRuntime({
    connection: new OneTable(columns.map(fieldOf)),
    urlReader: new malloy.EmptyURLReader(),
  })
  return {
    sqlOf: async ({ measure, filter, by, from, to }) => {
      const where = filter === undefined ? '' : `${filter} and `
      return await runtime
        .loadQuery(
          `run: duckdb.table('${table}') -> {
  group_by: ${by}
  aggregate: answer is ${measure}
  where: ${where}\`day\` >= @${from} and \`day\` < @${to}
  order_by: ${by}
}`,
        )
        .getSQL()
    },
  }
}

function fieldOf({ name, type }: Result['columns'][number]): FieldDef {
  switch (type.kind) {
    case 'integer':
      return { type: 'number', numberType: 'bigint', name }
    case 'decimal':
    case 'number':
      return { type: 'number', numberType: 'float', name }
    case 'boolean':
    case 'date':
    case 'timestamp':
      return { type: type.kind, name }
    default:
      return { type: 'string', name }
  }
}

/** Knows one table's columns, and runs nothing. */
class OneTable extends connection.BaseConnection {
  readonly #fields: FieldDef[]

  constructor(fields: FieldDef[]) {
    super()
    this.#fields = fields
  }

  get name(): string {
    return 'duckdb'
  }

  get dialectName(): string {
    return 'duckdb'
  }

  getDigest(): string {
    return 'one table'
  }

  runSQL(): Promise<never> {
    throw new Error('Malloy only compiles here')
  }

  async fetchTableSchema(name: string, tablePath: string): Promise<TableSourceDef> {
    const place = { name, tablePath, dialect: 'duckdb', connection: 'duckdb' }
    return { type: 'table', ...place, fields: this.#fields }
  }

  async fetchSelectSchema(): Promise<string> {
    return 'there is no other source'
  }
}
