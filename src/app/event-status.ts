/** How far events have come, and what was refused lately. */
import { dirname, join } from 'node:path'
import { messageOf } from '../base/errors.ts'
import type { LogStatus, RefusedCount } from '../collect/collect.ts'
import { loadConfig } from '../project/project.ts'
import type { ResolvedCollect } from '../project/project.ts'
import { files } from './adapters.ts'
import type { Parts } from './parts.ts'

export interface EventStatus extends LogStatus {
  readonly atMs: number
  /** Why the topic could not be asked what waits in it. */
  readonly topicFault?: string
  /** Received in the last 24 hours, most first. */
  readonly refused: readonly RefusedCount[]
}

const refusedMs = 24 * 3_600_000

export async function readEventStatus(parts: Parts): Promise<EventStatus> {
  const { countQuarantine } = await import('../collect/collect.ts')
  const { statusOfLogs } = await import('../collect/log/segment-status.ts')
  const config = await loadConfig(parts.folder)
  const kafka = config.collect?.log
  const atMs = Date.now()
  const folder = join(dirname(config.statePath), 'collect', 'log')
  const local = await statusOfLogs(files, folder, kafka === undefined ? 'lake' : 'topic')
  const topic: Waiting =
    kafka === undefined ? nothing : await readTopic(parts, kafka).catch(faultOf)
  const session = await parts.session()
  try {
    const refused = await countQuarantine({ lake: parts.lake, session }, atMs - refusedMs)
    return {
      ...topic,
      atMs,
      lanes: [...local.lanes, ...topic.lanes],
      isAtLeast: local.isAtLeast || topic.isAtLeast,
      refused,
    }
  } finally {
    await session.close()
  }
}

type Waiting = LogStatus & Pick<EventStatus, 'topicFault'>

const nothing: Waiting = { lanes: [], isAtLeast: false }

/** What the collectors hold is to be seen most of all when the broker is away. */
function faultOf(error: unknown): Waiting {
  return { lanes: [], isAtLeast: true, topicFault: messageOf(error) }
}

async function readTopic(
  { state }: Parts,
  { brokers, topic }: NonNullable<ResolvedCollect['log']>,
): Promise<LogStatus> {
  const { landedPositions, statusBehind } = await import('../collect/collect.ts')
  const { openKafkaReader } = await import('../collect/log/kafka-log.ts')
  const reader = await openKafkaReader({ brokers, topic, name: 'status' })
  try {
    return await statusBehind(reader, await landedPositions(state, reader))
  } finally {
    await reader.close()
  }
}
