/**
 * State in one SQLite file (write-ahead log, every commit synced). Each call is one short transaction; several processes may
 * have the file open. Lease times are wall-clock times of this machine, which all holders share.
 */
import { dirname } from 'node:path'
import { assert } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { SqliteConnection } from './sqlite-connection.ts'
import type { Row } from './sqlite-connection.ts'
import { schemaState, upgradeSchema } from './sqlite-schema.ts'
import type {
  JournalEntry,
  Lease,
  PartitionRecord,
  Pointer,
  Publication,
  RunRecord,
  State,
  TaskRecord,
  TaskUpdate,
} from './state.ts'

export interface SqliteStateOptions {
  /** The file; it and its folders are created when missing. */
  readonly path: string
  readonly files: Files
  /** Default 30,000. */
  readonly busyTimeoutMs?: number
  /** Milliseconds since 1970; default the machine's clock. */
  readonly now?: () => number
}

/** How many runs are kept; a run of 2,000 tasks takes about 300 KB. */
const runsKept = 1_000

export async function openSqliteState(options: SqliteStateOptions): Promise<State> {
  const { path, files, busyTimeoutMs = 30_000, now = Date.now } = options
  const folder = dirname(path)
  await files.makeFolder(folder)
  const connection = new SqliteConnection({ path, busyTimeoutMs })
  try {
    // Refused before anything is written: not even the journal mode of another program's file is changed.
    const state = await connection.attempt(() => schemaState(connection.database, path))
    await connection.attempt(() => connection.database.exec(connectionPragmas))
    if (state !== 'current') await connection.write(() => upgradeSchema(connection.database, path))
    // The log's name appears with the first read; commits in it would be lost with the name.
    await connection.read(() => connection.get('select 1 from counter'))
    await files.syncFolder(folder)
  } catch (error) {
    connection.close()
    throw error
  }
  return new SqliteState(connection, now)
}

const connectionPragmas = `
  pragma journal_mode = wal;
  pragma synchronous = full;
  pragma foreign_keys = off;
  pragma journal_size_limit = 67108864;
`

class SqliteState implements State {
  private readonly connection: SqliteConnection
  private readonly now: () => number

  constructor(connection: SqliteConnection, now: () => number) {
    this.connection = connection
    this.now = now
  }

  pointer(tableId: string): Promise<Pointer | undefined> {
    return this.connection.read(() => {
      const row = this.connection.get(
        'select table_id, metadata, version from table_pointer where table_id = ?',
        tableId,
      )
      return row === undefined ? undefined : pointerOf(row)
    })
  }

  pointers(): Promise<readonly Pointer[]> {
    return this.connection.read(() =>
      this.connection
        .all('select table_id, metadata, version from table_pointer order by table_id')
        .map(pointerOf),
    )
  }

  async publish(publication: Publication): Promise<'published' | 'conflict' | 'fenced'> {
    const { lease, pointer, changes = [], partitions, task, values } = publication
    assert(
      pointer !== undefined ||
        (changes.every(({ tableId }) => tableId !== undefined) &&
          (partitions === undefined || partitions.size === 0)),
      'changes and partitions are published with the pointer of their table, or name it',
    )
    return this.connection.write(() => {
      if (lease !== undefined && !this.holds(lease)) return 'fenced'
      if (pointer !== undefined) {
        if (!this.swap(pointer)) return 'conflict'
        if (partitions !== undefined) this.writePartitions(pointer.tableId, partitions)
      }
      this.writeJournal(pointer, changes)
      if (task !== undefined) this.writeTask(task)
      for (const [scope, entries] of values ?? []) this.writeValues(scope, entries)
      return 'published'
    })
  }

  drop(tableId: string, expectedMetadata: string): Promise<'published' | 'conflict'> {
    return this.connection.write(() => {
      const dropped = this.connection.run(
        'delete from table_pointer where table_id = ? and metadata = ?',
        tableId,
        expectedMetadata,
      )
      if (dropped === 0) return 'conflict'
      this.connection.run('delete from table_partition where table_id = ?', tableId)
      this.connection.run('delete from task where task_id = ?', tableId)
      return 'published'
    })
  }

  journal(tableIds: readonly string[], after: number): Promise<readonly JournalEntry[]> {
    const sql = `
      select table_id, sequence, snapshot_id, partition, from_micros, buckets, attached
      from journal
      where table_id in (select value from json_each(?)) and sequence > ?
      order by sequence`
    return this.connection.read(() =>
      this.connection.all(sql, JSON.stringify(tableIds), after).map(journalEntryOf),
    )
  }

