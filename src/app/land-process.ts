/**
 * The landing process: `node land-process.ts` with its options as JSON in the first argument. Says its progress in lines of JSON, the first when it is at work.
 * SIGTERM: lands what the log holds, ends. Where events go to Kafka, it ships the local logs there too, and lands from there.
 */
import { formatError, isMaruError } from '../base/errors.ts'
import { nodeFiles } from '../base/node-files.ts'
import { followSettings, ship, startLanding } from '../collect/collect.ts'
import type { LogReader } from '../collect/log.ts'
import { openKafkaLog, openKafkaReader } from '../collect/log/kafka-log.ts'
import { openSegmentReader } from '../collect/log/segment-reader.ts'
import type { KafkaConfig } from '../model/build.ts'
import { openEngine, openLakeOver, openState } from './adapters.ts'

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

if (import.meta.main) await main(JSON.parse(process.argv[2] ?? '{}') as LandProcessOptions)

async function main(options: LandProcessOptions): Promise<void> {
  const { settingsPath, workFolder, zone, kafka } = options
  const onError = (error: unknown): void => {
    process.stderr.write(`maru: ${formatError(error)}\n`)
    // Another landing is at work: whoever watches this process starts it again, and it waits for its turn.
    if (isMaruError(error) && error.code === 'STATE_FENCED') process.exit(1)
  }
  const settings = await followSettings({ files: nodeFiles, path: settingsPath, onError })
  const state = await openState(options.statePath)
  const engine = await openEngine()
  const shipping = new AbortController()
  const shipped =
    kafka === undefined
      ? Promise.resolve()
      : shipTo(kafka, options.logFolder, shipping.signal).catch((error: unknown) => {
          onError(error)
          process.exit(1)
        })
  const reader = await readerOf(options)
  const landing = await startLanding({
    reader,
    lake: await openLakeOver(options.lakeFolder, state),
    state,
    engine,
    files: nodeFiles,
    zone,
    events: () => settings.current().events,
    workFolder,
    onError,
  })
  let said = ''
  const say = (): void => {
    const line = JSON.stringify(landing.progress())
    if (line !== said) process.stdout.write(`${line}\n`)
    said = line
  }
  say()
  const timer = setInterval(say, progressEveryMs)
  let isStopping = false
  const stop = async (): Promise<void> => {
    if (isStopping) return
    isStopping = true
    shipping.abort()
    await shipped
    await landing.stop()
    clearInterval(timer)
    say()
    settings.close()
    await engine.close()
    await state.close()
    process.exit(0)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop())
  // A parent that died without a word would leave this process behind.
  process.once('disconnect', () => void stop())
}

async function readerOf({ kafka, logFolder }: LandProcessOptions): Promise<LogReader> {
  const name = landingReader
  if (kafka === undefined)
    return await openSegmentReader({ folder: logFolder, name, replaces: shipReader })
  return await openKafkaReader({ brokers: kafka.brokers, topic: kafka.topic, name })
}

async function shipTo(kafka: KafkaConfig, folder: string, signal: AbortSignal): Promise<void> {
  const { brokers, topic } = kafka
  const writer = await openKafkaLog({ brokers, topic, partitions: topicPartitions })
  const reader = await openSegmentReader({ folder, name: shipReader, replaces: landingReader })
  try {
    await ship(reader, writer, {
      signal,
      onRetry: (error) => process.stderr.write(`maru: ${formatError(error)}\n`),
    })
  } finally {
    await reader.close()
    await writer.close()
  }
}
