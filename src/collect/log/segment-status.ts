/** The status of log directories on the local disk, by what their readers have released. */
import { join } from 'node:path'
import type { Files } from '../../base/files.ts'
import { LaneCount, lookBytesMax, readBytesMax, together } from '../log-status.ts'
import type { LaneStatus, LogStatus } from '../log-status.ts'
import { framedBytes } from './frame.ts'
import { firstNeeded } from './released.ts'
import { SegmentFile, listSegments } from './segment.ts'

/** Of each directory below the folder. */
export async function statusOfLogs(
  files: Files,
  folder: string,
  to: LaneStatus['to'],
): Promise<LogStatus> {
  const entries = await files.list(folder)
  const names = entries.filter(({ isFolder }) => isFolder).map(({ name }) => name)
  const found: LogStatus[] = []
  for (const name of names.toSorted())
    found.push(await statusOfFolder(files, { folder: join(folder, name), log: name, to }))
  return together(found)
}

async function statusOfFolder(
  files: Files,
  of: { readonly folder: string; readonly log: string; readonly to: LaneStatus['to'] },
): Promise<LogStatus> {
  const needed = await firstNeeded(files, of.folder)
  const counted = new LaneCount(of.log, of.to)
  let leftBytes = lookBytesMax
  for (const segment of await listSegments(files, of.folder)) {
    if (segment.number < needed.segment) continue
    const file = await SegmentFile.open(segment)
    try {
      for (let offset = 0; ;) {
        if (leftBytes <= 0) return counted.status(true)
        const part = await file.read(offset, readBytesMax)
        let end = offset
        for (const record of part.records) {
          end += framedBytes(record)
          const hasArrived = segment.number === needed.segment && end <= needed.offset
          counted.add(record, hasArrived)
        }
        leftBytes -= part.offset - offset
        offset = part.offset
        // What is torn at the end was not acknowledged.
        if (part.next !== 'more' || part.records.length === 0) break
      }
    } finally {
      await file.close()
    }
  }
  return counted.status(false)
}
