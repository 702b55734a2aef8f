/** Refused events: what there is, and bringing back what today's catalog takes. */
import { dirname, join } from 'node:path'
import type { QuarantineFilter, Refused, Replayed } from '../collect/collect.ts'
import { loadConfig } from '../project/project.ts'
import { openSegmentLog } from '../collect/log/segment-log.ts'
import type { Parts } from './parts.ts'

export async function listRefused(
  parts: Parts,
  filter: QuarantineFilter,
): Promise<readonly Refused[]> {
  const { listQuarantine } = await import('../collect/collect.ts')
  const session = await parts.session()
  try {
    return await listQuarantine({ lake: parts.lake, session }, filter)
  } finally {
    await session.close()
  }
}

/** LOG_IN_USE while another replay is at work. */
export async function replayRefused(parts: Parts, filter: QuarantineFilter): Promise<Replayed> {
  const { compileSettings, replayQuarantine } = await import('../collect/collect.ts')
  const config = await loadConfig(parts.folder)
  const settings = compileSettings(parts.model, config.collect ?? { sources: {} }, [])
  const refused = await listRefused(parts, filter)
  const folder = join(dirname(config.statePath), 'collect', 'log', 'replay')
  const log = await openSegmentLog({ folder })
  try {
    return await replayQuarantine(refused, { settings, log })
  } finally {
    await log.close()
  }
}
