/**
 * Port: Maru's own records. Table pointers, the change journal, leases, run state.
 *
 * Promises every adapter keeps (state.suite.ts):
 * - Durable: when a call that writes returns, its effect survives a crash of process and machine.
 * - Atomic: a call takes effect whole or not at all, and is seen by other processes only whole.
 * - Order: journal sequences grow with commit order over the whole project; a reader that saw sequence n sees all below n.
 * - Fencing: a commit made under a lease is refused (`fenced`) when another owner has taken the lease since.
 * - Limits: a call waits for other writers at most `busyTimeoutMs` (default 30 s), then fails with STATE_BUSY (retry later).
 * - STATE_NEWER when the records were written by a newer format; older formats are upgraded when opened.
 */
export interface State {
  /** undefined when there is no such table. */
  pointer(tableId: string): Promise<Pointer | undefined>
  pointers(): Promise<readonly Pointer[]>

  /**
   * The one way anything is published: swaps the table's pointer (compare-and-swap), and in the same transaction writes the
   * journal, the partitions' fingerprints, what the task has consumed and which partitions remain pending.
   * Without `pointer` only the records are written (nothing came out different), and changes that name their table.
   */
  publish(publication: Publication): Promise<'published' | 'conflict' | 'fenced'>
  /** Forgets a table: its pointer, partitions, task records. Journal entries stay. `conflict` when the pointer has moved. */
  drop(tableId: string, expectedMetadata: string): Promise<'published' | 'conflict'>

  /** Entries of these tables with sequence > after, oldest first. */
  journal(tableIds: readonly string[], after: number): Promise<readonly JournalEntry[]>
  /** The highest sequence in the journal; 0 when empty. */
  journalEnd(): Promise<number>
  /** Content fingerprints of a table's partitions, by partition key. */
  partitions(tableId: string): Promise<ReadonlyMap<string, PartitionRecord>>
  /** Rows of every table, summed over its partitions. */
  rowCounts(): Promise<ReadonlyMap<string, number>>
  /** What a task has built and consumed; undefined when it never finished. */
  task(taskId: string): Promise<TaskRecord | undefined>
  tasks(): Promise<readonly TaskRecord[]>

  /** A lease that nobody holds or that has run out is given with a token larger than any before; else undefined. */
  acquireLease(name: string, owner: string, durationMs: number): Promise<Lease | undefined>
  /** False when the lease has been taken by another since. */
  renewLease(lease: Lease, durationMs: number): Promise<boolean>
  releaseLease(lease: Lease): Promise<void>
  /** Who holds it now; undefined when free or run out. */
  leaseHolder(name: string): Promise<Lease | undefined>

  /** Writes or replaces the run with this id. At least the newest 1,000 runs are kept. */
  recordRun(run: RunRecord): Promise<void>
  /** Newest first, at most `limit`. */
  runs(limit: number): Promise<readonly RunRecord[]>

  /** Small values of one feature, for example which source files are loaded: scope `ingest/raw.invoice_line`. */
  values(scope: string): Promise<ReadonlyMap<string, string>>
  close(): Promise<void>
}

/** Where a table's current metadata file is. */
export interface Pointer {
  readonly tableId: string
  /** Path of the metadata file, relative to the lake folder. */
  readonly metadata: string
  /** Grows by one with each swap. */
  readonly version: number
}

export interface Publication {
  readonly lease?: Lease
  readonly pointer?: {
    readonly tableId: string
    /** undefined: the table must not exist yet. */
    readonly expectedMetadata: string | undefined
    readonly metadata: string
    /** The snapshot that `changes` belong to; written into their journal entries ('' when absent). */
    readonly snapshotId?: string
  }
  /** Which partitions changed, of the pointer's table if they name no other. Compaction and expiry write none. */
  readonly changes?: readonly PartitionChange[]
  /** New fingerprints by partition key of the pointer's table; null removes the partition. */
  readonly partitions?: ReadonlyMap<string, PartitionRecord | null>
  readonly task?: TaskUpdate
  /** Values to set (null removes), by scope. */
  readonly values?: ReadonlyMap<string, ReadonlyMap<string, string | null>>
}

/** `partition` is the text of a partition key (see lake): `day=2011-01-05`, `bucket=3`, or '' for an unpartitioned table. */
export interface PartitionChange {
  /** The table that the change belongs to, as a view of the pointer's; absent: the pointer's. */
  readonly tableId?: string
  readonly partition: string
  /** The earliest instant (UTC microseconds, decimal text) whose reading may differ; absent: any. */
  readonly from?: string
  /** By reference column of an activity: the buckets of the keys whose rows changed; absent: any. */
  readonly buckets?: Readonly<Record<string, readonly number[]>>
  /** The rows of a merged table stayed as they are; what is attached to some of them when they are read differs. Absent: the rows changed. */
  readonly attached?: true
}

export interface JournalEntry extends PartitionChange {
  readonly sequence: number
  readonly tableId: string
  readonly snapshotId: string
}

export interface PartitionRecord {
  /** Order-independent hash of the rows. */
  readonly fingerprint: string
  readonly rows: number
}

export interface TaskRecord {
  readonly taskId: string
  /** Hash of all that changes the result. */
  readonly version: string
  /** The highest journal sequence consumed, by input table. */
  readonly consumed: Readonly<Record<string, number>>
  /** Partitions known to be stale and not rebuilt yet (a run was limited to a range, or stopped). `*` is all. */
  readonly pending: readonly string[]
  /** The definition that was built, as plan wrote it: what `maru plan` compares with. */
  readonly definition: string
  readonly finishedAtMs: number
}

export type TaskUpdate = Omit<TaskRecord, 'finishedAtMs'>

export interface Lease {
  readonly name: string
  readonly owner: string
  /** Fencing token. */
  readonly token: number
  readonly expiresAtMs: number
}

export interface RunRecord {
  readonly runId: string
  readonly startedAtMs: number
  readonly finishedAtMs?: number
  readonly status: 'running' | 'done' | 'failed'
  readonly tasks: readonly TaskOutcome[]
}

export interface TaskOutcome {
  readonly taskId: string
  readonly status: 'unchanged' | 'published' | 'failed' | 'blocked'
  readonly partitionsBuilt: number
  readonly partitionsPublished: number
  readonly rows: number
  readonly durationMs: number
  readonly error?: string
}
