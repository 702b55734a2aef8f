import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import type { DuckDBConnection } from '@duckdb/node-api'
import { isMaruError } from '../../src/base/errors.ts'
import { compileQuestion } from '../../src/metric/metric.ts'
import { describeData, sharedData } from '../shared-data.ts'
import { load, useMemory, query } from './dataset.ts'
import { NotExpressible, tablesOf, translate } from './metricflow-translation.ts'
import type { FlowCase, FlowModel, FlowTables } from './metricflow-translation.ts'
import { modelOf } from './build-model.ts'
import { cellsText } from './rows.ts'
import type { Cell } from './rows.ts'

const data = sharedData('metricflow-cases')
const { folder } = data

/** Cases that Maru answers otherwise on purpose, or cannot say, with the reason. A case that passes must leave the list. */
const zero = 'a rate to which nothing led is 0, upstream it is unknown'
const twice =
  'an account of two customers at once would count its rows twice, so it has no customer'
const apart = 'combinations of dimensions of two tables that no activity has together'

const otherwise: Readonly<Record<string, string>> = {
  'conversion_metric/conversion_rate_metric': zero,
  'conversion_metric/conversion_rate_metric_with_constant_property': zero,
  'conversion_metric/conversion_rate_metric_with_dimension': `${zero}; of two visits at one instant the later by its key is the latest`,
  'dimensions/query_dimensions_from_different_tables': apart,
  'dimensions/query_dimension_with_constraint_from_diff_source': apart,
  'dimensions/metric_time_with_other_dimensions': 'every day with every value is no set of rows',
  'dimensions/min_max_only_time_month': 'the least and greatest value are metrics, not dimensions',
  'dimensions/distinct_values_query_with_metric_filter':
    'combinations are those of one activity’s rows, without an unknown one for objects that only the metric has',
  'dimensions/no_dedupe': 'a question groups; rows are read with maru query',
  'measure_aggregations/approximate_continuous_percentile_agg':
    'percentiles are exact, upstream this one is approximate',
  'multi_hop_join/multihop_join_two_dims_different_sources': twice,
  'multi_hop_join/multihop_join_two_dims_same_source': twice,
}

describeData('cases of MetricFlow', data, answers)

function answers(): void {
  const read = (name: string): unknown =>
    JSON.parse(readFileSync(join(folder, name), 'utf8')) as unknown
  const { cases } = read('cases.json') as { readonly cases: readonly FlowCase[] }
  const { models } = read('model.json') as { readonly models: readonly FlowModel[] }
  const { tables: shapes } = read('schema.json') as {
    readonly tables: Readonly<
      Record<
        string,
        { readonly columns: readonly { readonly name: string; readonly type: string }[] }
      >
    >
  }
  const tables = new Map<string, FlowTables>()
  let connection: DuckDBConnection
  useMemory((opened) => (connection = opened))

  before(async () => {
    await connection.run('create schema flow')
    const types: Readonly<Record<string, string>> = {
      string: 'varchar',
      integer: 'bigint',
      double: 'double',
      boolean: 'boolean',
      timestamp: 'timestamp',
      date: 'date',
    }
    for (const [name, { columns }] of Object.entries(shapes)) {
      const shape = columns
        .map((column) => `'${column.name}': '${types[column.type] ?? column.type}'`)
        .join(', ')
      await connection.run(
        `create table flow.${name} as select * from read_csv('${join(folder, 'tables', `${name}.csv`)}', header = true, nullstr = '\\N', columns = {${shape}})`,
      )
    }
  })

  for (const flow of models) {
    const own = cases.filter(({ model }) => model === flow.name)
    if (own.length === 0) continue
    describe(`of the model ${flow.name}`, () => {
      before(async () => {
        const made = await tablesOf(connection, flow)
        tables.set(flow.name, made)
        const { objects, attributes, activities, dataset } = made
        await load(connection, modelOf({ zone: 'UTC', objects, attributes, activities }), dataset)
      })
      for (const asked of own) {
        const reason = otherwise[asked.id]
        it(
          reason === undefined ? `answers ${asked.id}` : `does not answer ${asked.id}: ${reason}`,
          async () => {
            const fault = await faultOf(connection, tables.get(flow.name)!, asked)
            if (reason === undefined) assert.equal(fault, undefined)
            else assert.notEqual(fault, undefined, `${asked.id} passes now: take it off the list`)
          },
        )
      }
    })
  }

  it('has every case of the list', () => {
    const ids = new Set(cases.map(({ id }) => id))
    assert.deepEqual(
      Object.keys(otherwise).filter((id) => !ids.has(id)),
      [],
    )
  })
}

