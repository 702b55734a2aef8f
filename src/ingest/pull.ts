/**
 * The text of `raw/<name>.ts` from what a database says of its tables: formatted as the project's formatter leaves it, so that writing it
 * again after a change of the database shows only the change.
 */
import { filledColumns } from '../model/model.ts'
import type { ColumnType } from '../model/model.ts'
import { nameFault, snakeCase } from '../model/sql-names.ts'
import type { SourceColumn, SourceTable } from './source.ts'

const widthMax = 100
/** Stands in a description that the database has no comment for. */
const toDescribe = '(to be described)'

/** Names of what Maru adds to raw tables. */
const taken: ReadonlySet<string> = new Set([
  filledColumns.day,
  filledColumns.bucket,
  filledColumns.sourceFile,
])

/** `name`: of the source in maru.config.ts. Tables of the schema `public` come first, so that they keep their names. */
export function rawDeclaration(
  name: string,
  owner: string,
  described: readonly SourceTable[],
): string {
  const isOther = (table: SourceTable): number => (table.schema === 'public' ? 0 : 1)
  const tables = described.toSorted((left, right) => isOther(left) - isOther(right))
  const names = uniqueNames(tables, new Set())
  const written = tables.map((table, index) => tableText(table, names[index]!))
  const builders = [
    ...new Set([
      'source',
      ...(tables.length === 0 ? [] : ['table']),
      ...tables.flatMap(buildersOf),
    ]),
  ].toSorted()
  return `// Written by \`maru pull ${name}\`. Say here what the database does not: descriptions, units, tags, \`by\` (the day that partitions a table).
${importText(builders)}

export default source({
  owner: ${quote(owner)},
  from: ${quote(name)},
${tables.length === 0 ? '  tables: {},' : `  tables: {\n${written.join('')}  },`}
})
`
}

function tableText(table: SourceTable, name: string): string {
  const description = quote(table.description ?? `${words(table.name)} ${toDescribe}`)
  const hasDefaultName = name === table.name && table.schema === 'public'
  const start = `    ${name}: table(${description}, {`
  if (hasDefaultName && start.length <= widthMax) {
    return `${start}\n${columnsText(table, 6)}    }),\n`
  }
  const from = hasDefaultName ? '' : `      { from: ${quote(`${table.schema}.${table.name}`)} },\n`
  return `    ${name}: table(\n      ${description},\n      {\n${columnsText(table, 8)}      },\n${from}    ),\n`
}

function columnsText(table: SourceTable, indent: number): string {
  const names = uniqueNames(
    table.columns.map(({ name }) => ({ name })),
    taken,
  )
  return table.columns
    .map((column, index) =>
      property(indent, names[index]!, columnCall(table, column, names[index]!)),
    )
    .join('')
}

interface Call {
  readonly builder: string
  readonly parameters: readonly string[]
  readonly options: readonly string[]
}

function columnCall(table: SourceTable, column: SourceColumn, name: string): Call {
  const description = quote(descriptionOf(table, column))
  const field = name === column.name ? [] : [`field: ${quote(column.name)}`]
  if (isDeclaredKey(table) && table.key.includes(column.name)) {
    const type = column.type.kind === 'integer' ? [] : [`type: ${quote(column.type.kind)}`]
    return { builder: 'key', parameters: [description], options: [...type, ...field] }
  }
  const required = column.required ? ['required: true'] : []
  const options = [...required, ...field]
  if (column.type.kind === 'list') {
    return { builder: 'list', parameters: [elementText(column.type.of), description], options }
  }
  return {
    builder: column.type.kind,
    parameters: [description],
    options: [...decimalOptions(column.type), ...options],
  }
}

function elementText(type: ColumnType): string {
  if (type.kind === 'decimal') return `decimal('', { ${decimalOptions(type).join(', ')} })`
  return quote(type.kind)
}

function decimalOptions(type: ColumnType): readonly string[] {
  return type.kind === 'decimal' ? [`precision: ${type.precision}`, `scale: ${type.scale}`] : []
}