  journalEnd(): Promise<number> {
    return this.connection.read(() =>
      integer(this.connection.get("select value from counter where name = 'journal'"), 'value'),
    )
  }

  rowCounts(): Promise<ReadonlyMap<string, number>> {
    const sql = 'select table_id, sum(rows) as rows from table_partition group by table_id'
    return this.connection.read(
      () =>
        new Map(
          this.connection.all(sql).map((row) => [text(row, 'table_id'), integer(row, 'rows')]),
        ),
    )
  }

  partitions(tableId: string): Promise<ReadonlyMap<string, PartitionRecord>> {
    const sql = 'select partition, fingerprint, rows from table_partition where table_id = ?'
    return this.connection.read(() => {
      const rows = this.connection.all(sql, tableId)
      return new Map(
        rows.map((row) => [
          text(row, 'partition'),
          { fingerprint: text(row, 'fingerprint'), rows: integer(row, 'rows') },
        ]),
      )
    })
  }

  task(taskId: string): Promise<TaskRecord | undefined> {
    return this.connection.read(() => {
      const row = this.connection.get('select * from task where task_id = ?', taskId)
      return row === undefined ? undefined : taskOf(row)
    })
  }

  tasks(): Promise<readonly TaskRecord[]> {
    return this.connection.read(() =>
      this.connection.all('select * from task order by task_id').map(taskOf),
    )
  }

  acquireLease(name: string, owner: string, durationMs: number): Promise<Lease | undefined> {
    return this.connection.write(() => {
      if (this.holder(name) !== undefined) return undefined
      const lease: Lease = {
        name,
        owner,
        token: this.advance('lease_token', 1),
        expiresAtMs: Math.round(this.now() + durationMs),
      }
      this.connection.run(
        'insert or replace into lease values (?, ?, ?, ?)',
        name,
        owner,
        lease.token,
        lease.expiresAtMs,
      )
      return lease
    })
  }

  renewLease(lease: Lease, durationMs: number): Promise<boolean> {
    const sql = 'update lease set expires_at_ms = ? where name = ? and owner = ? and token = ?'
    return this.connection.write(
      () =>
        this.connection.run(
          sql,
          Math.round(this.now() + durationMs),
          lease.name,
          lease.owner,
          lease.token,
        ) === 1,
    )
  }

  async releaseLease(lease: Lease): Promise<void> {
    const sql = 'delete from lease where name = ? and owner = ? and token = ?'
    await this.connection.write(() =>
      this.connection.run(sql, lease.name, lease.owner, lease.token),
    )
  }

  leaseHolder(name: string): Promise<Lease | undefined> {
    return this.connection.read(() => this.holder(name))
  }

  async recordRun(run: RunRecord): Promise<void> {
    const upsert = `
      insert into run (run_id, started_at_ms, record) values (?, ?, ?)
      on conflict (run_id) do update set started_at_ms = excluded.started_at_ms, record = excluded.record`
    const prune = `
      delete from run where position in (
        select position from run order by started_at_ms desc, position desc limit -1 offset ${runsKept})`
    await this.connection.write(() => {
      this.connection.run(upsert, run.runId, Math.round(run.startedAtMs), JSON.stringify(run))
      this.connection.run(prune)
    })
  }

  runs(limit: number): Promise<readonly RunRecord[]> {
    const sql = 'select record from run order by started_at_ms desc, position desc limit ?'
    return this.connection.read(() =>
      this.connection.all(sql, limit).map((row) => JSON.parse(text(row, 'record')) as RunRecord),
    )
  }

  values(scope: string): Promise<ReadonlyMap<string, string>> {
    return this.connection.read(() => {
      const rows = this.connection.all(
        'select name, value from scoped_value where scope = ? order by name',
        scope,
      )
      return new Map(rows.map((row) => [text(row, 'name'), text(row, 'value')]))
    })
  }

  async close(): Promise<void> {
    this.connection.close()
  }

  /** Whether the lease is still its owner's and has not run out. */
  private holds(lease: Lease): boolean {
    const holder = this.holder(lease.name)
    return holder !== undefined && holder.owner === lease.owner && holder.token === lease.token
  }

  private holder(name: string): Lease | undefined {
    const row = this.connection.get(
      'select owner, token, expires_at_ms from lease where name = ?',
      name,
    )
    if (row === undefined || integer(row, 'expires_at_ms') <= this.now()) return undefined
    return {
      name,
      owner: text(row, 'owner'),
      token: integer(row, 'token'),
      expiresAtMs: integer(row, 'expires_at_ms'),
    }
  }

