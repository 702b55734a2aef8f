/** Opens a project: what `app.ts` promises, put together from the parts. Parts are opened when first needed and closed together. */
import { join } from 'node:path'
import { MaruError } from '../base/errors.ts'
import type { Engine, Result } from '../engine/engine.ts'
import type { Lake } from '../lake/lake.ts'
import { compileQuestion, stateTasks } from '../metric/metric.ts'
import type { MetricQuestion } from '../metric/metric.ts'
import type { Model } from '../model/model.ts'
import { compileTasks } from '../plan/plan.ts'
import type { Task } from '../plan/plan.ts'
import { loadChecked, loadConfig } from '../project/project.ts'
import type { CheckedProject, ResolvedConfig } from '../project/project.ts'
import { compactTables, recoverState, runTasks } from '../run/run.ts'
import type { RunContext } from '../run/run.ts'
import type { RunRecord, State } from '../state/state.ts'
import {
  files,
  memoryLimitBytes,
  openEngine,
  openLakeOver,
  openState,
  sourcesOf,
} from './adapters.ts'
import type {
  App,
  Compacted,
  Listed,
  MetricAnswer,
  RunOptions,
  RunPlan,
  Scheduled,
  Shown,
  WriteKeys,
} from './app.ts'
import { writeKeysOf } from './keys.ts'
import { readEventStatus } from './event-status.ts'
import { listRefused, replayRefused } from './refused-events.ts'
import { listProject } from './list.ts'
import type { Parts } from './parts.ts'
import { planRun } from './plan-run.ts'
import { pullSource } from './pull.ts'
import { queryProject, readQuestion } from './query.ts'
import { showId } from './show.ts'
import { StoredAnswersReader } from './stored-answers.ts'
import { idsAfter, idsToRun, requireTables } from './task-ids.ts'
import { generateTracker } from './tracker.ts'

const defaultRowsMax = 10_000
const dayMs = 86_400_000

/** `folder` holds maru.config.ts. Nothing is opened or checked before it is needed. */
export function openApp(options: { readonly folder: string }): App {
  return new ProjectApp(options.folder)
}

class ProjectApp implements App {
  readonly folder: string
  readonly keys: WriteKeys
  #checked: Promise<CheckedProject> | undefined
  #config: Promise<ResolvedConfig> | undefined
  #engine: Promise<Engine> | undefined
  #state: Promise<State> | undefined
  #lake: Promise<Lake> | undefined
  #compiled: Promise<readonly Task[]> | undefined
  readonly #stored = new StoredAnswersReader()

  constructor(folder: string) {
    this.folder = folder
    this.keys = writeKeysOf(folder)
  }

  async tracker(): Promise<string> {
    return await generateTracker(await this.model())
  }

  async model(): Promise<Model> {
    const checked = await this.#check()
    const [first, ...others] = checked.problems
    if (first !== undefined) {
      const count = others.length === 0 ? 'a problem' : `${others.length + 1} problems, the first`
      throw new MaruError('CHECK_FAILED', `the project has ${count}: ${first.message}`, {
        where: first.where,
        hint: (others.length === 0 ? first.hint : undefined) ?? 'maru check lists them all',
      })
    }
    return checked.model
  }

  async check(): ReturnType<App['check']> {
    const { problems, tasks, cached, files: read, settings } = await this.#check()
    return { problems, tasks, cached, files: read, settings }
  }

  async schedule(): Promise<readonly Scheduled[]> {
    const { sources } = await this.#loadConfig()
    const { tables } = await this.model()
    return Object.entries(sources).flatMap(([source, { everyMs }]): readonly Scheduled[] => {
      const own = tables.filter(
        (table) =>
          table.kind === 'raw_table' &&
          table.origin.kind === 'database' &&
          table.origin.source === source,
      )
      return everyMs === undefined ? [] : [{ source, everyMs, tables: own.map(({ id }) => id) }]
    })
  }

