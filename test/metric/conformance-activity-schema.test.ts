/** Temporal relations of activities as others expect them: the joined activities become related columns of the primary one, and the question lists its rows. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import type { DuckDBConnection } from '@duckdb/node-api'
import { compileQuestion } from '../../src/metric/metric.ts'
import type {
  AggregateTake,
  Bound,
  ColumnType,
  Model,
  Predicate,
  RelatedColumn,
  RowChoice,
  Take,
} from '../../src/model/model.ts'
import { modelOf, typeOf } from './build-model.ts'
import { describeData, sharedData } from '../shared-data.ts'
import { load, useMemory, query } from './dataset.ts'
import type { Cell, Row } from './rows.ts'

const data = sharedData('activity-schema-cases')
const { folder } = data

describeData('cases of temporal relations', data, answers)

interface Test {
  readonly column: string
  readonly op: '=' | '>'
  readonly value: string | number
}

interface Named {
  readonly column: string
  readonly as: string
  readonly aggregate?: string
}

interface Joined {
  readonly activity: string
  readonly kind: 'append' | 'aggregate'
  readonly selector?: 'first' | 'last' | 'nth'
  readonly nth?: number
  readonly window: 'ever' | 'all' | 'before' | 'after' | 'between'
  readonly columns: readonly Named[]
  readonly filter?: readonly Test[]
  readonly join_filter?: readonly Test[]
}

interface RelationCase {
  readonly name: string
  readonly primary: {
    readonly activity: string
    readonly selector: 'all' | 'first' | 'last' | 'nth' | 'time_spine'
    readonly nth?: number
    readonly columns: readonly Named[]
    readonly filter?: readonly Test[]
  }
  readonly joined: readonly Joined[]
  readonly expected: string
  readonly ignore_columns: readonly string[]
}

interface ActivityFile {
  readonly activity: string
  readonly file: string
  readonly time: string
  readonly actor: string
  readonly columns: readonly string[]
}

type Texts = Readonly<Record<string, string>>

function answers(): void {
  const { activities, cases } = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')) as {
    readonly activities: readonly ActivityFile[]
    readonly cases: readonly RelationCase[]
  }
  const data = new Map(activities.map((each) => [each.activity, readActivity(each)]))
  let connection: DuckDBConnection
  useMemory((opened) => (connection = opened))

  for (const one of cases) {
    it(`answers ${one.name}`, async () => {
      assert.deepEqual(await answer(connection, data, one), expectedOf(one))
    })
  }
}

interface ActivityData {
  readonly columns: Readonly<Record<string, string>>
  readonly rows: readonly Row[]
}

function readActivity(file: ActivityFile): ActivityData {
  const rows = readCsv(join(folder, file.file))
  const isNumber = (column: string): boolean => rows.every((row) => /^\d+$/.test(row[column]!))
  const columns = Object.fromEntries(
    file.columns.map((column) => [column, isNumber(column) ? 'integer' : 'text']),
  )
  return {
    columns,
    rows: rows.map((row, id) => ({
      id,
      occurred_at: instantOf(row[file.time]!),
      person: Number(row[file.actor]),
      ...Object.fromEntries(
        Object.entries(columns).map(([name, type]) => [
          name,
          type === 'integer' ? Number(row[name]) : row[name]!,
        ]),
      ),
    })),
  }
}

/** The texts hold no quotes but around whole cells. */
function readCsv(file: string): readonly Texts[] {
  const [head, ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n')
  const names = head!.split(',')
  return lines.map((line) => {
    const cells = [...line.matchAll(/(?:^|,)(?:"([^"]*)"|([^,]*))/g)].map(
      ([, quoted, bare]) => quoted ?? bare ?? '',
    )
    return Object.fromEntries(names.map((name, at) => [name, cells[at]!]))
  })
}

function instantOf(text: string): bigint {
  return BigInt(Date.parse(`${text.replace(' ', 'T')}Z`)) * 1000n
}

/** As the golden files write it; a day alone at midnight. */
function textOf(cell: Cell): string {
  if (cell === null) return ''
  if (typeof cell !== 'bigint') return String(cell)
  const text = new Date(Number(cell / 1000n)).toISOString().slice(0, 19).replace('T', ' ')
  return text.replace(' 00:00:00', '')
}

/** `listagg` has no order of its own; the golden files have the least value first, with commas between. */
function joinedText(list: Cell): string {
  return list === null ? '' : (JSON.parse(String(list)) as readonly string[]).toSorted().join(',')
}

function expectedOf(one: RelationCase): readonly string[] {
  return sortedTexts(readCsv(join(folder, one.expected)), one)
}

function sortedTexts(rows: readonly Texts[], { ignore_columns }: RelationCase): readonly string[] {
  return rows
    .map((row) =>
      JSON.stringify(
        Object.entries(row)
          .filter(([name]) => !ignore_columns.includes(name))
          .toSorted(([left], [right]) => (left < right ? -1 : 1)),
      ),
    )
    .toSorted()
}

const own: Readonly<Record<string, string>> = { ts: 'occurred_at', entity_uuid: 'person' }

async function answer(
  connection: DuckDBConnection,
  data: ReadonlyMap<string, ActivityData>,
  one: RelationCase,
): Promise<readonly string[]> {
  const { primary, joined } = one
  const source = data.get(primary.activity)!
  const rows = primaryRows(one, source)
  const related = joined.flatMap((each) => relatedOf(one, each, data.get(each.activity)!))
  const model = withRelated(
    modelOf({
      zone: 'UTC',
      objects: { 'obj.person': { key: 'id', columns: {} } },
      activities: Object.fromEntries(
        [...data, ['primary', source] as const].map(([name, { columns }]) => [
          `act.${name}`,
          { columns: { person: 'obj.person', ...columns } },
        ]),
      ),
      metrics: {
        occurrences: {
          kind: 'aggregate',
          selection: {
            kind: 'selection',
            activity: 'act.primary',
            selector: selectorOf(primary),
            take: { kind: 'aggregate', aggregate: 'count' },
          },
        },
      },
    }),
    related.map(({ column }) => column),
  )
  const sources = [...data].map(([name, each]) => [`act.${name}`, each.rows] as const)
  await load(connection, model, new Map([...sources, ['act.primary', rows]]))
  // What no row has, such as an anonymous id that no input gives, is unknown in all.
  const columns = columnsOf(one)
  const known = columns.filter(({ column }) => column in own || column in source.columns)
  const by = ['id', ...known.map(({ column }) => own[column] ?? column)]
  const { sql } = compileQuestion(model, {
    metrics: ['occurrences'],
    by: [...by, ...related.map(({ column }) => column.column.name)],
  })
  const found = await query(connection, sql)
  return sortedTexts(
    found.map((cells) => ({
      ...Object.fromEntries(columns.map(({ as }) => [as, ''])),
      ...Object.fromEntries(known.map(({ as }, at) => [as, textOf(cells[at + 1]!)])),
      ...Object.fromEntries(
        related.map(({ as, empty, column }, at) => {
          const cell = cells[by.length + at] ?? empty
          return [as, column.column.type.kind === 'list' ? joinedText(cell) : textOf(cell)]
        }),
      ),
    })),
    one,
  )
}

/** A spine's rows have their month beside what is asked for. */
function columnsOf({ primary }: RelationCase): readonly Named[] {
  const month = { column: 'ts', as: 'ts' }
  return primary.selector === 'time_spine' ? [month, ...primary.columns] : primary.columns
}

function withRelated(model: Model, related: readonly RelatedColumn[]): Model {
  return {
    ...model,
    tables: model.tables.map((table) =>
      table.id === 'merged.primary' && table.kind === 'merged' ? { ...table, related } : table,
    ),
  }
}

function selectorOf({ selector, nth }: RelationCase['primary']): RowChoice['selector'] {
  if (selector === 'time_spine') return { kind: 'all' }
  return selector === 'nth' ? { kind: 'nth', n: nth! } : { kind: selector }
}

/** The primary activity as a transform of its own makes it: its filter applied, or a row for each month from an actor's first to his last. */
function primaryRows({ primary }: RelationCase, { rows }: ActivityData): readonly Row[] {
  const { filter = [], selector } = primary
  const kept = rows.filter((row) =>
    filter.every(({ column, op, value }) =>
      op === '=' ? row[column] === value : Number(row[column]) > Number(value),
    ),
  )
  if (selector !== 'time_spine') return kept
  const spine = [...new Set(kept.map(({ person }) => person!))].flatMap((person) => {
    const months = kept.filter((row) => row['person'] === person).map(monthOf)
    const [first, last] = [Math.min(...months), Math.max(...months)]
    return Array.from({ length: last - first + 1 }, (_, at) => ({ person, month: first + at }))
  })
  return spine.map(({ person, month }, id) => ({
    id,
    person,
    occurred_at: BigInt(Date.UTC(Math.floor(month / 12), month % 12, 1)) * 1000n,
  }))
}

/** Counted from year 0. */
function monthOf(row: Row): number {
  const date = new Date(Number((row['occurred_at'] as bigint) / 1000n))
  return date.getUTCFullYear() * 12 + date.getUTCMonth()
}

interface Related {
  readonly as: string
  readonly column: RelatedColumn
  /** What they give where there is no row. */
  readonly empty: Cell
}

function relatedOf(one: RelationCase, joined: Joined, data: ActivityData): readonly Related[] {
  const { filter, join_filter: keep } = joined
  const choice: RowChoice = {
    activity: `act.${joined.activity}`,
    selector:
      joined.kind === 'aggregate'
        ? { kind: 'all' }
        : joined.selector === 'nth'
          ? { kind: 'nth', n: joined.nth!, counted: 'history' }
          : { kind: joined.selector! },
    ...windowOf(one, joined.window),
    ...(filter === undefined ? {} : { filter: conditionOf(filter) }),
    ...(keep === undefined ? {} : { keep: conditionOf(keep) }),
  }
  return joined.columns.map(({ column, as, aggregate }): Related => {
    const name = own[column] ?? column
    const take: Take =
      aggregate === undefined
        ? { kind: 'column', column: name }
        : { kind: 'aggregate', ...takeOf(aggregate, name) }
    const columnType: ColumnType =
      name === 'occurred_at' ? { kind: 'timestamp' } : typeOf(data.columns[name] ?? 'integer')
    const type: ColumnType =
      aggregate === undefined
        ? columnType
        : aggregate.startsWith('listagg')
          ? { kind: 'list', of: columnType }
          : { kind: 'integer' }
    return {
      as,
      column: {
        column: { name: `${as}_found`, type, description: as, required: false, tags: [] },
        selection: { kind: 'selection', ...choice, take },
      },
      empty: aggregate === 'sum' ? 0 : null,
    }
  })
}

function takeOf(aggregate: string, column: string): Omit<AggregateTake, 'kind'> {
  switch (aggregate) {
    case 'count':
      return { aggregate }
    case 'sum':
      return { aggregate, column }
    case 'listagg':
      return { aggregate: 'collect', column }
    case 'listagg_distinct':
      return { aggregate: 'collect_distinct', column }
    default:
      throw new Error(`the aggregate ${aggregate} has no translation`)
  }
}

/** Of a spine's month the next occurrence is a month later, also after the last. */
function windowOf(
  { primary }: RelationCase,
  window: Joined['window'],
): Pick<RowChoice, 'window' | 'within'> {
  const row: Bound = { at: { kind: 'row' }, inclusive: false }
  switch (window) {
    case 'before':
      return { window: { to: row } }
    case 'after':
      return { window: { from: row } }
    case 'between':
      return primary.selector === 'time_spine'
        ? { window: { from: row }, within: { count: 1, unit: 'month' } }
        : { window: { from: row, to: { at: { kind: 'next' }, inclusive: false } } }
    default:
      return { window: {} }
  }
}

function conditionOf(tests: readonly Test[]): Predicate {
  return {
    kind: 'and',
    operands: tests.map(({ column, op, value }) => ({
      kind: 'compare',
      path: column,
      operator: op,
      value,
    })),
  }
}
