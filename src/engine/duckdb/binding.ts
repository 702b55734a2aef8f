/** Binding one SELECT without running it: types from the prepared statement, lineage from the plan, constructs from the syntax tree. */
import type { DuckDBConnection, DuckDBPreparedStatement } from '@duckdb/node-api'
import type { Binding } from '../engine.ts'
import { readTree } from './constructs.ts'
import { bindError, engineError, type SerializedError } from './errors.ts'
import { lineageOf } from './lineage.ts'
import type { PlanNode } from './plan-json.ts'
import { quoteText } from './names.ts'
import { columnType } from './types.ts'

export interface BindContext {
  readonly connection: DuckDBConnection
  readonly zone: string
  readonly tableIds: Iterable<string>
}

type Serialized<Field extends string, Item> =
  | SerializedError
  | ({ readonly error: false } & { readonly [field in Field]: readonly Item[] })

export async function bindSelect(sql: string, context: BindContext): Promise<Binding> {
  const { connection, zone, tableIds } = context
  const literal = quoteText(sql)
  const answer = await connection
    .runAndReadAll(
      `select json_serialize_sql(${literal}), json_serialize_plan(${literal}, optimize := false)`,
    )
    .catch((error: unknown) => {
      throw engineError(error)
    })
  const [treeText, planText] = answer.getRowsJson()[0] as [string, string]
  const tree = parseSerialized(treeText) as Serialized<'statements', { readonly node: unknown }>
  if (tree.error) throw bindError(tree, sql, tableIds)
  const plan = parseSerialized(planText) as Serialized<'plans', PlanNode>
  if (plan.error) throw bindError(plan, sql, tableIds)
  if (tree.statements.length !== 1 || plan.plans.length !== 1) {
    throw bindError(
      {
        error: true,
        error_message: 'Only SELECT statements can be serialized',
        statements: tree.statements.length,
      },
      sql,
      tableIds,
    )
  }
  const columns = await columnsOf(sql, connection)
  const { constructs, tables } = readTree(tree.statements[0]!.node, sql)
  return {
    columns,
    tables,
    lineage: lineageOf(
      plan.plans[0]!,
      columns.map((column) => column.name),
      zone,
    ),
    constructs: withPlanned(constructs, planText),
  }
}

/** Constants that are no finite number stand in the engine's text as words that JSON does not have. */
function parseSerialized(text: string): unknown {
  return JSON.parse(
    /Infinity|NaN/i.test(text)
      ? text.replaceAll(/(?<=[^\\]":)-?(?:Infinity|NaN)(?=[,}\]])/gi, 'null')
      : text,
  )
}

async function columnsOf(sql: string, connection: DuckDBConnection): Promise<Binding['columns']> {
  let prepared: DuckDBPreparedStatement
  try {
    prepared = await connection.prepare(sql)
  } catch (error) {
    throw engineError(error)
  }
  try {
    return Array.from({ length: prepared.columnCount }, (_, index) => ({
      name: prepared.columnName(index),
      type: columnType(prepared.columnType(index)),
    }))
  } finally {
    prepared.destroySync()
  }
}

/** What only binding tells: whether a subquery is correlated, and whether `a.b` is a field of a struct. */
function withPlanned(constructs: Binding['constructs'], planText: string): Binding['constructs'] {
  const names = new Set(constructs.map((construct) => construct.name))
  const planned: Binding['constructs'][number][] = []
  if (planText.includes('"LOGICAL_DELIM_JOIN"'))
    planned.push({ kind: 'syntax', name: 'correlated subquery' })
  if (
    !names.has('struct access') &&
    !names.has('list comprehension') &&
    planText.includes('"name":"struct_extract"')
  ) {
    planned.push({ kind: 'syntax', name: 'struct access' })
  }
  return planned.length === 0 ? constructs : [...constructs, ...planned]
}
