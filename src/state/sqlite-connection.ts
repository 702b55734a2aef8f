/**
 * One SQLite connection as the adapter uses it: short synchronous transactions, waiting for other writers without
 * blocking the process, and SQLite's errors as Maru's.
 */
import { DatabaseSync } from 'node:sqlite'
import type { SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite'
import { sleep } from '../base/bounded.ts'
import { MaruError, messageOf } from '../base/errors.ts'

export type Row = Record<string, SQLOutputValue>

export interface SqliteConnectionOptions {
  readonly path: string
  readonly busyTimeoutMs: number
}

export class SqliteConnection {
  readonly database: DatabaseSync
  private readonly path: string
  private readonly busyTimeoutMs: number
  private readonly statements = new Map<string, StatementSync>()

  constructor(options: SqliteConnectionOptions) {
    this.path = options.path
    this.busyTimeoutMs = options.busyTimeoutMs
    try {
      // SQLite's own busy handler would sleep inside the call and stop this process's timers (leases among them), so `attempt` waits instead.
      this.database = new DatabaseSync(options.path, { timeout: 0 })
    } catch (error) {
      throw translateSqliteError(error, options.path)
    }
  }

  /** Runs `work` in one read transaction: everything it reads is of one instant. */
  read<T>(work: () => T): Promise<T> {
    return this.attempt(() => this.transact('begin', work))
  }

  /** Runs `work` in one write transaction; when it throws, nothing of it remains. */
  write<T>(work: () => T): Promise<T> {
    return this.attempt(() => this.transact('begin immediate', work))
  }

  /** Calls `work`, again while another connection holds the lock, until the wait is used up: STATE_BUSY. */
  async attempt<T>(work: () => T): Promise<T> {
    const startedAtMs = performance.now()
    for (let waits = 0; ; waits++) {
      try {
        return work()
      } catch (error) {
        if (!isBusy(error)) throw translateSqliteError(error, this.path)
        const leftMs = this.busyTimeoutMs - (performance.now() - startedAtMs)
        if (leftMs <= 0) throw busyError(this.path, this.busyTimeoutMs, error)
        await sleep(Math.min(leftMs, Math.random() * Math.min(2 ** waits, 25)))
      }
    }
  }

  all(sql: string, ...parameters: readonly SQLInputValue[]): readonly Row[] {
    return this.statement(sql).all(...parameters)
  }

  get(sql: string, ...parameters: readonly SQLInputValue[]): Row | undefined {
    return this.statement(sql).get(...parameters)
  }

  /** Returns how many rows changed. */
  run(sql: string, ...parameters: readonly SQLInputValue[]): number {
    return Number(this.statement(sql).run(...parameters).changes)
  }

  close(): void {
    if (this.database.isOpen) this.database.close()
  }

  private transact<T>(begin: 'begin' | 'begin immediate', work: () => T): T {
    this.database.exec(begin)
    try {
      const result = work()
      this.database.exec('commit')
      return result
    } catch (error) {
      // SQLite has rolled back by itself after some errors.
      if (this.database.isTransaction) this.database.exec('rollback')
      throw error
    }
  }

  private statement(sql: string): StatementSync {
    let statement = this.statements.get(sql)
    if (statement === undefined) {
      statement = this.database.prepare(sql)
      this.statements.set(sql, statement)
    }
    return statement
  }
}

/** SQLite's primary result codes (sqlite.org/rescode.html). */
const resultCodes = { busy: 5, locked: 6, full: 13 } as const

/** What the codes for a file that cannot be used mean, with the next step. */
const fileFailures: ReadonlyMap<number, string> = new Map([
  [3, 'give this user the right to read and write the file and its folder'],
  [8, 'give this user the right to write the file and its folder'],
  [10, 'look at the disk and its file system, then try again'],
  [
    11,
    'the file is damaged: restore it from a backup, or move it away and run again to build everything anew',
  ],
  [14, 'give this user the right to create files in the folder'],
  [26, 'set `state` in maru.config.ts to a file that only Maru uses'],
])

/** SQLite's errors about the world as Maru's; anything else stays as it is. */
export function translateSqliteError(error: unknown, path: string): unknown {
  const code = primaryCode(error)
  if (code === undefined) return error
  if (code === resultCodes.full) {
    return new MaruError('DISK_FULL', `no space is left for ${path}`, {
      hint: 'free some space, then try again; nothing of this step was recorded',
      retry: 'later',
      cause: error,
    })
  }
  const hint = fileFailures.get(code)
  if (hint === undefined) return error
  return new MaruError('FILE_FAILED', `${path}: ${messageOf(error)}`, { hint, cause: error })
}

function busyError(path: string, busyTimeoutMs: number, cause: unknown): MaruError {
  return new MaruError('STATE_BUSY', `${path} stayed locked for ${busyTimeoutMs / 1000} s`, {
    hint: 'another process is writing for a long time; try again, or end it if it hangs',
    retry: 'later',
    cause,
  })
}

function isBusy(error: unknown): boolean {
  const code = primaryCode(error)
  return code === resultCodes.busy || code === resultCodes.locked
}

function primaryCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number')
    return undefined
  return error.errcode & 0xff
}
