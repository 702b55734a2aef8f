/** What all tables have: texts and columns. */
import { isText, refuse, type Shapes } from './column-models.ts'
import type { TableEntry } from './identify.ts'
import type { ColumnModel, TableModel } from './model.ts'

export interface Texts {
  readonly owner: string
  readonly description: string
}

/** Owner and description, reported when missing or empty; the defaults stand in for what is not given at all. */
function textsOf(shapes: Shapes, entry: TableEntry, defaults: Partial<Texts> = {}): Texts {
  const owner = entry.data.owner ?? entry.source?.owner ?? defaults.owner
  const description = entry.data.description ?? defaults.description
  if (!isText(owner))
    refuse(shapes, entry, {
      code: 'MODEL_MISSING_TEXT',
      message: `${entry.id} has no owner`,
      hint: "add owner: '<team>'",
    })
  if (!isText(description)) {
    refuse(shapes, entry, {
      code: 'MODEL_MISSING_TEXT',
      message: `${entry.id} has no description`,
      hint: 'say in a few words what one row is',
    })
  }
  return { owner: owner ?? '', description: description ?? '' }
}

type Common = Pick<TableModel, 'id' | 'place' | 'owner' | 'description' | 'columns'>

/** What every table of the Model has. */
export function common(shapes: Shapes, entry: TableEntry, defaults?: Partial<Texts>): Common {
  const columns = [...shapes.columns.get(entry.id)!.values()]
  return { id: entry.id, place: entry.place, ...textsOf(shapes, entry, defaults), columns }
}

export function column(shapes: Shapes, entry: TableEntry, name: unknown): ColumnModel | undefined {
  return shapes.columns.get(entry.id)?.get(String(name))
}
