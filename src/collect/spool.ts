/** Rows made here, as a table of a session while they are worked on. */
import type { RowToAppend, Session } from '../engine/engine.ts'
import type { ColumnModel } from '../model/model.ts'

export interface Spool {
  /** Of the table. */
  readonly name: string
  /** Texts and integers. */
  readonly columns: readonly Pick<ColumnModel, 'name' | 'type'>[]
}

/** Each row has the columns by name. */
export type AddRows = (rows: readonly object[]) => Promise<void>

/** The table is there while `work` goes on, with what it adds. */
export async function withSpool<T>(
  session: Session,
  { name, columns }: Spool,
  work: (add: AddRows) => Promise<T>,
): Promise<T> {
  await session.bindEmpty(name, columns)
  const names = columns.map((column) => column.name)
  try {
    return await work((rows) => session.appendRows(name, names, rows as readonly RowToAppend[]))
  } finally {
    await session.unbind(name)
  }
}
