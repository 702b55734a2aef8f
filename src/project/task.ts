/** What of the Model is a task with SQL, what its SELECT must yield, and what others see of a table. Pure. */
import {
  filledColumns,
  type ColumnModel,
  type Model,
  type SqlModel,
  type TableModel,
} from '../model/model.ts'

export interface SqlTask {
  readonly table: TableModel
  readonly sql: SqlModel
  /** What the SELECT yields, in the declaration's order. */
  readonly produces: readonly ProducedColumn[]
}

export interface ProducedColumn extends Pick<ColumnModel, 'name' | 'type'> {
  /** Not among the declared columns, but Maru needs it: `valid_from`. */
  readonly implied: boolean
}

const filledNames: ReadonlySet<string> = new Set(Object.values(filledColumns))

export function sqlTasks(model: Model): readonly SqlTask[] {
  return model.tables.flatMap((table) => {
    const sql = sqlOf(table)
    return sql === undefined ? [] : [{ table, sql, produces: producedColumns(table) }]
  })
}

function sqlOf(table: TableModel): SqlModel | undefined {
  if (table.kind === 'object' || table.kind === 'activity') return table.sql
  if (table.kind === 'attributes' && table.from.kind === 'sql') return table.from.sql
  return undefined
}

function producedColumns(table: TableModel): readonly ProducedColumn[] {
  const declared = table.columns
    .filter((column) => !filledNames.has(column.name))
    .map(({ name, type }) => ({ name, type, implied: false }))
  const history = (table.kind === 'object' || table.kind === 'attributes') && table.history
  return history
    ? [...declared, { name: filledColumns.validFrom, type: { kind: 'timestamp' }, implied: true }]
    : declared
}
