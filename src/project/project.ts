/** Face of the project folder: finds, checks and makes projects. What a start from the cache does not need is loaded late. */
import type { InitOptions, InitResult } from './init.ts'
import type { LoadedProject } from './loaded-project.ts'

export { checkProject, loadChecked } from './check.ts'
export type { CheckedProject, CheckOptions } from './checked-project.ts'
export { loadConfig } from './config.ts'
export type {
  ProjectSettings,
  ResolvedCollect,
  ResolvedCollectSource,
  ResolvedConfig,
  SourceConfig,
} from './config.ts'
export { findProject, projectStamp } from './find.ts'
export type { InitOptions, InitResult } from './init.ts'
export type { LoadedProject } from './loaded-project.ts'

/** Declarations as they are now, with the problems that need no engine to be seen. */
export async function loadDeclarations(folder: string): Promise<LoadedProject> {
  const load = await import('./load.ts')
  return load.loadProject(folder)
}

/** Writes a new project; PROJECT_EXISTS when any of what it would write is there. */
export async function initProject(folder: string, options: InitOptions = {}): Promise<InitResult> {
  const init = await import('./init.ts')
  return init.initProject(folder, options)
}
export { maruVersion } from './maru-identity.ts'
