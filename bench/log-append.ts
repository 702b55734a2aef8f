/**
 * How many records a second the log of segments makes durable. A hundred senders each wait for their record. Beside: the same grouping with a bare `writev` and
 * `fdatasync` of one file, without frames, checksums or segments, taken in turn.
 */
import { mkdtemp, open, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { openSegmentLog } from '../src/collect/log/segment-log.ts'
import { median } from './figure.ts'
import type { Bench, Figure } from './figure.ts'

interface Appender {
  append(bytes: Uint8Array): Promise<void>
  close(): Promise<void>
}

const senders = 100
const sizes = [
  { what: 'one event', bytes: 735 },
  { what: 'twenty events', bytes: 13_900 },
]

export const run: Bench = async ({ short }) => {
  const rounds = short ? 3 : 7
  const durationMs = short ? 500 : 2_000
  const figures: Figure[] = []
  for (const { what, bytes } of sizes) {
    const log: number[] = []
    const bare: number[] = []
    for (let round = 0; round < rounds; round++) {
      log.push(await appendsPerSecond(openLog, { bytes, durationMs }))
      bare.push(await appendsPerSecond(openBare, { bytes, durationMs }))
    }
    figures.push({
      what: `durable records of ${bytes} bytes (${what})`,
      value: median(log),
      unit: 'records/s',
      beside: { what: 'writev and fdatasync', value: median(bare) },
      ratio: Number(median(log.map((value, round) => value / bare[round]!)).toPrecision(3)),
    })
  }
  return figures
}

async function appendsPerSecond(
  openIn: (folder: string) => Promise<Appender>,
  load: { readonly bytes: number; readonly durationMs: number },
): Promise<number> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'maru-bench-log-'))
  const appender = await openIn(folder)
  try {
    const bytes = Buffer.alloc(load.bytes, '{"event":"product_clicked"}')
    const startedAtMs = performance.now()
    const endsAtMs = startedAtMs + load.durationMs
    let count = 0
    const send = async (): Promise<void> => {
      while (performance.now() < endsAtMs) {
        await appender.append(bytes)
        count++
      }
    }
    await Promise.all(Array.from({ length: senders }, send))
    return (count / (performance.now() - startedAtMs)) * 1000
  } finally {
    await appender.close()
    await rm(folder, { recursive: true })
  }
}

async function openLog(folder: string): Promise<Appender> {
  const log = await openSegmentLog({ folder })
  return {
    append: (bytes) => log.append([{ partition: 0, bytes }]),
    close: () => log.close(),
  }
}

async function openBare(folder: string): Promise<Appender> {
  const file = await open(path.join(folder, 'bare'), 'ax')
  let waiting: { readonly bytes: Uint8Array; readonly resolve: () => void }[] = []
  let isDraining = false
  const drain = async (): Promise<void> => {
    isDraining = true
    await setImmediate()
    while (waiting.length > 0) {
      const group = waiting
      waiting = []
      await file.writev(group.map(({ bytes }) => bytes))
      await file.datasync()
      for (const { resolve } of group) resolve()
    }
    isDraining = false
  }
  return {
    append: (bytes) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.push({ bytes, resolve })
      if (!isDraining) void drain()
      return promise
    },
    close: () => file.close(),
  }
}
