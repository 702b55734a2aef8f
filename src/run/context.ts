/** What a run works with. All adapters come in as ports. */
import type { Files } from '../base/files.ts'
import type { Engine } from '../engine/engine.ts'
import type { Source } from '../ingest/source.ts'
import type { Lake } from '../lake/lake.ts'
import type { RawTableModel } from '../model/model.ts'
import type { Task } from '../plan/plan.ts'
import type { Lease, State } from '../state/state.ts'

export interface RunContext {
  readonly zone: string
  readonly tasks: readonly Task[]
  readonly state: State
  readonly lake: Lake
  readonly engine: Engine
  readonly files: Files
  /** Opens the source of a raw table; the caller closes all of them after the run. */
  readonly sourceOf: (table: RawTableModel) => Promise<Source>
  /** Absolute folder for spools, spilling and rejected rows. */
  readonly workFolder: string
  /** Tasks at a time. */
  readonly concurrency: number
  /** Of the whole run; divided among the sessions. */
  readonly memoryLimitBytes?: number
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/** One attempt at one task. */
export interface Attempt {
  readonly context: RunContext
  readonly task: Task
  readonly lease: Lease
  readonly signal?: AbortSignal
}
