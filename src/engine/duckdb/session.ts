/** One session: an in-memory DuckDB with a catalog for each class of tables. Statements run one after another. */
import { rm } from 'node:fs/promises'
import type { DuckDBConnection, DuckDBInstance, DuckDBPreparedStatement } from '@duckdb/node-api'
import { assert, isMaruError } from '../../base/errors.ts'
import type { DataFile, PartitionSpec, Scan } from '../../lake/lake.ts'
import type { ColumnType } from '../../model/model.ts'
import type {
  Binding,
  NumberColumn,
  Result,
  Session,
  SourceFiles,
  StageRequest,
} from '../engine.ts'
import type { DuckdbApi } from './api.ts'
import { appendRows } from './append-rows.ts'
import { bindSelect } from './binding.ts'
import { bucketSql } from './bucket.ts'
import { bindError, engineError } from './errors.ts'
import { fingerprintSql, fingerprintText, type FingerprintColumn } from './fingerprint.ts'
import { appendNumberColumns, readNumberColumns } from './number-columns.ts'
import { qualify, quoteId, quoteName, quoteText, standardCatalogs } from './names.ts'
import { readFiles } from './read-files.ts'
import { fetchRows } from './rows.ts'
import { copySqls, dataFile, partitionKey, writtenFile } from './stage.ts'
import { columnType, sqlType } from './types.ts'

type EmptyColumns = Parameters<Session['bindEmpty']>[1]
type QueryOptions = NonNullable<Parameters<Session['query']>[1]>

/** DuckDB's number of a SELECT statement. */
const selectStatement = 1

export interface OpenSession {
  readonly api: DuckdbApi
  readonly instance: DuckDBInstance
  readonly connection: DuckDBConnection
  readonly zone: string
  readonly onClose: () => void
}

export class DuckdbSession implements Session {
  readonly #api: DuckdbApi
  readonly #instance: DuckDBInstance
  readonly #connection: DuckDBConnection
  readonly #zone: string
  readonly #onClose: () => void
  readonly #bound = new Map<string, 'table' | 'view'>()
  readonly #catalogs = new Set(standardCatalogs)
  readonly #schemas = new Set<string>()
  /** Empty tables that the next statement creates first: many at once cost one round trip. */
  #pending: string[] = []
  #tail: Promise<unknown> = Promise.resolve()
  #isClosed = false

  constructor(open: OpenSession) {
    this.#api = open.api
    this.#instance = open.instance
    this.#connection = open.connection
    this.#zone = open.zone
    this.#onClose = open.onClose
  }

