/** How ids become names in a session: the first part is an attached in-memory catalog, the last a table (decision 0001). */
import { MaruError } from '../../base/errors.ts'

/** The catalogs that every session has from the start; others are attached when an id asks for one. */
export const standardCatalogs: readonly string[] = [
  'raw',
  'obj',
  'act',
  'obj_attr',
  'merged',
  'stored',
]

export interface QualifiedName {
  readonly catalog: string
  readonly schema: string
  readonly table: string
}

/** A name of one part is a table of the session's own, beside all classes. */
export function qualify(id: string): QualifiedName {
  const [catalog, second, third, ...rest] = id.split('.')
  if (catalog && second === undefined) return { catalog: 'memory', schema: 'main', table: catalog }
  if (!catalog || !second || third === '' || rest.length > 0) {
    throw new MaruError('BUG', `"${id}" is not a table id`, {
      hint: 'an id has two or three parts, for example act.purchase or raw.shop.orders',
    })
  }
  return third === undefined
    ? { catalog, schema: 'main', table: second }
    : { catalog, schema: second, table: third }
}

/** The id of a table as the engine's plan names it. Temporary tables have their bare name. */
export function idOf(name: QualifiedName): string {
  if (name.catalog === 'temp' || name.catalog === 'memory') return name.table
  return name.schema === 'main'
    ? `${name.catalog}.${name.table}`
    : `${name.catalog}.${name.schema}.${name.table}`
}

export function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

export function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** The full quoted name, which no table of another catalog can shadow. */
export function quoteId(id: string): string {
  const { catalog, schema, table } = qualify(id)
  return `${quoteName(catalog)}.${quoteName(schema)}.${quoteName(table)}`
}
