/**
 * The project as its files say, for a process that stays up: an edit that holds takes the place of what was before, one that does not is said, and the last good
 * project goes on.
 */
import { MaruError } from '../base/errors.ts'
import { projectStamp } from '../project/project.ts'
import type { App } from './app.ts'
import { openApp } from './open.ts'

export interface FollowOptions {
  readonly folder: string
  /** The files as they are now do not make a project: why. */
  readonly onRefused: (error: unknown) => void
}

export interface FollowedProject {
  /** Absent until the files hold for the first time. It is closed when another takes its place, which only `look` does. */
  readonly current: App | undefined
  /** Whether another project is current than before the call. */
  look(): Promise<boolean>
  close(): Promise<void>
}

const readsMax = 5

export function followProject(options: FollowOptions): FollowedProject {
  return new Followed(options)
}

class Followed implements FollowedProject {
  readonly #options: FollowOptions
  #current: App | undefined
  #files: readonly string[] = []
  #stamp = ''

  constructor(options: FollowOptions) {
    this.#options = options
  }

  get current(): App | undefined {
    return this.#current
  }

  async look(): Promise<boolean> {
    if ((await projectStamp(this.#options.folder, this.#files)) === this.#stamp) return false
    try {
      const next = await this.#open()
      await this.#current?.close()
      this.#current = next
      return true
    } catch (error) {
      this.#options.onRefused(error)
      return false
    }
  }

  /** What was edited while it was read is read again; one that is edited without end is taken as it was read last. */
  async #open(): Promise<App> {
    const { folder } = this.#options
    for (let readsLeft = readsMax; ; readsLeft--) {
      const next = openApp({ folder })
      try {
        // oxlint-disable-next-line no-await-in-loop -- until it stands still
        this.#stamp = await projectStamp(folder, this.#files)
        // oxlint-disable-next-line no-await-in-loop
        this.#files = (await next.check()).files
        // oxlint-disable-next-line no-await-in-loop
        const isSame = (await projectStamp(folder, this.#files)) === this.#stamp
        if (isSame || readsLeft === 1) {
          // oxlint-disable-next-line no-await-in-loop
          await this.#requireGood(next)
          return next
        }
      } catch (error) {
        // oxlint-disable-next-line no-await-in-loop
        await next.close()
        throw error
      }
      // oxlint-disable-next-line no-await-in-loop
      await next.close()
    }
  }

  async close(): Promise<void> {
    await this.#current?.close()
  }

  /** Other processes hold the records and the lake open, and a day means the same to all. */
  async #requireGood(next: App): Promise<void> {
    await next.model()
    await next.schedule()
    if (this.#current === undefined) return
    const now = (await this.#current.check()).settings
    const then = (await next.check()).settings
    const moved = (['zone', 'lakeFolder', 'statePath'] as const).filter(
      (name) => now[name] !== then[name],
    )
    if (moved.length === 0) return
    throw new MaruError('PROJECT_CONFIG', `${moved.join(', ')} changed while maru start runs`, {
      hint: 'start again',
      where: { file: 'maru.config.ts' },
    })
  }
}