  private swap(pointer: NonNullable<Publication['pointer']>): boolean {
    const { tableId, expectedMetadata, metadata } = pointer
    assert(expectedMetadata !== metadata, 'a swap names a new metadata file')
    if (expectedMetadata === undefined) {
      return (
        this.connection.run(
          'insert or ignore into table_pointer values (?, ?, 1)',
          tableId,
          metadata,
        ) === 1
      )
    }
    const sql =
      'update table_pointer set metadata = ?, version = version + 1 where table_id = ? and metadata = ?'
    return this.connection.run(sql, metadata, tableId, expectedMetadata) === 1
  }

  private writeJournal(
    pointer: Publication['pointer'],
    changes: NonNullable<Publication['changes']>,
  ): void {
    if (changes.length === 0) return
    let sequence = this.advance('journal', changes.length) - changes.length
    for (const { tableId, partition, from, buckets, attached } of changes) {
      sequence++
      this.connection.run(
        'insert into journal (table_id, sequence, snapshot_id, partition, from_micros, buckets, attached) values (?, ?, ?, ?, ?, ?, ?)',
        tableId ?? pointer!.tableId,
        sequence,
        pointer?.snapshotId ?? '',
        partition,
        from ?? null,
        buckets === undefined ? null : JSON.stringify(buckets),
        attached === true ? 1 : null,
      )
    }
  }

  private writePartitions(
    tableId: string,
    partitions: NonNullable<Publication['partitions']>,
  ): void {
    for (const [partition, record] of partitions) {
      if (record === null) {
        this.connection.run(
          'delete from table_partition where table_id = ? and partition = ?',
          tableId,
          partition,
        )
      } else {
        const sql = 'insert or replace into table_partition values (?, ?, ?, ?)'
        this.connection.run(sql, tableId, partition, record.fingerprint, record.rows)
      }
    }
  }

  private writeTask(task: TaskUpdate): void {
    this.connection.run(
      'insert or replace into task (task_id, version, consumed, pending, definition, finished_at_ms) values (?, ?, ?, ?, ?, ?)',
      task.taskId,
      task.version,
      JSON.stringify(task.consumed),
      JSON.stringify(task.pending),
      task.definition,
      Math.round(this.now()),
    )
  }

  private writeValues(scope: string, entries: ReadonlyMap<string, string | null>): void {
    for (const [name, value] of entries) {
      if (value === null)
        this.connection.run('delete from scoped_value where scope = ? and name = ?', scope, name)
      else
        this.connection.run(
          'insert or replace into scoped_value values (?, ?, ?)',
          scope,
          name,
          value,
        )
    }
  }

  /** The counter's value after adding `count`. */
  private advance(counter: 'journal' | 'lease_token', count: number): number {
    return integer(
      this.connection.get(
        'update counter set value = value + ? where name = ? returning value',
        count,
        counter,
      ),
      'value',
    )
  }
}

function pointerOf(row: Row): Pointer {
  return {
    tableId: text(row, 'table_id'),
    metadata: text(row, 'metadata'),
    version: integer(row, 'version'),
  }
}

function journalEntryOf(row: Row): JournalEntry {
  return {
    sequence: integer(row, 'sequence'),
    tableId: text(row, 'table_id'),
    snapshotId: text(row, 'snapshot_id'),
    partition: text(row, 'partition'),
    ...(row['from_micros'] === null ? {} : { from: text(row, 'from_micros') }),
    ...(row['buckets'] === null ? {} : { buckets: bucketsOf(text(row, 'buckets')) }),
    ...(row['attached'] === null ? {} : { attached: true }),
  }
}

function bucketsOf(json: string): NonNullable<JournalEntry['buckets']> {
  return JSON.parse(json) as NonNullable<JournalEntry['buckets']>
}

function taskOf(row: Row): TaskRecord {
  return {
    taskId: text(row, 'task_id'),
    version: text(row, 'version'),
    consumed: JSON.parse(text(row, 'consumed')) as TaskRecord['consumed'],
    pending: JSON.parse(text(row, 'pending')) as TaskRecord['pending'],
    definition: text(row, 'definition'),
    finishedAtMs: integer(row, 'finished_at_ms'),
  }
}

function text(row: Row | undefined, column: string): string {
  const value = row?.[column]
  assert(typeof value === 'string', `column ${column} of the state database holds a text`)
  return value
}

function integer(row: Row | undefined, column: string): number {
  const value = row?.[column]
  assert(typeof value === 'number', `column ${column} of the state database holds an integer`)
  return value
}