  bindEmpty(id: string, columns: EmptyColumns): Promise<void> {
    const list = columns.map((column) => `${quoteName(column.name)} ${sqlType(column.type)}`)
    return this.#inTurn(async () => {
      this.#pending.push(
        ...this.#placeFor(id, 'table'),
        `create or replace table ${quoteId(id)} (${list.join(', ')})`,
      )
    })
  }

  bindScan(id: string, scan: Scan): Promise<void> {
    // A folder without files has no shape to read; an empty table has.
    if (scan.files.length === 0) return this.bindEmpty(id, scan.schema.fields)
    const fields = scan.schema.fields.map(
      (field) =>
        `${field.id}: {name: ${quoteText(field.name)}, type: ${quoteText(sqlType(field.type))}, default_value: null}`,
    )
    const paths = scan.files.map((file) => quoteText(file.path)).join(', ')
    return this.#createView(
      id,
      `select * from read_parquet([${paths}], schema = map {${fields.join(', ')}}, hive_partitioning = false)`,
    )
  }

  /** The text stands where no id is: inside `raw.event.x`, the id `raw.event` would mean a table of that schema. */
  async bindView(id: string, sql: string): Promise<void> {
    const text = `memory.main.${quoteName(`text of ${id}`)}`
    await this.#inTurn(() => this.#execute(`create or replace view ${text} as ${sql}`))
    await this.#createView(id, `from ${text}`)
  }

  #createView(id: string, sql: string): Promise<void> {
    return this.#inTurn(async () => {
      const place = this.#placeFor(id, 'view')
      await this.#execute([...place, `create or replace view ${quoteId(id)} as ${sql}`].join(';\n'))
    })
  }

  unbind(id: string): Promise<void> {
    return this.#inTurn(async () => {
      const kind = this.#bound.get(id)
      if (kind === undefined) return
      this.#bound.delete(id)
      await this.#execute(`drop ${kind} if exists ${quoteId(id)}`)
    })
  }

  /** What must be there before a table or view of this id can be created. */
  #placeFor(id: string, kind: 'table' | 'view'): string[] {
    const { catalog, schema } = qualify(id)
    const statements: string[] = []
    if (catalog !== 'memory' && !this.#catalogs.has(catalog)) {
      this.#catalogs.add(catalog)
      statements.push(`attach ':memory:' as ${quoteName(catalog)}`)
    }
    const place = `${quoteName(catalog)}.${quoteName(schema)}`
    if (schema !== 'main' && !this.#schemas.has(place)) {
      this.#schemas.add(place)
      statements.push(`create schema if not exists ${place}`)
    }
    const former = this.#bound.get(id)
    if (former !== undefined && former !== kind)
      statements.push(`drop ${former} if exists ${quoteId(id)}`)
    this.#bound.set(id, kind)
    return statements
  }

  readFiles(name: string, request: SourceFiles): Promise<void> {
    const connection = {
      run: (sql: string): Promise<unknown> => this.#connection.run(sql),
      rows: async (sql: string): Promise<readonly (readonly unknown[])[]> =>
        (await this.#connection.runAndReadAll(sql)).getRowsJson(),
    }
    return this.#inTurn(async () => {
      await this.#flush()
      try {
        await readFiles(connection, name, request)
      } catch (error) {
        throw isMaruError(error) ? error : engineError(error)
      }
    })
  }

  query(sql: string, options: QueryOptions = {}): Promise<Result> {
    return this.#inTurn(async () => {
      options.signal?.throwIfAborted()
      const prepared = await this.#prepareSelect(sql)
      const interrupt = (): void => this.#connection.interrupt()
      options.signal?.addEventListener('abort', interrupt, { once: true })
      try {
        return await fetchRows(prepared, options.rowsMax)
      } catch (error) {
        options.signal?.throwIfAborted()
        throw engineError(error)
      } finally {
        options.signal?.removeEventListener('abort', interrupt)
        prepared.destroySync()
      }
    })
  }

  readNumbers(sql: string, take: Parameters<Session['readNumbers']>[1]): Promise<void> {
    return this.#inTurn(async () => {
      const prepared = await this.#prepareSelect(sql)
      try {
        await readNumberColumns(prepared, take)
      } catch (error) {
        throw engineError(error)
      } finally {
        prepared.destroySync()
      }
    })
  }

  appendNumbers(table: string, columns: readonly NumberColumn[]): Promise<void> {
    return this.#inTurn(async () => {
      await this.#flush()
      try {
        const to = { api: this.#api, connection: this.#connection, table }
        await appendNumberColumns(to, columns)
      } catch (error) {
        throw engineError(error)
      }
    })
  }

  appendRows(...[id, columns, rows]: Parameters<Session['appendRows']>): Promise<void> {
    return this.#inTurn(async () => {
      await this.#flush()
      const { table } = qualify(id)
      assert(this.#bound.get(id) === 'table' && table === id, `${id} is a table of this session`)
      try {
        await appendRows({
          api: this.#api,
          connection: this.#connection,
          table,
          columns,
          rows,
        })
      } catch (error) {
        throw engineError(error)
      }
    })
  }

  async #prepareSelect(sql: string): Promise<DuckDBPreparedStatement> {
    await this.#flush()
    try {
      const statements = await this.#connection.extractStatements(sql)
      if (statements.count === 1) {
        const prepared = await statements.prepare(0)
        if (Number(prepared.statementType) === selectStatement) return prepared
        prepared.destroySync()
      }
    } catch (error) {
      throw await this.#bindErrorOf(sql, error)
    }
    throw bindError(
      { error: true, error_message: 'Only SELECT statements can be serialized' },
      sql,
      this.#bound.keys(),
    )
  }

  /** The error with its place in the text, where binding the text again tells it. */
  async #bindErrorOf(sql: string, error: unknown): Promise<unknown> {
    const known = engineError(error)
    if (known.code !== 'SQL_BIND') return known
    try {
      await bindSelect(sql, {
        connection: this.#connection,
        zone: this.#zone,
        tableIds: this.#bound.keys(),
      })
    } catch (placed) {
      return placed
    }
    return known
  }

  run(sql: string): Promise<void> {
    return this.#inTurn(() => this.#execute(sql))
  }

  stage(request: StageRequest): Promise<readonly DataFile[]> {
    return this.#inTurn(async () => {
      const countRows = async (): Promise<number> =>
        Number((await this.#rows(`select count(*) from (${request.sql}) as staged`))[0]![0])
      const rows: (readonly unknown[])[] = []
      for (const sql of await copySqls(request, countRows))
        // oxlint-disable-next-line no-await-in-loop -- each takes the memory that there is
        rows.push(...(await this.#rows(sql)))
      const files = rows.map((row) => dataFile(writtenFile(row), request))
      // A SELECT without rows still makes a file when there are no partitions.
      const empty = rows.filter((row) => Number(row[1]) === 0).map((row) => String(row[0]))
      await Promise.all(empty.map((path) => rm(path, { force: true })))
      return files.filter((file) => file.rows > 0)
    })
  }

  fingerprint(
    sql: string,
    columns: readonly string[],
    partition: PartitionSpec,
  ): ReturnType<Session['fingerprint']> {
    return this.#inTurn(async () => {
      const outputs = await this.#outputs(sql)
      const hashed = columns.map((name) => {
        const output = outputs.find((each) => each.name === name)
        assert(output !== undefined, `the SELECT to fingerprint yields ${name}`)
        return output
      })
      const rows = await this.#rows(fingerprintSql(sql, hashed, { partition, outputs }))
      return new Map(
        rows.map(([value, count, first, second]) => [
          partitionKey(partition, value as string | null),
          { fingerprint: fingerprintText(String(first), String(second)), rows: Number(count) },
        ]),
      )
    })
  }

  async #outputs(sql: string): Promise<readonly FingerprintColumn[]> {
    const prepared = await this.#prepareSelect(sql)
    try {
      return Array.from({ length: prepared.columnCount }, (_, index) => {
        const type = prepared.columnType(index)
        return {
          name: prepared.columnName(index),
          typeId: Number(type.typeId),
          type: columnType(type),
        }
      })
    } finally {
      prepared.destroySync()
    }
  }

  bind(sql: string): Promise<Binding> {
    return this.#inTurn(async () => {
      await this.#flush()
      return await bindSelect(sql, {
        connection: this.#connection,
        zone: this.#zone,
        tableIds: this.#bound.keys(),
      })
    })
  }

  bucketExpression(column: string, type: ColumnType, count: number): string {
    return bucketSql(column, type, count)
  }

  hashExpression(sql: string): string {
    return `hash(${sql})`
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    await this.#inTurn(async () => {
      this.#isClosed = true
      this.#connection.closeSync()
      this.#instance.closeSync()
    })
    this.#onClose()
  }

  async #flush(): Promise<void> {
    if (this.#pending.length === 0) return
    const statements = this.#pending.join(';\n')
    this.#pending = []
    try {
      await this.#connection.run(statements)
    } catch (error) {
      throw engineError(error)
    }
  }

  async #execute(sql: string): Promise<void> {
    await this.#flush()
    try {
      await this.#connection.run(sql)
    } catch (error) {
      throw engineError(error)
    }
  }

  async #rows(sql: string): Promise<readonly (readonly unknown[])[]> {
    await this.#flush()
    try {
      return (await this.#connection.runAndReadAll(sql)).getRowsJson()
    } catch (error) {
      throw engineError(error)
    }
  }

  /** One statement at a time: a connection has one, and binding must be seen by what comes after. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#tail.then(() => {
      assert(!this.#isClosed, 'a closed session runs nothing')
      return work()
    })
    // The next statement runs whether or not this one failed; its own caller is told.
    this.#tail = run.catch(() => undefined)
    return run
  }
}
