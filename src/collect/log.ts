/**
 * Port: a durable, ordered log of byte records. Collectors append, landing and shippers read, each reader from where it left off.
 *
 * Promises every adapter keeps (log.suite.ts):
 * - Durable: when `append` resolves, its records survive a crash of process and machine. Appends that wait together share one sync.
 * - Order: records are read in the order in which they were appended (Kafka: within a partition).
 * - Whole: a record is read as it was appended, or not at all: a torn tail is cut at open, a damaged record is an error (LOG_CORRUPT) that names the place, never skipped in silence.
 * - At least once: the same record may be appended twice by a writer that did not hear the answer; readers bring their own deduplication.
 * - One writer: opening a log directory that another live process writes fails with LOG_IN_USE.
 * - Failing: DISK_FULL refuses the append and the log goes on when there is room again; an I/O error while syncing stops the log (LOG_FAILED):
 *   what was not answered may or may not be there, and nothing more is accepted, because the kernel may have dropped the pages.
 * - Limits: waiting bytes are bounded by `waitingBytesMax`; beyond it `append` rejects at once with LOG_BUSY (retry later).
 */
export interface LogRecord {
  /** Which reader lane it belongs to: records of one person share one, so they keep their order; the last one is the lane for hot keys. */
  readonly partition: number
  readonly bytes: Uint8Array
}

/** A record to append. It is read as one: `bytes`, then `body`, which is apart so that what is large need not be copied. */
export interface NewRecord extends LogRecord {
  readonly body?: Uint8Array
}

export interface LogWriter {
  /** All of them become durable, or it rejects. */
  append(records: readonly NewRecord[]): Promise<void>
  /** For shedding early: bytes waiting for a sync, and how long the last syncs took (moving average, milliseconds), or the present one has taken if that is more. */
  readonly pressure: { readonly waitingBytes: number; readonly syncMs: number }
  /** Waits for what is appended, then closes. */
  close(): Promise<void>
}

export interface LogReader {
  /** Which log it reads: a position of one means nothing in another. */
  readonly log: string
  /** Names of the independent sequences that it reads: log directories of the collectors, or partitions of a topic. New ones may appear. */
  sequences(): Promise<readonly string[]>
  /**
   * Records of one sequence after `position` (undefined: from the oldest kept), at most `bytesMax` (but at least one record when there is one), without waiting.
   * LOG_EXPIRED when what follows `position` is not there: retention has removed it, or the log was made anew.
   */
  read(
    sequence: string,
    options: { readonly position: LogPosition | undefined; readonly bytesMax: number },
  ): Promise<LogBatch>
  /** Resolves when there may be something new after a `read` that came back empty, or at the timeout. */
  waitForMore(options: { readonly timeoutMs: number; readonly signal?: AbortSignal }): Promise<void>
  /** What lies before is no longer needed by this reader: retention may remove it. Durable eventually: it may be forgotten in a crash. */
  release(sequence: string, position: LogPosition): Promise<void>
  close(): Promise<void>
}

/** Text, meaningful only to the log that gave it; kept in State with what was made of the records before it. */
export type LogPosition = string

export interface LogBatch {
  readonly records: readonly LogRecord[]
  /** After the last record. */
  readonly position: LogPosition | undefined
  /** Whether nothing more was there at the moment of reading. */
  readonly atEnd: boolean
}
