/** A process that appends until it is killed, several at once, and prints each record once it is acknowledged. */
import { writeSync } from 'node:fs'
import { openSegmentLog } from './segment-log.ts'

const [folder, name] = process.argv.slice(2)
const log = await openSegmentLog({ folder: folder!, segmentBytesMax: 40_000 })
let next = 0

async function appendForEver(): Promise<never> {
  for (;;) {
    const text = `${name}-${next++}-${'x'.repeat(next % 300)}`
    await log.append([{ partition: 0, bytes: Buffer.from(text) }])
    writeSync(1, `${text}\n`)
  }
}

await Promise.all(Array.from({ length: 10 }, appendForEver))