/** All parts or none: some of a primary key's columns identify nothing. */
function isDeclaredKey(table: SourceTable): boolean {
  return table.key.every((name) => {
    const column = table.columns.find((each) => each.name === name)
    return column !== undefined && isKeyType(column.type)
  })
}

function isKeyType(type: ColumnType): boolean {
  return type.kind === 'integer' || type.kind === 'text' || type.kind === 'uuid'
}

/** What the database says, where it points, and what kind it has there when the type does not tell. */
function descriptionOf(table: SourceTable, column: SourceColumn): string {
  const said = column.description ?? `${words(column.name)} ${toDescribe}`
  const { refers } = column
  const parts = [said]
  if (refers !== undefined) {
    const target =
      refers.schema === table.schema ? refers.table : `${refers.schema}.${refers.table}`
    parts.push(`refers to ${target}.${refers.column}`)
  }
  if (table.key.includes(column.name) && !isDeclaredKey(table))
    parts.push('part of the primary key')
  if (column.type.kind === 'text' && !/^(text|character|bpchar|name)/.test(column.nativeType))
    parts.push(`${column.nativeType} as text`)
  return parts.join('; ')
}

function words(name: string): string {
  return snakeCase(name).replaceAll('_', ' ')
}

function buildersOf(table: SourceTable): readonly string[] {
  return table.columns.flatMap((column) => {
    const { builder, parameters } = columnCall(table, column, column.name)
    return parameters[0]!.startsWith('decimal(') ? [builder, 'decimal'] : [builder]
  })
}

/** Legal names, each once. What is reserved or there already gets a word before or behind it: the schema of a table, `value`. */
function uniqueNames(
  given: readonly { readonly name: string; readonly schema?: string }[],
  reserved: ReadonlySet<string>,
): readonly string[] {
  const legal = new Set(given.map(({ name }) => name).filter((name) => isLegal(name, reserved)))
  const used = new Set<string>()
  return given.map(({ name, schema }) => {
    const base = snakeCase(name).slice(0, 40)
    const isFree = (candidate: string): boolean =>
      isLegal(candidate, reserved) &&
      !used.has(candidate) &&
      (candidate === name || !legal.has(candidate))
    const candidates = [
      name,
      base,
      ...(schema === undefined || !legal.has(name)
        ? []
        : [`${snakeCase(schema).slice(0, 20)}_${base}`]),
      `${base}_value`,
    ]
    let free = candidates.find(isFree)
    for (let number = 2; free === undefined; number++) {
      const candidate = `${base}_value_${number}`
      if (isFree(candidate)) free = candidate
    }
    used.add(free)
    return free
  })
}

function isLegal(name: string, reserved: ReadonlySet<string>): boolean {
  return nameFault(name) === undefined && !reserved.has(name)
}

function importText(builders: readonly string[]): string {
  const oneLine = `import { ${builders.join(', ')} } from 'maru'`
  if (oneLine.length <= widthMax) return oneLine
  return `import {\n${builders.map((builder) => `  ${builder},\n`).join('')}} from 'maru'`
}

/** One property whose value is a call: on one line, or broken in the options, or with each parameter on a line. */
function property(indent: number, name: string, call: Call): string {
  const pad = ' '.repeat(indent)
  const { builder, parameters, options } = call
  const object = options.length === 0 ? [] : [`{ ${options.join(', ')} }`]
  const start = `${pad}${name}: ${builder}(`
  const oneLine = `${start}${[...parameters, ...object].join(', ')}),`
  if (oneLine.length <= widthMax) return `${oneLine}\n`
  const opening = `${start}${parameters.join(', ')}, {`
  if (options.length > 0 && opening.length <= widthMax) {
    return `${opening}\n${options.map((option) => `${pad}  ${option},\n`).join('')}${pad}}),\n`
  }
  return `${start}\n${[...parameters, ...object].map((parameter) => `${pad}  ${parameter},\n`).join('')}${pad}),\n`
}

/** In single quotes unless that needs more escapes than double ones. */
function quote(text: string): string {
  const escaped = text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r')
  const singles = text.split("'").length
  const doubles = text.split('"').length
  return singles > doubles
    ? `"${escaped.replaceAll('"', '\\"')}"`
    : `'${escaped.replaceAll("'", "\\'")}'`
}
