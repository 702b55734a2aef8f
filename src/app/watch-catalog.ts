/**
 * Keeps the collectors' settings file at what the project says while everything runs: the catalog, the sources, the keys. An edit is compiled in a worker of its
 * own, because modules that were once imported stay. A catalog that clients of the old one could not send by waits for the next start; keys and policies never wait.
 */
import { MaruError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import {
  compareCatalogs,
  compileSettings,
  keysInForce,
  listKeys,
  writeSettings,
} from '../collect/collect.ts'
import type { CollectSettings } from '../collect/settings.ts'
import { loadConfig, loadDeclarations, projectStamp } from '../project/project.ts'
import type { ResolvedCollect } from '../project/project.ts'
import type { Model } from '../model/model.ts'
import type { State } from '../state/state.ts'

export interface CatalogWatch {
  /** Ends after what is under way. */
  close(): Promise<void>
}

export interface CatalogWatchOptions {
  readonly folder: string
  readonly state: State
  readonly files: Files
  readonly settingsPath: string
  readonly onChange?: (settings: CollectSettings) => void
  /** The edited catalog is not live: why. What held before still holds. */
  readonly onRefused: (reasons: readonly string[]) => void
  readonly onError: (error: unknown) => void
}

const configFile = 'maru.config.ts'
const eventFolder = 'raw/event'
const pollMs = 500

/** Writes the settings first: CHECK_FAILED when the catalog or the configuration has problems. */
export async function watchCatalog(options: CatalogWatchOptions): Promise<CatalogWatch> {
  const watched = new WatchedCatalog(options)
  await watched.look()
  let looking: Promise<void> | undefined
  const timer = setInterval(() => {
    looking ??= watched
      .look()
      .catch(options.onError)
      .finally(() => (looking = undefined))
  }, pollMs)
  timer.unref()
  return {
    close: async () => {
      clearInterval(timer)
      await looking
    },
  }
}

interface Loaded {
  readonly model: Model
  readonly policy: Pick<ResolvedCollect, 'sources' | 'trustedProxies'>
}

class WatchedCatalog {
  readonly #options: CatalogWatchOptions
  /** Files that the declarations were read from, and how all were then. */
  #files: readonly string[] = []
  #stamp = ''
  #loaded: Loaded | undefined
  #written: CollectSettings | undefined

  constructor(options: CatalogWatchOptions) {
    this.#options = options
  }

  async look(): Promise<void> {
    // Taken before the files are read: an edit in between is seen next time.
    const stamp = await projectStamp(this.#options.folder, this.#files)
    const edited = stamp !== this.#stamp
    this.#stamp = stamp
    if (edited) this.#loaded = await this.#load()
    if (this.#loaded !== undefined) await this.#write(this.#loaded, edited)
  }

  /** What lies elsewhere in the project may be wrong: it does not keep a good catalog from the collectors. */
  async #load(): Promise<Loaded> {
    const { folder } = this.#options
    const { model, problems, files } = await loadDeclarations(folder)
    this.#files = files
    const [first, ...others] = problems.filter(
      ({ where }) => where.file === configFile || where.file.startsWith(`${eventFolder}/`),
    )
    if (first !== undefined)
      throw new MaruError(
        'CHECK_FAILED',
        others.length === 0 ? first.message : `${first.message} (and ${others.length} more)`,
        { where: first.where, hint: 'maru check lists all problems' },
      )
    return { model, policy: (await loadConfig(folder)).collect ?? { sources: {} } }
  }

  async #write({ model, policy }: Loaded, edited: boolean): Promise<void> {
    const { files, state, settingsPath, onRefused, onChange } = this.#options
    const keys = keysInForce(await listKeys(state), Date.now())
    const next = compileSettings(model, policy, keys)
    const live = this.#written
    const reasons = live === undefined ? [] : compareCatalogs(live.events, next.events)
    if (reasons.length > 0 && edited) onRefused(reasons)
    const settings =
      live === undefined || reasons.length === 0
        ? next
        : { ...next, catalog: live.catalog, events: live.events }
    if (JSON.stringify(settings) === JSON.stringify(live)) return
    await writeSettings(files, settingsPath, settings)
    this.#written = settings
    onChange?.(settings)
  }
}
