/** How far each reader of a log directory has released it: one small file a reader, beside the segments. */
import path from 'node:path'
import type { Files } from '../../base/files.ts'
import { formatPlace, parsePlace } from './segment.ts'
import type { Place } from './segment.ts'

const prefix = 'reader-'

function releasedPath(folder: string, reader: string): string {
  return path.join(folder, `${prefix}${reader}`)
}

/** undefined: this reader is not known here. */
export async function readReleased(
  files: Files,
  folder: string,
  reader: string,
): Promise<Place | undefined> {
  const file = releasedPath(folder, reader)
  if ((await files.size(file)) === undefined) return undefined
  return parsePlace(Buffer.from(await files.read(file)).toString('utf8'))
}

export async function writeReleased(
  files: Files,
  { folder, reader, place }: { folder: string; reader: string; place: Place },
): Promise<void> {
  const file = releasedPath(folder, reader)
  const isNew = (await files.size(file)) === undefined
  const draft = path.join(folder, `draft-${prefix}${reader}`)
  await files.remove(draft)
  await files.writeNew(draft, Buffer.from(formatPlace(place)))
  await files.rename(draft, file)
  // A name that a power cut takes away would let retention go on without this reader; an older place only keeps more.
  if (isNew) await files.syncFolder(folder)
}

export async function forgetReader(files: Files, folder: string, reader: string): Promise<void> {
  await files.remove(releasedPath(folder, reader))
}

/** The first place that some reader still needs; the beginning when no reader is known, for then one has yet to come. */
export async function firstNeeded(files: Files, folder: string): Promise<Place> {
  let first: Place | undefined
  for (const { name } of await files.list(folder)) {
    if (!name.startsWith(prefix)) continue
    const place = await readReleased(files, folder, name.slice(prefix.length))
    if (place === undefined) continue
    if (first === undefined || isBefore(place, first)) first = place
  }
  return first ?? { segment: 0, offset: 0 }
}

function isBefore(left: Place, right: Place): boolean {
  return (
    left.segment < right.segment || (left.segment === right.segment && left.offset < right.offset)
  )
}
