/**
 * The landing process: `node land-process.ts` with its options as JSON in the first argument. Says its progress in lines of JSON, the first when it is at work.
 * SIGTERM: lands what the log holds, ends. Where events go to Kafka, it ships the local logs there too, and lands from there.
 */
import { isMaruError } from '../base/errors.ts'
import { nodeFiles } from '../base/node-files.ts'
import { followSettings, ship, startLanding } from '../collect/collect.ts'
import type { LogReader } from '../collect/log.ts'
import { openKafkaLog, openKafkaReader } from '../collect/log/kafka-log.ts'
import { openSegmentReader } from '../collect/log/segment-reader.ts'
import type { KafkaConfig } from '../model/build.ts'
import { openEngine, openLakeOver, openState } from './adapters.ts'
import { runChild } from './child.ts'
import type { Child } from './child.ts'

export interface LandProcessOptions {
  readonly settingsPath: string
  /** Holds the log directories of all collectors. */
  readonly logFolder: string
  readonly workFolder: string
  readonly statePath: string
  readonly lakeFolder: string
  readonly zone: string
  readonly kafka?: KafkaConfig
}

/** As many as a collector has lanes. */
const topicPartitions = 9
const progressEveryMs = 1_000
const landingReader = 'landing'
const shipReader = 'ship'

if (import.meta.main) await runChild(land)

async function land({
  options,
  stopped,
  say,
  onError,
  fail,
}: Child<LandProcessOptions>): Promise<void> {
  const { settingsPath, workFolder, zone, kafka } = options
  const settings = await followSettings({ files: nodeFiles, path: settingsPath, onError })
  const state = await openState(options.statePath)
  const engine = await openEngine()
  const shipping = new AbortController()
  const shipped =
    kafka === undefined
      ? Promise.resolve()
      : shipTo(kafka, { folder: options.logFolder, signal: shipping.signal, onError })
  shipped.catch(fail)
  const landing = await startLanding({
    reader: await readerOf(options),
    lake: await openLakeOver(options.lakeFolder, state),
    state,
    engine,
    files: nodeFiles,
    zone,
    events: () => settings.current().events,
    workFolder,
    onError: (error) => {
      // Another landing is at work: whoever watches this process starts it again, and it waits for its turn.
      if (isMaruError(error) && error.code === 'STATE_FENCED') fail(error)
      else onError(error)
    },
  })
  let said = ''
  const sayProgress = (): void => {
    const progress = landing.progress()
    if (JSON.stringify(progress) !== said) say(progress)
    said = JSON.stringify(progress)
  }
  sayProgress()
  const timer = setInterval(sayProgress, progressEveryMs)
  await stopped
  shipping.abort()
  await shipped
  await landing.stop()
  clearInterval(timer)
  sayProgress()
  settings.close()
  await engine.close()
  await state.close()
}

async function readerOf({ kafka, logFolder }: LandProcessOptions): Promise<LogReader> {
  const name = landingReader
  if (kafka === undefined)
    return await openSegmentReader({ folder: logFolder, name, replaces: shipReader })
  return await openKafkaReader({ brokers: kafka.brokers, topic: kafka.topic, name })
}

async function shipTo(
  { brokers, topic }: KafkaConfig,
  options: {
    readonly folder: string
    readonly signal: AbortSignal
    readonly onError: (error: unknown) => void
  },
): Promise<void> {
  const { folder, signal, onError } = options
  const writer = await openKafkaLog({ brokers, topic, partitions: topicPartitions })
  const reader = await openSegmentReader({ folder, name: shipReader, replaces: landingReader })
  try {
    await ship(reader, writer, {
      signal,
      onError,
    })
  } finally {
    await reader.close()
    await writer.close()
  }
}
