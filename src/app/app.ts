/** Face of the application: opens a project, chooses the adapters, offers what the command line and servers do. Only this folder names an adapter. */
import type { QuarantineFilter, Refused, Replayed } from '../collect/collect.ts'
import type { EventStatus } from './event-status.ts'
import type { Problem } from '../base/errors.ts'
import type { Day } from '../base/time.ts'
import type { NewKey, WriteKey } from '../collect/collect.ts'
import type { Model } from '../model/model.ts'
import type { Result } from '../engine/engine.ts'
import type { MetricQuestion, CompiledQuestion } from '../metric/metric.ts'
import type { ProjectSettings } from '../project/project.ts'
import type { RunProgress } from '../run/run.ts'
import type { RunRecord } from '../state/state.ts'

export interface App {
  readonly folder: string
  /** The checked model; throws CHECK_FAILED with the problems when there are any. */
  model(): Promise<Model>
  check(): Promise<{
    readonly problems: readonly Problem[]
    readonly tasks: number
    readonly cached: boolean
    /** Every file that this follows from, relative to the folder. */
    readonly files: readonly string[]
    readonly settings: ProjectSettings
  }>
  /** Databases that are to be read again and again, with their raw tables. */
  schedule(): Promise<readonly Scheduled[]>
  plan(options: RunOptions): Promise<RunPlan>
  run(
    options: RunOptions & {
      readonly onProgress?: (progress: RunProgress) => void
      readonly signal?: AbortSignal
    },
  ): Promise<RunRecord>
  /** One SELECT over ids; a text that reads merged tables sees their attached columns. */
  query(sql: string, options?: { readonly rowsMax?: number }): Promise<Result>
  /** From stored indicators or states where they are exact and fresh, else from activities; the answer says which. */
  metric(question: MetricQuestion, options?: { readonly rowsMax?: number }): Promise<MetricAnswer>
  /** Every table and metric with its state, sorted by id. */
  list(): Promise<readonly Listed[]>
  show(id: string): Promise<Shown>
  /** Writes `raw/<name>.ts` from the database's schema; returns the path. `replace` allows overwriting. */
  pull(
    source: string,
    options: { readonly replace: boolean; readonly schemas?: readonly string[] },
  ): Promise<{ readonly path: string; readonly tables: number }>
  /** Merges small files, expires old snapshots, removes orphans. */
  compact(ids: readonly string[]): Promise<readonly Compacted[]>
  /** Reads lost records back from the lake: tables found there that State does not know. */
  recover(): Promise<readonly Recovered[]>
  /** TypeScript of a client that sends the events of the catalog. */
  tracker(): Promise<string>
  /** Refused events that have not come back, oldest first. */
  refusedEvents(filter: QuarantineFilter): Promise<readonly Refused[]>
  /** How far the events of each collector and lane have come, and what was refused lately. */
  eventStatus(): Promise<EventStatus>
  /** Judges them again by the catalog of today and appends what passes; it lands like any other event. */
  replayEvents(filter: QuarantineFilter): Promise<Replayed>
  /** Write keys of those who send events. */
  readonly keys: WriteKeys
  close(): Promise<void>
}

export interface Scheduled {
  readonly source: string
  readonly everyMs: number
  readonly tables: readonly string[]
}

export interface WriteKeys {
  /** All that ever were, oldest first. */
  list(): Promise<readonly WriteKey[]>
  /** The key is in the answer and nowhere else. NOT_FOUND for a source that maru.config.ts does not name. */
  create(source: string): Promise<NewKey>
  /** The old key works for `keepMs` more, default a day. */
  rotate(id: string, options?: { readonly keepMs?: number }): Promise<NewKey>
  revoke(id: string): Promise<void>
}

export interface MetricAnswer {
  readonly result: Result
  readonly compiled: CompiledQuestion
  /** Where the numbers come from. */
  readonly sources: readonly (CompiledQuestion['sources'][number] & {
    /** Of each table: the version of the definition that made it, and when. */
    readonly built: readonly {
      readonly id: string
      readonly version: string
      readonly at: string
    }[]
  })[]
}

export interface RunOptions {
  /** Task ids, with everything that they read. Empty: everything declared, and the stored states and indicators that were built before. */
  readonly ids: readonly string[]
  readonly from?: Day
  readonly to?: Day
  readonly full?: boolean
  /** Only what reads these tables, directly or through others; whatever else it reads stays as the last run left it. */
  readonly after?: readonly string[]
}

export interface RunPlan {
  readonly tasks: readonly PlannedTask[]
}

export interface PlannedTask {
  readonly id: string
  /** `unknown`: a source tells only when it is read. */
  readonly partitions: readonly string[] | 'all' | 'unknown'
  /** False: at most these; what is rebuilt before may come out as it was. */
  readonly certain: boolean
  readonly reasons: readonly string[]
  /** For a changed definition: what changed, by column. */
  readonly columns: readonly {
    readonly column: string
    readonly change: 'added' | 'removed' | 'type' | 'value' | 'rows'
    readonly detail?: string
  }[]
}

export interface Listed {
  readonly id: string
  readonly kind: string
  readonly owner: string
  readonly description: string
  /** undefined for metrics and tables never built. */
  readonly rows?: number
  readonly builtAt?: string
}

export interface Shown {
  readonly id: string
  readonly kind: string
  readonly description: string
  /** What one row is. */
  readonly grain: string
  readonly owner: string
  readonly file: string
  readonly columns: readonly {
    readonly name: string
    readonly type: string
    readonly description: string
    readonly from: readonly string[]
  }[]
  readonly freshness: {
    readonly builtAt?: string
    readonly rows?: number
    readonly partitions?: number
    readonly state: string
  }
  readonly upstream: readonly string[]
  readonly downstream: readonly string[]
  /** Runs as it is. */
  readonly example: string
}

export interface Compacted {
  readonly id: string
  readonly filesBefore: number
  readonly filesAfter: number
  readonly snapshotsRemoved: number
  readonly orphansRemoved: number
}

export interface Recovered {
  readonly id: string
  readonly rows: number
  /** Whether its task need not be run again. */
  readonly upToDate: boolean
}

export type { NewKey, RunProgress, RunRecord, WriteKey }
export type { EventStatus, QuarantineFilter, Refused, Replayed }
