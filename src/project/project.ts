/** Face of the project folder: finds, checks and makes projects. What a start from the cache does not need is loaded late. */
import type { InitOptions, InitResult } from './init.ts'

export { checkProject, loadChecked } from './check.ts'
export type { CheckedProject, CheckOptions } from './checked-project.ts'
export { loadConfig } from './config.ts'
export type { ProjectSettings, ResolvedConfig, SourceConfig } from './config.ts'
export { findProject } from './find.ts'
export type { InitOptions, InitResult } from './init.ts'

/** Writes a new project; PROJECT_EXISTS when any of what it would write is there. */
export async function initProject(folder: string, options: InitOptions = {}): Promise<InitResult> {
  const init = await import('./init.ts')
  return init.initProject(folder, options)
}
export { maruVersion } from './maru-identity.ts'
