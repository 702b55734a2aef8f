/** What passes between `load.ts` and the worker thread that imports the declarations. */
import type { Problem } from '../base/errors.ts'
import type { Model } from '../model/model.ts'
import type { ProjectSettings } from './config.ts'

export interface LoadedProject {
  readonly settings: ProjectSettings
  /** Whole when there are no problems; else as much as could be understood. */
  readonly model: Model
  readonly problems: readonly Problem[]
  /** Every file that the result depends on, relative to the project folder. */
  readonly files: readonly string[]
  /** Names of the environment variables that were read. */
  readonly environment: readonly string[]
}

export interface LoadRequest {
  readonly folder: string
  /** Where the code of the project's `maru` lies: what is imported from there is not the author's. */
  readonly maruFolder: string
  readonly files: readonly string[]
  /** One 32-bit number: the index of the file being imported, for whoever has to say which one hangs. */
  readonly current: SharedArrayBuffer
}