  async plan(options: RunOptions): Promise<RunPlan> {
    const parts = await this.#parts()
    const ids = await idsToRun(parts, options.ids)
    const sources = sourcesOf(this.folder, () => this.#loadConfig())
    try {
      return await planRun(parts, {
        options: { ...options, ids },
        sourceOf: (table) => sources.of(table),
      })
    } finally {
      await sources.close()
    }
  }

  async run(options: Parameters<App['run']>[0]): Promise<RunRecord> {
    const parts = await this.#parts()
    const wanted = await idsToRun(parts, options.ids)
    const { after } = options
    const ids = after === undefined ? wanted : idsAfter(await parts.tasks(), wanted, after)
    const sources = sourcesOf(this.folder, () => this.#loadConfig())
    const context = await this.#runContext(parts, (table) => sources.of(table))
    const { onProgress, signal } = options
    try {
      return await runTasks(context, {
        ids,
        alone: after !== undefined,
        range: { from: options.from, to: options.to },
        full: options.full ?? false,
        ...(signal === undefined ? {} : { signal }),
        ...(onProgress === undefined ? {} : { onProgress }),
      })
    } finally {
      await sources.close()
    }
  }

  async query(sql: string, options: { readonly rowsMax?: number } = {}): Promise<Result> {
    return await queryProject(await this.#parts(), sql, options.rowsMax ?? defaultRowsMax)
  }

  async metric(
    question: MetricQuestion,
    options: { readonly rowsMax?: number } = {},
  ): Promise<MetricAnswer> {
    const parts = await this.#parts()
    const freshness = await this.#stored.read(parts)
    const compiled = compileQuestion(parts.model, question, freshness)
    const result = await readQuestion(parts, compiled, options.rowsMax)
    const records = new Map((await parts.state.tasks()).map((record) => [record.taskId, record]))
    const sources = compiled.sources.map((source) => ({
      ...source,
      built: source.tables.flatMap((id) => {
        const record = records.get(id)
        return record === undefined
          ? []
          : [{ id, version: record.version, at: new Date(record.finishedAtMs).toISOString() }]
      }),
    }))
    return { result, compiled, sources }
  }

  async refusedEvents(
    filter: Parameters<App['refusedEvents']>[0],
  ): ReturnType<App['refusedEvents']> {
    return await listRefused(await this.#parts(), filter)
  }

  async eventStatus(): ReturnType<App['eventStatus']> {
    return await readEventStatus(await this.#parts())
  }

  async replayEvents(filter: Parameters<App['replayEvents']>[0]): ReturnType<App['replayEvents']> {
    return await replayRefused(await this.#parts(), filter)
  }

  async list(): Promise<readonly Listed[]> {
    return await listProject(await this.model(), await this.#openState())
  }

  async show(id: string): Promise<Shown> {
    const checked = await this.#check()
    return await showId(
      {
        model: await this.model(),
        bindings: checked.bindings,
        state: await this.#openState(),
        tasks: await this.#tasks(),
      },
      id,
    )
  }

  async pull(source: string, options: Parameters<App['pull']>[1]): ReturnType<App['pull']> {
    const sources = sourcesOf(this.folder, () => this.#loadConfig())
    try {
      return await pullSource(await sources.named(source), {
        folder: this.folder,
        name: source,
        ...options,
      })
    } finally {
      await sources.close()
    }
  }

  async compact(ids: readonly string[]): Promise<readonly Compacted[]> {
    const parts = await this.#parts()
    const tasks = await parts.tasks()
    requireTables(parts.model, tasks, ids)
    const chosen = ids.length === 0 ? tasks : tasks.filter((task) => ids.includes(task.id))
    const context = await this.#runContext(parts, noSource)
    return await compactTables(context, chosen, {
      keepSnapshots: 10,
      snapshotAgeMs: dayMs,
      orphanAgeMs: 3 * dayMs,
    })
  }

  async recover(): ReturnType<App['recover']> {
    const parts = await this.#parts({ mayBeLost: true })
    return await recoverState(await this.#runContext(parts, noSource))
  }

  async close(): Promise<void> {
    await (await this.#engine)?.close()
    await (await this.#state)?.close()
  }

  #check(): Promise<CheckedProject> {
    return (this.#checked ??= loadChecked(this.folder, () => this.#openEngine()))
  }

  /** As it was when it was first needed, like everything of the project. */
  #loadConfig(): Promise<ResolvedConfig> {
    return (this.#config ??= loadConfig(this.folder))
  }

  #openEngine(): Promise<Engine> {
    return (this.#engine ??= openEngine())
  }

  /** Throws STATE_LOST when the lake holds tables that State knows nothing of: they would read as empty and be built over. */
  async #openState(options: { readonly mayBeLost?: boolean } = {}): Promise<State> {
    const { settings } = await this.#check()
    const state = await (this.#state ??= openState(settings.statePath))
    if (options.mayBeLost === true || (await state.pointers()).length > 0) return state
    const found = await (await openLakeOver(settings.lakeFolder, state)).findTables()
    // Looked at last: a run is on record before it makes its first table, and a landing holds its lease, so tables of one that is at work are not lost.
    if (found.length === 0 || (await state.runs(1)).length > 0) return state
    const { landingLease } = await import('../collect/collect.ts')
    if ((await state.leaseHolder(landingLease)) !== undefined) return state
    throw new MaruError(
      'STATE_LOST',
      `${settings.lakeFolder} holds ${found.length} tables, and ${settings.statePath} knows none of them`,
      { hint: 'maru recover reads the records back from the lake' },
    )
  }

  /** Compiled once, and only for what runs, plans or shows tasks: a question needs none. */
  #tasks(): Promise<readonly Task[]> {
    return (this.#compiled ??= this.#compile())
  }

  async #compile(): Promise<readonly Task[]> {
    const checked = await this.#check()
    const model = await this.model()
    const engineVersion = (await this.#openEngine()).version
    const declared = compileTasks(model, {
      bindings: checked.bindings,
      engineVersion,
      buckets: checked.settings.buckets,
    })
    return [...declared, ...stateTasks(model, { engineVersion })]
  }

  async #parts(options: { readonly mayBeLost?: boolean } = {}): Promise<Parts> {
    const { settings } = await this.#check()
    const state = await this.#openState(options)
    this.#lake ??= openLakeOver(settings.lakeFolder, state)
    const model = await this.model()
    const engine = (): Promise<Engine> => this.#openEngine()
    return {
      folder: this.folder,
      model,
      tasks: () => this.#tasks(),
      state,
      lake: await this.#lake,
      engine,
      session: async () =>
        await (
          await engine()
        ).open({
          zone: model.zone,
          memoryLimitBytes: memoryLimitBytes(),
          temporaryFolder: join(this.folder, '.maru', 'temporary'),
          readFolders: [settings.lakeFolder],
        }),
    }
  }

  async #runContext(parts: Parts, sourceOf: RunContext['sourceOf']): Promise<RunContext> {
    return {
      zone: parts.model.zone,
      tasks: await parts.tasks(),
      state: parts.state,
      lake: parts.lake,
      engine: await parts.engine(),
      files,
      sourceOf,
      workFolder: join(this.folder, '.maru'),
      concurrency: 2,
      memoryLimitBytes: memoryLimitBytes(),
      now: Date.now,
    }
  }
}

/** Upkeep and recovery work on what is in the lake. */
function noSource(): Promise<never> {
  return Promise.reject(new MaruError('BUG', 'upkeep reads no source'))
}
