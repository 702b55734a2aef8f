/** Face of the project folder: finds, loads, checks and makes projects. */
export { checkProject, loadChecked } from './check.ts'
export type { CheckedProject, CheckOptions } from './check.ts'
export type { ProjectSettings, ResolvedConfig } from './config.ts'
export { findProject } from './find.ts'
export { initProject } from './init.ts'
export { loadProject } from './load.ts'
export type { LoadOptions } from './load.ts'
export type { LoadedProject } from './loaded-project.ts'
