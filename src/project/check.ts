/**
 * Checks a project: what the last check found when that is still true, else everything anew. The code for the latter is loaded
 * only then, so that a command on an unchanged project starts in no time.
 */
import { realpathSync } from 'node:fs'
import type { Binding, Engine } from '../engine/engine.ts'
import type { Model } from '../model/model.ts'
import { readCheck, type CachedCheck, type CacheOptions } from './check-cache.ts'
import {
  bindingsOf,
  type CheckedProject,
  type CheckOptions,
  type CheckRequest,
} from './checked-project.ts'
import { maruIdentity } from './maru-identity.ts'

/** Faults of the project are problems in the answer. Throws PROJECT_NOT_INSTALLED, and what the engine throws beyond SQL_BIND. */
export async function checkProject(
  folder: string,
  engine: Engine,
  options: CheckOptions = {},
): Promise<CheckedProject> {
  return check({
    folder: realpathSync(folder),
    openEngine: async () => engine,
    engineVersion: engine.version,
    options,
  })
}

/** The same; the engine is opened only when something must be bound, and stays the caller's to close. */
export async function loadChecked(
  folder: string,
  openEngine: () => Promise<Engine>,
  options: CheckOptions = {},
): Promise<CheckedProject> {
  return check({ folder: realpathSync(folder), openEngine, options })
}

async function check(request: CheckRequest): Promise<CheckedProject> {
  const cache: CacheOptions = { folder: request.folder, maru: maruIdentity() }
  const cached = (request.options.cache ?? true) ? readCheck(cache) : undefined
  if (
    cached !== undefined &&
    (request.engineVersion ?? cached.engineVersion) === cached.engineVersion
  )
    return fromCache(cached)
  const { checkAnew } = await import('./check-anew.ts')
  return checkAnew(request, cache)
}

function fromCache(cached: CachedCheck): CheckedProject {
  let model: Model | undefined
  let bindings: ReadonlyMap<string, Binding> | undefined
  return {
    settings: cached.settings,
    problems: cached.problems,
    get model() {
      return (model ??= cached.model())
    },
    get bindings() {
      return (bindings ??= bindingsOf(cached.keys, cached.entries()))
    },
    files: cached.files,
    tasks: Object.keys(cached.keys).length,
    bound: 0,
    cached: true,
  }
}
