/** What checking a project answers, and how it is asked. */
import type { Problem } from '../base/errors.ts'
import type { Binding, Engine } from '../engine/engine.ts'
import type { Model } from '../model/model.ts'
import type { TaskEntry } from './check-cache.ts'
import type { ProjectSettings } from './config.ts'

export interface CheckedProject {
  readonly settings: ProjectSettings
  /** Sorted by place. */
  readonly problems: readonly Problem[]
  /** As much as could be understood when there are problems. Read from the cache on first use. */
  readonly model: Model
  /** Of every table with SQL that binds, by id. Read from the cache on first use. */
  readonly bindings: ReadonlyMap<string, Binding>
  /** Every file that this follows from, relative to the project folder. */
  readonly files: readonly string[]
  /** How many tables have SQL. */
  readonly tasks: number
  /** How many of them were bound now. */
  readonly bound: number
  /** Nothing was loaded or bound: all is as it was. */
  readonly cached: boolean
}

export interface CheckOptions {
  /** False: look at everything anew. Default true. */
  readonly cache?: boolean
  readonly signal?: AbortSignal
}

export interface CheckRequest {
  readonly folder: string
  readonly openEngine: () => Promise<Engine>
  readonly engineVersion?: string
  readonly options: CheckOptions
}

/** The bindings by table id. */
export function bindingsOf(
  keys: Readonly<Record<string, string>>,
  entries: ReadonlyMap<string, TaskEntry>,
): ReadonlyMap<string, Binding> {
  const bindings = new Map<string, Binding>()
  for (const [id, key] of Object.entries(keys)) {
    const binding = entries.get(key)?.binding
    if (binding !== undefined) bindings.set(id, binding)
  }
  return bindings
}