/** undefined when the answer is right. */
async function faultOf(
  connection: DuckDBConnection,
  tables: FlowTables,
  asked: FlowCase,
): Promise<string | undefined> {
  let rows: readonly (readonly Cell[])[]
  let columns: readonly string[]
  let sql = ''
  try {
    const translated = translate(tables, asked)
    const compiled = compileQuestion(translated.model, translated.question)
    sql = compiled.sql
    columns = translated.columns
    const names = compiled.columns.map(({ name }) => name)
    const wanted = translated.question.by!.map((text) => names.indexOf(text))
    const answered = await query(connection, compiled.sql)
    // Two names of one time are one dimension.
    const places = asked.group_bys.map((_, at) => wanted[Math.min(at, wanted.length - 1)]!)
    rows = answered.map((row) =>
      [...places.map((place) => row[place]!), ...row.slice(wanted.length)].slice(0, columns.length),
    )
  } catch (error) {
    if (error instanceof NotExpressible) return error.message
    if (error instanceof Error && isMaruError(error) && error.code !== 'BUG')
      return `refused: ${error.message}`
    throw new Error(`${String(error)}\n${sql}`, { cause: error })
  }
  const expected = expectedRows(asked).map((row) =>
    columns.map((name) => row[asked.expected.columns.findIndex((column) => column.name === name)]!),
  )
  if (rows.length !== expected.length)
    return `${rows.length} rows instead of ${expected.length}: ${cellsText(rows.slice(0, 3))}`
  const text = (row: readonly Cell[]): readonly string[] => row.map(cellText)
  const order = (all: readonly (readonly Cell[])[]): readonly (readonly string[])[] => {
    const texts = all.map(text)
    const count = asked.group_bys.length
    const key = (row: readonly string[]): string => row.slice(0, count).join(' ')
    return asked.check_order === true ? texts : texts.toSorted((a, b) => (key(a) < key(b) ? -1 : 1))
  }
  const [left, right] = [order(rows), order(expected)]
  const at = left.findIndex(
    (row, place) => !row.every((cell, column) => isSame(cell, right[place]![column]!)),
  )
  return at === -1
    ? undefined
    : `has ${left[at]!.join(', ')} instead of ${right[at]!.join(', ')} (${columns.join(', ')})`
}

function expectedRows({ expected }: FlowCase): readonly (readonly Cell[])[] {
  if (expected.rows !== undefined) return expected.rows
  const [, ...lines] = gunzipSync(readFileSync(join(folder, expected.file!)))
    .toString()
    .trimEnd()
    .split('\n')
  return lines.map((line) => line.split(',').map((cell) => (cell === '\\N' ? null : cell)))
}

function cellText(cell: Cell): string {
  if (typeof cell === 'bigint')
    return new Date(Number(cell / 1000n)).toISOString().slice(0, 19).replace('T', ' ')
  if (typeof cell === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(cell)) return `${cell} 00:00:00`
  return cell === null ? 'unknown' : String(cell)
}

function isSame(left: string, right: string): boolean {
  if (left === right) return true
  const [a, b] = [Number(left), Number(right)]
  return left !== '' && right !== '' && Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b))
}
