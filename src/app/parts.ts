import type { Engine, Session } from '../engine/engine.ts'
import type { Lake } from '../lake/lake.ts'
import type { Model } from '../model/model.ts'
import type { Task } from '../plan/plan.ts'
import type { State } from '../state/state.ts'

/** The opened parts of a project, which the files beside this one work with. */
export interface Parts {
  readonly folder: string
  readonly model: Model
  readonly tasks: () => Promise<readonly Task[]>
  readonly state: State
  readonly lake: Lake
  readonly engine: () => Promise<Engine>
  session(): Promise<Session>
}
