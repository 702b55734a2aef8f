/** The one JSON file by which the project tells its collectors what holds: replaced whole, seen within a second. */
import { dirname, join } from 'node:path'
import { randomUUID } from 'node:crypto'
import { MaruError } from '../base/errors.ts'
import { fileStamp } from '../base/file-stamp.ts'
import type { Files } from '../base/files.ts'
import type { CollectSettings } from './settings.ts'

const formatVersion = 1
const pollMs = 250

/** Durable and whole: a reader sees the old file or the new one. */
export async function writeSettings(
  files: Files,
  path: string,
  settings: CollectSettings,
): Promise<void> {
  const folder = dirname(path)
  await files.makeFolder(folder)
  const temporary = join(folder, `.settings-${randomUUID()}`)
  await files.writeNew(temporary, Buffer.from(JSON.stringify({ formatVersion, settings })))
  await files.rename(temporary, path)
  await files.syncFolder(folder)
}

/** NOT_FOUND without the file; FILE_FAILED when it cannot be understood. */
export async function readSettings(files: Files, path: string): Promise<CollectSettings> {
  if ((await files.size(path)) === undefined)
    throw new MaruError('NOT_FOUND', `there are no settings in ${path}`, {
      hint: 'maru start writes them from the project',
    })
  return parseSettings(Buffer.from(await files.read(path)).toString(), path)
}

/** Only Maru writes the file, and whole, so its version says all about its shape. */
function parseSettings(text: string, path: string): CollectSettings {
  try {
    const read = JSON.parse(text) as { formatVersion?: unknown; settings: CollectSettings }
    if (read.formatVersion === formatVersion) return read.settings
  } catch {
    // Said below: it is not what Maru writes.
  }
  throw new MaruError('FILE_FAILED', `${path} does not hold settings of this version of Maru`, {
    hint: 'maru start writes them anew',
  })
}

export interface FollowedSettings {
  current(): CollectSettings
  close(): void
}

export interface FollowOptions {
  readonly files: Files
  readonly path: string
  /** A changed file cannot be read: what held before still holds. */
  readonly onError: (error: unknown) => void
}

/**
 * What holds, within a second of each change. NOT_FOUND without the file; FILE_FAILED when it cannot be understood at first. Asks for the file's time instead of
 * waiting for notices, which some file systems never send.
 */
export async function followSettings(options: FollowOptions): Promise<FollowedSettings> {
  const { files, path, onError } = options
  // Before the file is read: a change in between is seen at the next look.
  let seen = await fileStamp(path)
  let current = await readSettings(files, path)
  let busy = false
  const look = async (): Promise<void> => {
    const stamp = await fileStamp(path)
    if (stamp === seen) return
    seen = stamp
    current = await readSettings(files, path)
  }
  const timer = setInterval(() => {
    if (busy) return
    busy = true
    void look()
      .catch(onError)
      .finally(() => (busy = false))
  }, pollMs)
  timer.unref()
  return { current: () => current, close: () => clearInterval(timer) }
}
